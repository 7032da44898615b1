"""The application as a view of Flask."""

from double_fork import forget, stranger
from flask import Flask

app = Flask(__name__)


@app.route("/")
def page():
    return {"stranger": stranger(), "helper": forget()}
