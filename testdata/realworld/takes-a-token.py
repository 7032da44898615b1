#!/usr/bin/python3
"""A server that a recipe of make starts, and that takes one of make's job slots with it.

It inherits the jobserver (the pipe or fifo that MAKEFLAGS names), stdout and everything else
that a daemon would close; once it has its token, the process that the recipe waits for exits.
"""

import os
import re
import signal
import sys


def jobserver():
    """The descriptor to read tokens from: GNU make 4.2 to 4.3 passes a pipe, 4.4 a fifo's name."""
    style = re.search(r"--jobserver-auth=(?:fifo:(\S+)|(\d+),\d+)", os.environ.get("MAKEFLAGS", ""))
    if not style:
        sys.exit("takes-a-token: no jobserver in MAKEFLAGS")
    return os.open(style[1], os.O_RDWR) if style[1] else int(style[2])


os.read(jobserver(), 1)
if os.fork() == 0:
    os.setsid()
    signal.alarm(120)  # a bound, in case nobody ever ends us
    signal.pause()
