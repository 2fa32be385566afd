"""A dump of the database holds nothing that the server would accept."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider
from support.client_web import ClientWeb
from support.devices import ask
from support.dpop import ProofKey
from support.entrances import (
    CLIENT_ID,
    SETTINGS,
    World,
    collect,
    entrances,
    make_world,
    new_nonce,
)
from support.published_client import publish
from support.pushing import push, visit

from oidcserver.models import Base
from oidcserver.models.suspended_request import REQUEST_URI_PREFIX

RECOGNISABLE = (
    "ac_", "rt_", "cs_", "ls_", "br_", "ru_", "at_", "dc_", "bc_", "ia_", "ra_", "ml_", "ps_",
    "us_",
)  # fmt: skip
JTI = "the-identifier-of-a-proof"


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value.startswith(("{", "[")):
            yield from leaves(json.loads(value))
    elif isinstance(value, dict):
        yield from (leaf for item in value.items() for part in item for leaf in leaves(part))
    elif isinstance(value, list):
        yield from (leaf for item in value for leaf in leaves(item))


def dump(provider: Provider) -> dict[str, set[str]]:
    """Every text of every table."""
    found: dict[str, set[str]] = {}
    with provider.database() as dbsession:
        for name, table in Base.metadata.tables.items():
            rows = dbsession.execute(select(table)).all()
            found[name] = {leaf for row in rows for cell in row for leaf in leaves(cell)}
    return found


@pytest.fixture
def world(make_provider: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """A provider whose every flow has been used, and whose credentials all have rows."""
    provider = make_provider(**SETTINGS)
    web = ClientWeb()
    web.stand_in(provider, monkeypatch)
    published = publish(web, provider)
    published.exchange(published.login(provider.browser())["code"])
    world = make_world(provider, id_token_signed_response_alg="HS256")
    client, browser = world.client, world.browser
    tokens = client.exchange(client.login(browser, prompt="consent")["code"])
    client.refresh(tokens["refresh_token"])
    client.login(browser, response_type="code id_token", prompt="consent")
    password = client.token(grant_type="password", username="bob", password="valid").json
    client.post("/oauth/revoke", token=password["access_token"], status=200)
    client.complete(visit(client, browser, push(client, response_mode="jwt")))
    push(client, id_token_hint=tokens["id_token"])
    ask(client, id_token_hint=tokens["id_token"])
    headers = ProofKey().for_token(client, nonce=new_nonce(world), jti=JTI)
    client.token(grant_type="client_credentials", headers=headers)
    client.exchange("ac_" + "x" * 43, status=400)
    return world


def test_nothing_that_was_handed_out_is_in_it_and_none_of_it_is_accepted(world: World) -> None:
    credentials = collect(world)
    tables = dump(world.provider)
    secret = {kind: text.removeprefix(REQUEST_URI_PREFIX) for kind, text in credentials.items()}
    secret["user_code without a dash"] = secret["user_code"].replace("-", "")
    secret["jti"] = JTI
    del secret["registration_client_uri"]
    for kind, credential in secret.items():
        for name, texts in tables.items():
            assert not any(credential in text for text in texts), (kind, name)
    used = {name for name, texts in tables.items() if texts}
    assert used >= {
        "authorization", "authorization_code", "backchannel_request", "client", "consent",
        "device_authorization", "login_session", "ping_delivery", "refresh_token",
        "suspended_request", "used_identifier",
    }  # fmt: skip
    places = entrances(credentials)
    texts = set().union(*tables.values()) - {"", CLIENT_ID}
    for text in texts:
        assert not text.startswith(RECOGNISABLE)
        if len(text) > 4000 or not text.isprintable():
            continue
        for name, entrance in places.items():
            assert not entrance.present(world, text), (name, text)
        assert not places["request_uri"].present(world, REQUEST_URI_PREFIX + text), text
    for name, entrance in places.items():
        for kind in entrance.accepts - {"id_token"}:
            assert entrance.present(world, credentials[kind]), (name, kind)


def test_a_refused_request_leaves_no_credential_in_the_record_of_rejections(
    provider: Provider,
) -> None:
    client = provider.register(token_endpoint_auth_method="client_secret_post")
    guess = "cs_" + "guessed" * 6
    client.token(grant_type="refresh_token", client_secret=guess, status=401)
    client.exchange("ac_" + "y" * 43, code_verifier="v" * 50, status=400)
    texts = set().union(*dump(provider).values())
    assert not any(guess in text or "y" * 43 in text or "v" * 50 in text for text in texts)
