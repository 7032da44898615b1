"""ask_kernel.py PATIENCE: has the notebook server on port 8000 start a kernel and execute something in it, as the browser does.

Prints what the kernel answers. What it executes leaves an orphan behind; the last line is the number of zombies once that has ended, and
PATIENCE seconds have passed if it is not 0.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

import websocket

SERVER = "127.0.0.1:8000"
LIMIT = 60
AUTHORIZATION = {"Authorization": "token secret"}
CODE = """
import os
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.write(writer, b"%d" % os.getpid())
    os._exit(0)
os.wait()
os.close(writer)
print(6 * 7)
print(os.read(reader, 100).decode())
"""


def call(method, path):
    data = b"{}" if method == "POST" else None
    request = urllib.request.Request(f"http://{SERVER}{path}", data=data, headers=AUTHORIZATION, method=method)
    with urllib.request.urlopen(request, timeout=LIMIT) as response:
        return json.loads(response.read() or b"null")


def await_server():
    end = time.monotonic() + LIMIT
    while True:
        try:
            return call("GET", "/api")
        except (OSError, urllib.error.URLError):
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def execute(kernel, code):
    """What the code writes to stdout. See the messaging protocol of Jupyter, version 5."""
    channels = websocket.create_connection(f"ws://{SERVER}/api/kernels/{kernel}/channels", timeout=LIMIT, header=AUTHORIZATION)
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": uuid.uuid4().hex, "username": "", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    channels.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
    written = ""
    while True:
        message = json.loads(channels.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "stream":
            written += message["content"]["text"]
        if message["msg_type"] == "error":
            sys.exit("\n".join(message["content"]["traceback"]))
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            channels.close()
            return written


def state(pid):
    """A letter of proc_pid_stat(5), or a space where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return " "


def zombies():
    return sum(state(name) == "Z" for name in os.listdir("/proc") if name.isdigit())


def until(patience, fact):
    end = time.monotonic() + patience
    while not fact() and time.monotonic() < end:
        time.sleep(0.002)


await_server()
kernel = call("POST", "/api/kernels")["id"]
answer, orphan = execute(kernel, CODE).split()
until(LIMIT, lambda: state(orphan) in "Z ")
until(float(sys.argv[1]), lambda: zombies() == 0)
print(answer)
print(zombies())
call("DELETE", f"/api/kernels/{kernel}")
