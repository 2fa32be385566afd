"""A sector is shared by the redirect URIs that its own document names (Registration section 5)."""

import json
from typing import Any

import pytest
import webtest
from support.app import Provider
from support.client_web import ClientWeb

from oidcserver import clock
from oidcserver.credentials import INITIAL_ACCESS_TOKEN, digest, new_credential
from oidcserver.models.initial_access_token import InitialAccessToken

URI = "https://sector.example/uris.json"
REDIRECT_URIS = ["https://one.example/cb", "https://two.example/cb"]


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(
        oauth__endpoints=(
            "authorization token jwks registration client_configuration openid_configuration"
        ),
        oauth__registration="open",
    )
    return made


def register(provider: Provider, *, status: int, **members: Any) -> dict[str, Any]:
    body = {"redirect_uris": REDIRECT_URIS, "subject_type": "pairwise", **members}
    http = webtest.TestApp(provider.wsgi)
    answer: dict[str, Any] = http.post_json("/oauth/register", body, status=status).json
    return answer


def test_a_document_that_names_every_redirect_uri_makes_them_one_sector(
    provider: Provider, web: ClientWeb
) -> None:
    document = json.dumps([*REDIRECT_URIS, "https://three.example/cb"]).encode()
    web.documents[URI] = ("application/json", document)
    registered = register(provider, status=201, sector_identifier_uri=URI)
    assert registered["sector_identifier_uri"] == URI
    assert web.fetched == [URI]


@pytest.mark.parametrize(
    "document",
    [None, b'["https://one.example/cb"]', b'{"uris": []}', b"[7]", b"nonsense", b"[" * 60000],
)
def test_any_other_document_is_refused(
    provider: Provider, web: ClientWeb, document: bytes | None
) -> None:
    if document is not None:
        web.documents[URI] = ("application/json", document)
    answer = register(provider, status=400, sector_identifier_uri=URI)
    assert answer["error"] == "invalid_client_metadata"


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({}, 400),
        ({"redirect_uris": REDIRECT_URIS, "sector_identifier_uri": URI}, 400),
        ({"redirect_uris": ["com.example.app:/cb"], "sector_identifier_uri": URI}, 400),
        ({"redirect_uris": ["com.example.app:/cb"]}, 201),
        ({"subject_type": "public"}, 201),
        ({"grant_types": ["authorization_code", "refresh_token"]}, 201),
    ],
)
def test_a_grant_without_redirects_does_not_join_the_sector_of_a_host(
    make_provider: Any, members: dict[str, Any], status: int
) -> None:
    """Anybody could name the redirect URIs of another site, and learn its subjects."""
    grants = "authorization_code refresh_token password"
    provider = make_provider(
        oauth__endpoints="authorization token jwks registration openid_configuration",
        oauth__registration="open",
        oauth__registration_grant_types=grants,
    )
    own = {"redirect_uris": REDIRECT_URIS[:1], "grant_types": grants.split(), **members}
    answer = register(provider, status=status, **own)
    if status == 400:
        assert "the grant type password requires the subject_type" in answer["error_description"]


def test_an_address_of_the_inside_is_never_asked(provider: Provider, web: ClientWeb) -> None:
    for uri in ("https://10.0.0.1/", "https://169.254.169.254/", "http://sector.example/"):
        register(provider, status=400, sector_identifier_uri=uri)
    assert web.fetched == []


@pytest.mark.both_databases
@pytest.mark.parametrize("trusted", [True, False])
def test_strangers_have_a_limited_number_fetched(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    provider = make_provider(
        oauth__endpoints="authorization token jwks registration openid_configuration",
        oauth__registration="initial_access_token" if trusted else "open",
        oauth__client_document_limit="4",
    )
    web, headers = ClientWeb(), dict[str, str]()
    web.stand_in(provider, monkeypatch)
    if trusted:
        token = new_credential(INITIAL_ACCESS_TOKEN)
        headers = {"Authorization": f"Bearer {token}"}
        row = InitialAccessToken(token_digest=digest(token), expires_at=clock.now() + 3600)
        with provider.database() as dbsession:
            dbsession.add(row)
    http = webtest.TestApp(provider.wsgi)
    statuses = []
    for number in range(6):
        uri = f"https://sector.example/{number}"
        web.documents[uri] = ("application/json", json.dumps(REDIRECT_URIS).encode())
        body = {"redirect_uris": REDIRECT_URIS, "sector_identifier_uri": uri}
        answer = http.post_json("/oauth/register", body, headers=headers, status="*")
        statuses.append(answer.status_int)
    allowed = 4 if trusted else 1
    assert statuses == [201] * allowed + [429] * (6 - allowed)
    assert len(web.fetched) == allowed


def test_several_hosts_without_a_document_have_no_sector(provider: Provider) -> None:
    answer = register(provider, status=400)
    assert "sector_identifier_uri" in answer["error_description"]
    register(provider, status=201, subject_type="public")


def test_a_change_is_answered_with_what_is_stored_now(provider: Provider, web: ClientWeb) -> None:
    """The document is fetched outside of the transaction: what was read before is out of date."""
    web.documents[URI] = ("application/json", json.dumps(REDIRECT_URIS).encode())
    registered = register(provider, status=201, sector_identifier_uri=URI, client_name="Before")
    path = registered["registration_client_uri"].removeprefix(provider.issuer)
    headers = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    changed = {
        "client_id": registered["client_id"], "redirect_uris": REDIRECT_URIS[:1],
        "subject_type": "pairwise", "sector_identifier_uri": URI, "client_name": "After",
    }  # fmt: skip
    http = webtest.TestApp(provider.wsgi)
    answer = http.put_json(path, changed, headers=headers).json
    assert answer == http.get(path, headers=headers).json
    assert (answer["client_name"], answer["redirect_uris"]) == ("After", REDIRECT_URIS[:1])
