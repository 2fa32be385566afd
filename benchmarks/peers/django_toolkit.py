"""django-oauth-toolkit as a peer, on gunicorn: `gunicorn django_toolkit:application`.

Environment: PORT, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, RSA_KEY, DATABASE. Run as a program
first: it makes the tables and the clients. A secret is kept as it is: the toolkit's default, a
slow password hash at each request, would measure nothing but that hash.
"""

import json
import os

import django
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "CONN_MAX_AGE": None,
            **json.loads(os.environ["DATABASE"]),
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": os.environ["RSA_KEY"],
        "SCOPES": {"openid": "", "profile": "", "email": ""},
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="benchmark",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    USE_TZ=True,
)
django.setup()


@csrf_exempt
def sign_in(request):
    user, _ = get_user_model().objects.get_or_create(username=request.POST["username"])
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(status=204)


urlpatterns = [
    path("login", sign_in),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
application = get_wsgi_application()


def prepare() -> None:
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    client_id = os.environ["CLIENT_ID"]
    for name, grant_type in (
        (client_id, Application.GRANT_AUTHORIZATION_CODE),
        (f"{client_id}-service", Application.GRANT_CLIENT_CREDENTIALS),
    ):
        Application.objects.get_or_create(
            client_id=name,
            defaults={
                "client_secret": os.environ["CLIENT_SECRET"],
                "hash_client_secret": False,
                "client_type": Application.CLIENT_CONFIDENTIAL,
                "authorization_grant_type": grant_type,
                "redirect_uris": os.environ["REDIRECT_URI"],
                "skip_authorization": True,
                "algorithm": Application.RS256_ALGORITHM,
            },
        )


if __name__ == "__main__":
    prepare()
