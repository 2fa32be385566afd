"""A trusted software statement overrides the client's own metadata (RFC 7591 section 2.3)."""

import json
from typing import Any

import pytest
import webtest
from joserfc import jwt
from joserfc.jwk import RSAKey
from support.app import Provider
from support.client_web import ClientWeb

from oidcserver import clock
from oidcserver.models import Client
from oidcserver.settings import ConfigurationProblem

ISSUER, JWKS_URI = "https://trust.example", "https://trust.example/jwks.json"
KEY = RSAKey.generate_key(2048, {"kid": "trust", "use": "sig", "alg": "RS256"})
SETTINGS = {
    "oauth__endpoints": "authorization token jwks registration openid_configuration",
    "oauth__registration": "open",
    "oauth__software_statement_issuers": f"{ISSUER} {JWKS_URI}",
}


@pytest.fixture
def provider(make_provider: Any, monkeypatch: pytest.MonkeyPatch) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    publish_keys(made, monkeypatch)
    return made


def publish_keys(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    web = ClientWeb()
    document = {"keys": [KEY.as_dict(private=False)]}
    web.documents[JWKS_URI] = ("application/jwk-set+json", json.dumps(document).encode())
    web.stand_in(provider, monkeypatch)


def statement(key: RSAKey = KEY, typ: str = "JWT", **claims: Any) -> str:
    said = {"iss": ISSUER, "software_id": "shop", "client_name": "The Approved Shop", **claims}
    text: str = jwt.encode({"alg": "RS256", "kid": key.kid, "typ": typ}, said, key)
    return text


def register(provider: Provider, *, status: int, **members: Any) -> dict[str, Any]:
    body = {"redirect_uris": ["https://client.example/cb"], "client_name": "Mine", **members}
    http = webtest.TestApp(provider.wsgi)
    answer: dict[str, Any] = http.post_json("/oauth/register", body, status=status).json
    return answer


def test_the_statement_counts_more_than_the_rest(provider: Provider) -> None:
    registered = register(provider, status=201, software_statement=statement())
    assert registered["client_name"] == "The Approved Shop"
    assert registered["software_id"] == "shop"


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "https://stranger.example"}, "unapproved_software_statement"),
        ({"iss": None}, "unapproved_software_statement"),
        ({"exp": 1}, "invalid_software_statement"),
        ({"exp": "soon"}, "invalid_software_statement"),
        ({"nbf": 4102444800}, "invalid_software_statement"),
        ({"nbf": []}, "invalid_software_statement"),
        ({"aud": "https://another-client.example"}, "invalid_software_statement"),
        ({"aud": ["another-client", 7]}, "invalid_software_statement"),
        ({"redirect_uris": ["https://a.example/#x"]}, "invalid_redirect_uri"),
    ],
)
def test_a_statement_that_does_not_hold_is_refused(
    provider: Provider, claims: dict[str, Any], error: str
) -> None:
    answer = register(provider, status=400, software_statement=statement(**claims))
    assert answer["error"] == error


def test_another_jwt_of_the_issuer_is_no_statement(provider: Provider) -> None:
    """An issuer may be a provider of tokens too (RFC 8725 section 3.11)."""
    for typ in ("at+jwt", "logout+jwt", "application/at+jwt"):
        text = statement(typ=typ)
        answer = register(provider, status=400, software_statement=text)
        assert answer["error"] == "invalid_software_statement"
    for typ in ("JWT", "software-statement+jwt"):
        register(provider, status=201, software_statement=statement(typ=typ))


@pytest.mark.parametrize(
    "aud", ["http://localhost:6543", ["a", "http://localhost:6543/oauth/register"]]
)
def test_a_statement_may_be_for_this_server_alone(provider: Provider, aud: Any) -> None:
    register(provider, status=201, software_statement=statement(aud=aud))


def test_a_statement_under_another_key_or_none_is_refused(provider: Provider) -> None:
    other = RSAKey.generate_key(2048, {"kid": "trust"})
    genuine = statement().split(".")
    forged = (
        statement(other),
        ".".join([*genuine[:2], ""]),
        ".".join([genuine[0], "e30", genuine[2]]),
        f"eyJhbGciOiJub25lIn0.{genuine[1]}.",
    )
    for text in forged:
        error = register(provider, status=400, software_statement=text)["error"]
        assert error in {"invalid_software_statement", "unapproved_software_statement"}


def test_the_ini_may_demand_one(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oauth__software_statement_required="true")
    assert register(provider, status=400)["error"] == "unapproved_software_statement"


def test_a_statement_that_is_valid_a_moment_longer_is_taken(provider: Provider) -> None:
    register(provider, status=201, software_statement=statement(exp=clock.now() + 60))


@pytest.mark.parametrize("line", [ISSUER, f"{ISSUER} http://trust.example/jwks", "a b c"])
def test_a_line_that_is_no_issuer_and_uri_stops_the_start(make_provider: Any, line: str) -> None:
    with pytest.raises(ConfigurationProblem, match="software_statement_issuers"):
        make_provider(**{**SETTINGS, "oauth__software_statement_issuers": line})


CALLBACK = ["https://shop.example/cb"]
KEYS = {"keys": [KEY.as_dict(private=False)]}
CODE = ["authorization_code", "refresh_token"]


@pytest.mark.parametrize(
    ("claims", "members", "trusted"),
    [
        ({}, {}, False),
        ({"redirect_uris": CALLBACK}, {}, True),
        ({"redirect_uris": CALLBACK}, {"token_endpoint_auth_method": "none"}, True),
        ({"redirect_uris": CALLBACK}, {"post_logout_redirect_uris": CALLBACK}, False),
        ({"redirect_uris": CALLBACK}, {"jwks": KEYS}, False),
        (
            {"redirect_uris": CALLBACK, "jwks": KEYS},
            {"token_endpoint_auth_method": "private_key_jwt"},
            True,
        ),
        ({"redirect_uris": CALLBACK}, {"grant_types": [*CODE, "password"]}, False),
        (
            {"redirect_uris": CALLBACK, "jwks": KEYS},
            {
                "grant_types": [*CODE, "password"],
                "token_endpoint_auth_method": "private_key_jwt",
            },
            True,
        ),
    ],
)
def test_a_client_is_trusted_for_what_the_statement_itself_says_of_it(
    make_provider: Any,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any],
    members: dict[str, Any],
    trusted: bool,
) -> None:
    """A statement is in every copy of an application, so anybody may register with it."""
    provider = make_provider(
        **SETTINGS,
        oauth__registration_grant_types="authorization_code refresh_token password",
    )
    publish_keys(provider, monkeypatch)
    text = statement(**claims)
    answer = register(provider, status=201, software_statement=text, **members)
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, answer["client_id"])
        assert client.self_registered is not trusted


def test_a_client_is_not_trusted_any_more_if_another_statement_leaves_its_redirect_uris_out(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make_managed(make_provider, monkeypatch)
    text = statement(redirect_uris=CALLBACK)
    answer = register(provider, status=201, software_statement=text)
    for claims, trusted in (({"redirect_uris": CALLBACK}, True), ({}, False)):
        change = {"redirect_uris": ["https://evil.example/cb"]}
        change |= {"client_id": answer["client_id"], "software_statement": statement(**claims)}
        path = answer["registration_client_uri"].removeprefix(provider.issuer)
        headers = {"Authorization": f"Bearer {answer['registration_access_token']}"}
        webtest.TestApp(provider.wsgi).put_json(path, change, headers=headers)
        with provider.database() as dbsession:
            client = dbsession.get_one(Client, answer["client_id"])
            assert client.self_registered is not trusted


def make_managed(make_provider: Any, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """Return a provider at which clients change their registration, too."""
    endpoints = f"{SETTINGS['oauth__endpoints']} client_configuration"
    provider: Provider = make_provider(**{**SETTINGS, "oauth__endpoints": endpoints})
    publish_keys(provider, monkeypatch)
    return provider


def test_a_client_cannot_leave_its_statement_out_later(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make_managed(make_provider, monkeypatch)
    approved = statement(redirect_uris=["https://shop.example/cb"])
    registered = register(provider, status=201, software_statement=approved)
    assert registered["software_statement"] == approved
    http = webtest.TestApp(provider.wsgi)
    path = registered["registration_client_uri"].removeprefix(provider.issuer)
    headers = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    change = {"client_id": registered["client_id"], "redirect_uris": ["https://evil.example/cb"]}
    refused = http.put_json(path, change, headers=headers, status=400).json
    assert refused["error"] == "unapproved_software_statement"
    change["software_statement"] = approved
    kept = http.put_json(path, change, headers=headers, status=200).json
    assert kept["redirect_uris"] == ["https://shop.example/cb"]
