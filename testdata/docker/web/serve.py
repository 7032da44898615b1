"""serve.py wsgiref|tornado: the application under a server that has no command of its own."""

import sys

from double_fork import application

if sys.argv[1] == "wsgiref":
    from wsgiref.simple_server import make_server

    make_server("127.0.0.1", 8000, application).serve_forever()
else:
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.wsgi import WSGIContainer

    HTTPServer(WSGIContainer(application)).listen(8000, "127.0.0.1")
    IOLoop.current().start()
