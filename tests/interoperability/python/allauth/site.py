"""A Django site that signs users in with django-allauth, as its documentation says.

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
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

configuration: dict[str, Any] = json.loads(input())
documented: dict[str, Any] = {}
exec(configuration["settings"], {}, documented)
settings.configure(
    SECRET_KEY="test",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": configuration["database"]}
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ACCOUNT_EMAIL_VERIFICATION="none",
    LOGIN_REDIRECT_URL="/",
    **documented,
)
django.setup()


def index(request: HttpRequest) -> JsonResponse:
    """Say who is signed in, and what the provider said."""
    user: Any = request.user
    if not user.is_authenticated:
        return JsonResponse({"username": None})
    account = user.socialaccount_set.get()
    return JsonResponse(
        {"username": user.username, "email": user.email, "userinfo": account.extra_data["userinfo"]}
    )


urlpatterns = [path("", index), path("accounts/", include("allauth.urls"))]
call_command("migrate", verbosity=0)
server = waitress.create_server(
    get_wsgi_application(), host="127.0.0.1", port=configuration["port"], threads=2
)
print("ready", flush=True)
server.run()
