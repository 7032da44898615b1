#!/usr/bin/python3
"""Run a command the way a container without an init runs it: orphans become its own children.

    adopts-orphans.py COMMAND [ARG...]

Being a subreaper survives execve(2), so the command itself adopts, without having asked for it
and without ever waiting for what it adopted. It is what being PID 1 of a namespace is, and needs
no privileges. It shows that a case about zombies bites at all, because `tini -s` reaps too.
"""

import ctypes
import os
import sys

PR_SET_CHILD_SUBREAPER = 36

if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit(f"adopts-orphans: prctl: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
