"""Applications on Node.js with the libraries' defaults, from login to sign-out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import free_port
from support.requirements import nodejs
from support.site_process import serve_site

PROGRAMS = Path(__file__).parent / "node"
pytestmark = [pytest.mark.nodejs, pytest.mark.usefixtures("node_modules")]


@contextmanager
def serve(fleet: Fleet, title: str, program: str, number: int = 0) -> Iterator[str]:
    """Register an application as the page says and serve it; its URL ends without a slash.

    :param number: which of the section's registrations and options.
    """
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    page = Documented(
        title, {"https://login.example.com": fleet.issuer, "https://app.example.com": site}
    )
    page.create_client(fleet.inis[0], number=number)
    configuration = {"port": port, "site": site, "options": page.block("js", number)}
    with serve_site([nodejs() or "", str(PROGRAMS / program)], configuration):
        yield site


def assert_signed_out_of_the_provider(person: Person, fleet: Fleet) -> None:
    answer = person.send("GET", f"{fleet.issuer}/account")
    assert "/login" in answer.headers["Location"]


def test_passport(fleet: Fleet) -> None:
    with serve(fleet, "passport-openidconnect", "passport.mjs") as site, Person() as person:
        assert person.visit(f"{site}/").json() is None

        profile = person.visit(f"{site}/login").json()
        assert person.seen == ["login", "consent"]
        assert profile["username"] == "alice"
        assert "@" in profile["emails"][0]["value"]

        page = person.visit(f"{site}/logout")
        assert (page.url, page.json()) == (f"{site}/", None)
        assert_signed_out_of_the_provider(person, fleet)


def test_express_openid_connect(fleet: Fleet) -> None:
    """By default the library takes an ID token by form_post."""
    with (
        serve(fleet, "express-openid-connect", "express_openid_connect.mjs") as site,
        Person() as person,
    ):
        user = person.visit(f"{site}/login").json()
        assert person.seen == ["login", "consent"]
        assert user["preferred_username"] == "alice"
        assert "@" in user["email"]

        page = person.visit(f"{site}/logout")
        assert (page.url.rstrip("/"), page.json()) == (site, None)
        assert_signed_out_of_the_provider(person, fleet)


def test_express_openid_connect_with_a_code(fleet: Fleet) -> None:
    with (
        serve(fleet, "express-openid-connect", "express_openid_connect.mjs", 1) as site,
        Person() as person,
    ):
        user = person.visit(f"{site}/login").json()
        assert user["sub"] == person.visit(f"{site}/userinfo").json()["sub"]
        assert person.visit(f"{site}/refresh").json() == {"refreshed": True}

        page = person.visit(f"{site}/logout")
        assert (page.url.rstrip("/"), page.json()) == (site, None)
        assert_signed_out_of_the_provider(person, fleet)


def test_auth_js(fleet: Fleet) -> None:
    """The library reads users from the ID token alone, and signs them out of itself alone."""
    with serve(fleet, "Auth.js", "authjs.mjs") as site, Person() as person:

        def post(action: str) -> object:
            token = person.visit(f"{site}/auth/csrf").json()["csrfToken"]
            form = {"csrfToken": token, "callbackUrl": f"{site}/"}
            return person.visit(f"{site}/auth/{action}", form).json()

        session = post("signin/oidcserver")
        assert person.seen == ["login", "consent"]
        assert isinstance(session, dict)
        assert session["user"]["name"] == "alice"
        assert "@" in session["user"]["email"]
        assert post("signout") is None
