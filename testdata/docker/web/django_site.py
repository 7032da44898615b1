"""The application as a view of Django, and its manage.py."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import JsonResponse
from django.urls import path
from double_fork import forget, stranger


def page(request):
    return JsonResponse({"stranger": stranger(), "helper": forget()})


urlpatterns = [path("", page)]
settings.configure(DEBUG=True, SECRET_KEY="none", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"])

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
