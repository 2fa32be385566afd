"""mozilla-django-oidc: a Django site, unmodified, from login to both ways of logout."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fleet import Fleet
from support.person import Person, read_forms
from support.processes import free_port
from support.site_process import serve_site

SITE = Path(__file__).with_name("django_site.py")

#: What a site may choose: its settings, and what its client registers.
CHOICES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "its defaults": (
        {},
        {
            "token_endpoint_auth_method": "client_secret_post",
            "id_token_signed_response_alg": "HS256",
        },
    ),
    "RS256, PKCE, Basic": (
        {
            "OIDC_RP_SIGN_ALGO": "RS256",
            "OIDC_USE_PKCE": True,
            "OIDC_TOKEN_USE_BASIC_AUTH": True,
        },
        {"token_endpoint_auth_method": "client_secret_basic"},
    ),
    "RS256, signed UserInfo": (
        {"OIDC_RP_SIGN_ALGO": "RS256", "OIDC_USE_PKCE": True},
        {
            "token_endpoint_auth_method": "client_secret_post",
            "userinfo_signed_response_alg": "RS256",
        },
    ),
    "ES256, PKCE": (
        {"OIDC_RP_SIGN_ALGO": "ES256", "OIDC_USE_PKCE": True},
        {
            "token_endpoint_auth_method": "client_secret_post",
            "id_token_signed_response_alg": "ES256",
        },
    ),
}


@pytest.fixture(params=CHOICES)
def site(request: pytest.FixtureRequest, fleet: Fleet, tmp_path: Path) -> Iterator[str]:
    """The URL of a site that is registered at the provider."""
    settings, metadata = CHOICES[request.param]
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    client = fleet.provider.register(
        redirect_uris=[f"{url}oidc/callback/"],
        post_logout_redirect_uris=[url],
        application_type="native",
        **metadata,
    )
    configuration = {
        "port": port,
        "database": str(tmp_path / "site.sqlite"),
        "issuer": fleet.issuer,
        "client_id": client.client_id,
        "client_secret": client.secret,
        "settings": settings,
    }
    with serve_site([sys.executable, str(SITE)], configuration):
        yield url


@pytest.fixture
def hint_by_secret(request: pytest.FixtureRequest) -> bool:
    """Whether the site's ID tokens are signed with the client's secret."""
    _, metadata = CHOICES[request.node.callspec.params["site"]]
    return metadata.get("id_token_signed_response_alg") == "HS256"


def test_from_login_to_logout(site: str, fleet: Fleet, hint_by_secret: bool) -> None:
    with Person(remembers=True) as person:
        assert person.visit(site).text == "nobody"
        page = person.visit(f"{site}oidc/authenticate/")
        assert person.seen == ["login", "consent"]
        alice = page.text.partition("<")[0]
        assert re.fullmatch(r"1: \S+@demo\.invalid", alice)

        # The site asks with prompt=none whether the person is still signed in: nobody notices.
        assert person.visit(f"{site}later/").text.startswith(alice)
        assert person.seen == []

        # The person signs out of the site, and thereby of the provider.
        form = read_forms(person.visit(site))["site_logout"]
        page = person.visit(form.action, form.fields)
        if hint_by_secret:  # which proves less than the provider's own key: the user is asked
            question = read_forms(page)["logout"]
            page = person.visit(question.action, question.fields)
        assert (page.url, page.text) == (site, "nobody")
        login = person.send("GET", f"{fleet.issuer}/account")
        assert "/login" in login.headers["Location"]

        # The person signs out of the provider, and the site hears of it when it asks again.
        assert person.visit(f"{site}oidc/authenticate/").text.startswith(alice)
        assert person.seen == ["login"], "the consent was remembered"
        person.sign_out(fleet.issuer)
        assert person.visit(site).text.startswith(alice)
        assert person.visit(f"{site}later/").text == "nobody"

    with Person("bob") as bob:
        assert bob.visit(f"{site}oidc/authenticate/").text.startswith("2: ")
