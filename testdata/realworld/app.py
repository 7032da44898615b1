"""The smallest WSGI application; tells that a worker has loaded it."""

import os

open(f"worker.{os.getpid()}", "w").close()


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]
