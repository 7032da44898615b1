#!/usr/bin/python3
"""A web server that starts bash, which starts perl, and kills bash for being slow.

    impatient-server.py SOCKET

Listens on a unix socket. `GET /report` runs slow-report.bash, kills it once perl is at work, and
answers with perl's pid. Killing the shell does not end perl: nobody knows of it any more but the
one who adopts it, while the server goes on for days. `GET /ping` answers with the server's own
pid, `GET /quit` ends it.
"""

import http.server
import os
import signal
import socketserver
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"/report": report, "/ping": lambda: str(os.getpid()), "/quit": self.quit}[self.path]()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def quit(self):
        self.server.over = True
        return "bye"

    def address_string(self):  # a unix socket's peer has no address
        return "client"

    def log_message(self, *args):
        pass


def report():
    """What `subprocess.run(..., timeout=...)` does, with perl's first line for the clock."""
    bash = subprocess.Popen(
        ["/bin/bash", os.path.join(HERE, "slow-report.bash")], stdout=subprocess.PIPE, text=True
    )
    perl = bash.stdout.readline().strip()
    bash.kill()
    bash.wait()
    bash.stdout.close()
    return perl


class Server(socketserver.UnixStreamServer):
    over = False


signal.alarm(120)  # a bound, in case nobody ever ends us
with Server(sys.argv[1], Pages) as server:
    while not server.over:
        server.handle_request()
