#!/usr/bin/python3
"""A multiprocessing pool over shared memory whose main process dies of SIGKILL at work.

    pool-loses-its-main.py fork|spawn|forkserver suicide|victim

A worker looks for its main process only between two tasks, and a task takes its time. Python's
resource tracker, which ignores SIGINT and SIGTERM, waits for the last worker before it unlinks
the shared memory and ends.

`suicide` kills itself (an assertion in a C library, the out-of-memory killer); `victim` waits to
be killed. Writes the pids of main process, resource tracker and workers to `pids`, the name of
the shared memory to `shm`, and creates `ready` when it is at the point where it dies.
"""

import multiprocessing
import os
import signal
import sys
import time
from multiprocessing import resource_tracker, shared_memory

WORKERS = 4


def begin(barrier):
    """Runs first in each worker."""
    begin.barrier = barrier


def touch(name):
    """One task for each worker: none returns before all have begun, so that none has two."""
    begin.barrier.wait()
    memory = shared_memory.SharedMemory(name=name)
    memory.buf[0] += 1
    memory.close()
    return os.getpid()


def work(name):
    """The task in which the worker is when its main process dies. Bounded, in case nobody ends it."""
    memory = shared_memory.SharedMemory(name=name)
    begin.barrier.wait()
    time.sleep(120)
    memory.close()


def write(name, text):
    with open(name + ".new", "w") as file:
        file.write(text)
    os.rename(name + ".new", name)


def main():
    method, death = sys.argv[1:]
    context = multiprocessing.get_context(method)
    memory = shared_memory.SharedMemory(create=True, size=1 << 20)
    barrier = context.Barrier(WORKERS + 1)  # the main process takes part
    with context.Pool(WORKERS, begin, (barrier,)) as pool:
        touched = pool.map_async(touch, [memory.name] * WORKERS, chunksize=1)
        barrier.wait()
        workers = touched.get()
        pool.map_async(work, [memory.name] * WORKERS, chunksize=1)
        barrier.wait()
        tracker = resource_tracker._resource_tracker._pid
        write("shm", memory.name)
        write("pids", "\n".join(map(str, [os.getpid(), tracker, *workers])))
        write("ready", "")
        if death == "suicide":
            os.kill(os.getpid(), signal.SIGKILL)
        signal.alarm(120)
        signal.pause()


if __name__ == "__main__":
    main()
