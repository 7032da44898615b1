#!/usr/bin/env python3
"""A service as sd_watchdog_enabled(3) wants it: it is watched if WATCHDOG_PID names it. It says ten
times that it lives, within three seconds, and hangs then."""
import os
import socket
import sys
import time

notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
notify.send(b"READY=1")
if os.environ.get("WATCHDOG_PID") != str(os.getpid()):
    sys.exit("not watched")
for n in range(10):
    notify.send(b"WATCHDOG=1")
    with open("pings", "a") as f:
        print(n, file=f)
    time.sleep(0.3)
time.sleep(1000)
