"""Applications in Python with the libraries' defaults, each in an environment of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.builds import python_environment
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person, read_forms
from support.processes import free_port
from support.relying_party_process import run_relying_party
from support.site_process import serve_site

PROGRAMS = Path(__file__).parent / "python"
pytestmark = pytest.mark.interoperability


@contextmanager
def serve(fleet: Fleet, title: str, library: str, directory: Path) -> Iterator[str]:
    """Register a site as the page says and serve it; its URL ends without a slash."""
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    page = Documented(
        title, {"https://login.example.com": fleet.issuer, "https://app.example.com": site}
    )
    page.create_client(fleet.inis[0])
    configuration = {
        "port": port,
        "database": str(directory / "site.sqlite"),
        "settings": page.block("python"),
    }
    command = [str(python_environment(library)), str(PROGRAMS / library / "site.py")]
    with serve_site(command, configuration):
        yield site


def test_django_allauth(fleet: Fleet, tmp_path: Path) -> None:
    with serve(fleet, "django-allauth", "allauth", tmp_path) as site, Person() as person:
        assert person.visit(f"{site}/").json() == {"username": None}
        [form] = read_forms(person.visit(f"{site}/accounts/oidc/oidcserver/login/")).values()
        user = person.visit(form.action, form.fields).json()
        assert person.seen == ["login", "consent"]
        assert user["username"] == user["userinfo"]["preferred_username"] == "alice"
        assert "@" in user["email"]

        [form] = read_forms(person.visit(f"{site}/accounts/logout/")).values()
        assert person.visit(form.action, form.fields).json() == {"username": None}


def test_social_auth(fleet: Fleet, tmp_path: Path) -> None:
    with serve(fleet, "social-auth-core", "social_auth", tmp_path) as site, Person() as person:
        form = read_forms(person.visit(f"{site}/sign-in/"))["sign_in"]
        user = person.visit(form.action, form.fields).json()
        assert person.seen == ["login", "consent"]
        assert user["username"] == "alice"
        assert "@" in user["email"]
        assert person.visit(f"{site}/refresh/").json() == {"refreshed": True}
        assert person.visit(f"{site}/").json() == user


def test_requests_oauthlib(fleet: Fleet) -> None:
    redirect_uri = "http://127.0.0.1:9/callback"
    page = Documented("requests-oauthlib", {"https://app.example.com/callback": redirect_uri})
    client = page.create_client(fleet.inis[0])
    configuration = {
        "issuer": fleet.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "redirect_uri": redirect_uri,
        "settings": page.block("python"),
    }
    command = [
        str(python_environment("requests_oauthlib")),
        str(PROGRAMS / "requests_oauthlib" / "client.py"),
    ]
    with Person() as person:
        report, visits = run_relying_party(command, configuration, person)
    assert visits == [["login", "consent"]]
    assert report["userinfo"]["preferred_username"] == "alice"
    assert report["userinfo_after_refresh"] == report["userinfo"]
    assert report["rotated"]
    assert report["revocation"] == 200
    assert report["userinfo_after_revocation"] == 401
