#!/usr/bin/python3
"""Ten workers that need two seconds to say goodbye, in a parent that does not wait for them.

    slow-goodbyes.py group|sessions

On SIGTERM a worker works off what it has in hand for two seconds and then writes one line to
`goodbyes`; the parent exits at once. With `sessions` each worker has a session of its own, so
that no signal to the process group reaches it. Creates `ready` when all can be told to stop.
"""

import os
import signal
import sys
import time

WORKERS = 10


def say_goodbye(number):
    def handler(signum, frame):
        time.sleep(2)
        with open("goodbyes", "a") as file:
            file.write(f"{number}\n")
        sys.exit(0)

    return handler


def worker(number, ready, sessions):
    if sessions:
        os.setsid()
    signal.signal(signal.SIGTERM, say_goodbye(number))
    os.write(ready, b".")
    os.close(ready)
    wait()
    sys.exit(1)


def wait():
    """Wait for a signal, bounded, in case nobody ever ends us.

    Not in one long sleep: Python runs a handler before the next step of the program, so a signal that
    comes just before a sleep begins would have to wait for its end.
    """
    for _ in range(1200):
        time.sleep(0.1)


def main():
    sessions = sys.argv[1] == "sessions"
    signal.signal(signal.SIGTERM, lambda signum, frame: os._exit(0))
    ready, say_ready = os.pipe()
    for number in range(WORKERS):
        if os.fork() == 0:
            worker(number, say_ready, sessions)
    for _ in range(WORKERS):
        os.read(ready, 1)
    open("ready", "w").close()
    wait()
    sys.exit(1)


main()
