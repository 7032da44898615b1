"""client.py REQUESTS PATIENCE: asks the server on port 8000 for pages, and counts zombies after each.

It shares the server's PID namespace, but is no descendant of its PID 1. A helper has closed its pipe when its page is there, and is a
zombie a moment later at most, which is waited for; and then, for PATIENCE seconds, until there are no zombies. Where they stay,
nobody reaps here: from then on they are only counted.
"""

import http.client
import json
import os
import sys
import time

LIMIT = 60


def main(requests, patience):
    until(LIMIT, answers)
    highest = strangers = 0
    for _ in range(requests):
        page = fetch()
        strangers += page["stranger"] != 0
        until(LIMIT, lambda: state(page["helper"]) in "Z ")
        if not until(patience, lambda: zombies() == 0):
            patience = 0
        highest = max(highest, zombies())
    until(patience, lambda: zombies() == 0)
    print(json.dumps({"highest": highest, "after": zombies(), "strangers": strangers}))


def fetch():
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=LIMIT)
    connection.request("GET", "/")
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != 200:
        sys.exit(f"status {response.status}: {body!r}")
    return json.loads(body)


def answers():
    try:
        fetch()
    except OSError:
        return False
    return True


def until(patience, fact):
    """Whether it becomes one in that many seconds."""
    end = time.monotonic() + patience
    while not fact():
        if time.monotonic() >= end:
            return False
        time.sleep(0.002)
    return True


def state(pid):
    """A letter of proc_pid_stat(5), or a space where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return " "


def zombies():
    return sum(state(name) == "Z" for name in os.listdir("/proc") if name.isdigit())


main(int(sys.argv[1]), float(sys.argv[2]))
