"""A Django site that signs users in with social-auth-core, as its documentation says.

``python site.py`` reads one line of JSON: ``port``, ``database`` and ``settings``, the text of
further settings. It writes ``ready`` and serves.
"""

import json
from typing import Any

import django
import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path

configuration: dict[str, Any] = json.loads(input())
documented: dict[str, Any] = {}
exec(configuration["settings"], {}, documented)
settings.configure(
    SECRET_KEY="test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": configuration["database"]}
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "social_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    LOGIN_REDIRECT_URL="/",
    **documented,
)
django.setup()

from social_django.utils import load_strategy  # noqa: E402


def index(request: HttpRequest) -> JsonResponse:
    """Say who is signed in."""
    user: Any = request.user
    if not user.is_authenticated:
        return JsonResponse({"username": None})
    return JsonResponse({"username": user.username, "email": user.email})


def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the button that starts the login."""
    return HttpResponse(
        '<form id="sign_in" method="post" action="/login/oidc/">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}"></form>'
    )


def refresh(request: HttpRequest) -> JsonResponse:
    """Refresh the user's access token."""
    user: Any = request.user
    account = user.social_auth.get()
    former = account.access_token
    account.refresh_token(load_strategy(request))
    return JsonResponse({"refreshed": account.access_token != former})


urlpatterns = [
    path("", index),
    path("sign-in/", sign_in),
    path("refresh/", refresh),
    path("", include("social_django.urls", namespace="social")),
]
call_command("migrate", verbosity=0)
server = waitress.create_server(
    get_wsgi_application(), host="127.0.0.1", port=configuration["port"], threads=2
)
print("ready", flush=True)
server.run()
