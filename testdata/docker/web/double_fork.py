"""A WSGI application each of whose requests starts a helper as a daemon is started: fork, fork again, forget.

It waits for its child, as it should. The helper is an orphan by then, and ends; whose business its zombie is depends on what
is PID 1. Besides, the application looks for children that it has not made: under a good init there are none.
"""

import json
import os


def application(environ, start_response):
    body = json.dumps({"stranger": stranger(), "helper": forget()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def stranger():
    """A child that waits to be reaped, though every child of ours has been: left as it is (WNOWAIT). 0 for none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


def forget():
    """The process id of a helper. It holds a pipe, whose end of file says that it is over with it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.write(writer, b"%d" % os.getpid())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader, encoding="ascii") as pipe:
        return int(pipe.read())
