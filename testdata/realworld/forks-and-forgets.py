#!/usr/bin/python3
"""A small server that starts its helpers as daemons are started: fork, fork again, forget.

    forks-and-forgets.py

Each round forks a child, which forks a grandchild and exits at once. The server waits for its
child, as it should; the grandchild belongs to whoever adopts orphans, and a program that runs
as the first process of a container is that somebody without knowing it.

A line on stdout after each round. It goes on until its stdin ends, and ends itself when all its
helpers have: what it leaves behind is zombies at most.
"""

import os
import select
import signal
import sys
import time


def child(round_number, tell):
    """Fork the helper and leave. Every second helper is a zombie before it is an orphan."""
    helper = os.fork()
    if helper == 0:
        signal.alarm(60)  # a bound, in case nobody ever ends us
        work(round_number)
        os._exit(0)
    os.write(tell, b"%d\n" % helper)
    if round_number % 2:
        os.waitid(os.P_PID, helper, os.WEXITED | os.WNOWAIT)  # see it dead, do not reap it
    os._exit(0)


def work(round_number):
    """Odd helpers end at once, even ones burn a moment of processor time after the adoption."""
    if round_number % 2 == 0:
        sum(range(20_000))


def at_work(helper):
    try:
        with open(f"/proc/{helper}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main():
    signal.alarm(120)
    hear, tell = os.pipe()
    helpers = []
    round_number = 0
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        round_number += 1
        pid = os.fork()
        if pid == 0:
            child(round_number, tell)
        os.waitpid(pid, 0)
        helpers.append(int(os.read(hear, 20)))
        print(round_number, flush=True)
    while any(at_work(helper) for helper in helpers[-100:]):
        time.sleep(0.001)


main()
