"""Serves examples/snippets/django with somebody logged in: FOLDER PORT."""
import sys
from types import SimpleNamespace
from wsgiref.simple_server import make_server

from django.conf import settings
from django.core.wsgi import get_wsgi_application

folder, port = sys.argv[1:]
sys.path.insert(0, folder)


def logged_in(get_response):
    def middleware(request):
        request.user = SimpleNamespace(is_authenticated=True, pk=1, get_username=lambda: "Ann")
        return get_response(request)

    return middleware


settings.configure(SECRET_KEY="test", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF="realtime", MIDDLEWARE=["__main__.logged_in"])
make_server("127.0.0.1", int(port), get_wsgi_application()).serve_forever()
