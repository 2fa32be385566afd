"""A Django site that signs people in with mozilla-django-oidc, as its documentation says.

``python django_site.py`` reads one line of JSON: ``port``, ``database``, ``issuer``, ``client_id``,
``client_secret`` and further ``settings`` by their names. It says ``ready`` and serves.
"""

import json
from typing import Any
from urllib.parse import urlencode

import django
import requests
import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.urls import include, path

configuration: dict[str, Any] = json.loads(input())
site = f"http://127.0.0.1:{configuration['port']}/"
metadata: dict[str, Any] = requests.get(
    f"{configuration['issuer']}/.well-known/openid-configuration", timeout=30
).json()


def end_session_url(request: HttpRequest) -> str:
    """Return where the person signs out of the provider; the library leaves that to the site."""
    query = {
        "id_token_hint": request.session["oidc_id_token"],
        "client_id": settings.OIDC_RP_CLIENT_ID,
        "post_logout_redirect_uri": site,
    }
    return f"{metadata['end_session_endpoint']}?{urlencode(query)}"


def index(request: HttpRequest) -> HttpResponse:
    """Say who is signed in."""
    user: Any = request.user
    if not user.is_authenticated:
        return HttpResponse("nobody")
    return HttpResponse(
        f"{user.pk}: {user.email}"
        '<form id="site_logout" method="post" action="/oidc/logout/">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}"></form>'
    )


def later(request: HttpRequest) -> HttpResponse:
    """Let the time pass after which the library asks the provider again."""
    request.session["oidc_id_token_expiration"] = 0
    return HttpResponseRedirect("/")


settings.configure(
    SECRET_KEY="of no worth",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": configuration["database"]}
    },
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "mozilla_django_oidc.middleware.SessionRefresh",
    ],
    AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
    LOGIN_REDIRECT_URL="/",
    LOGIN_REDIRECT_URL_FAILURE="/",
    LOGOUT_REDIRECT_URL="/",
    OIDC_RP_CLIENT_ID=configuration["client_id"],
    OIDC_RP_CLIENT_SECRET=configuration["client_secret"],
    OIDC_OP_AUTHORIZATION_ENDPOINT=metadata["authorization_endpoint"],
    OIDC_OP_TOKEN_ENDPOINT=metadata["token_endpoint"],
    OIDC_OP_USER_ENDPOINT=metadata["userinfo_endpoint"],
    OIDC_OP_JWKS_ENDPOINT=metadata["jwks_uri"],
    OIDC_OP_LOGOUT_URL_METHOD=f"{__name__}.end_session_url",
    OIDC_STORE_ID_TOKEN=True,
    **configuration["settings"],
)
django.setup()
urlpatterns = [
    path("", index),
    path("later/", later),
    path("oidc/", include("mozilla_django_oidc.urls")),
]
call_command("migrate", verbosity=0)
server = waitress.create_server(
    get_wsgi_application(), host="127.0.0.1", port=configuration["port"], threads=2
)
print("ready", flush=True)
server.run()
