"""A dump of the database holds nothing that the server would accept."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from support.app import REDIRECT_URI, Provider, RelyingParty
from support.devices import DEVICE_CODE, SETTINGS, ask, enter, poll, register_device, signed_in
from support.pushing import ENDPOINTS, push, visit

from oidcserver.models import Base
from oidcserver.models.suspended_request import REQUEST_URI_PREFIX

RECOGNISABLE = ("ac_", "rt_", "cs_", "ls_", "br_", "ru_", "at_", "dc_", "bc_")


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
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__response_modes="query fragment jwt"
    )
    return made


@pytest.fixture
def everything(provider: Provider) -> tuple[RelyingParty, list[str], dict[str, set[str]]]:
    """The dump after every flow, with what was handed out on the way."""
    grants = ["authorization_code", "implicit", "refresh_token", "password", "client_credentials"]
    client = provider.register(
        grant_types=grants,
        response_types=["code", "code id_token token"],
        id_token_signed_response_alg="HS256",
        token_endpoint_auth_method="client_secret_post",
    )
    browser = provider.browser()
    first = client.exchange(client.login(browser, prompt="consent")["code"])
    second = client.refresh(first["refresh_token"])
    hybrid = client.login(browser, response_type="code id_token token", prompt="consent")
    password = client.token(grant_type="password", username="bob", password="valid").json
    robot = client.token(grant_type="client_credentials").json
    client.post("/oauth/revoke", token=password["access_token"], status=200)
    client.authorize(provider.browser())  # suspended, waiting for a login
    pushed = push(client, response_mode="jwt")
    visit(client, browser, push(client))
    client.exchange("ac_" + "x" * 43, status=400)
    handed_out = [
        client.secret or "",
        pushed.removeprefix(REQUEST_URI_PREFIX),
        *browser.cookies.values(),
        *(members[name] for members in (first, second, hybrid, password, robot)
          for name in ("access_token", "refresh_token", "id_token", "code") if name in members),
    ]  # fmt: skip
    return client, handed_out, dump(provider)


def test_nothing_that_was_handed_out_is_in_it(everything: Any) -> None:
    _, handed_out, tables = everything
    assert len(handed_out) > 10
    for credential in handed_out:
        for name, texts in tables.items():
            assert not any(credential in text for text in texts), name


def test_no_value_of_it_is_accepted_anywhere(provider: Provider, everything: Any) -> None:
    client, _, tables = everything
    texts = set().union(*tables.values()) - {"", client.client_id}
    assert len(texts) > 50
    cookies = ("oidcserver_6543_session", "oidcserver_6543_browser", "oidcserver_6543_csrf")
    for text in texts:
        if len(text) > 4000 or not text.isprintable():
            continue
        assert not text.startswith(RECOGNISABLE)
        client.userinfo(text.encode("utf-8").decode("latin-1"), status=401)
        for grant, name in (("authorization_code", "code"), ("refresh_token", "refresh_token")):
            form = {"grant_type": grant, name: text, "redirect_uri": REDIRECT_URI}
            assert client.token(status=400, **form).json["error"] == "invalid_grant"
        form = {"client_id": client.client_id, "client_secret": text}
        form["grant_type"] = "client_credentials"
        client.http.post("/oauth/token", form, status=401)
        thief = provider.browser()
        if ";" not in text and '"' not in text and text.isascii() and " " not in text:
            for name in cookies:
                thief.set_cookie(name, text)
        page = thief.get("/", status="*")
        assert "alice" not in page.text
        query = {"client_id": client.client_id, "request_uri": REQUEST_URI_PREFIX + text}
        assert thief.get("/oauth/authorize", query, status="*").status_int in (400, 403)


def test_no_value_of_it_is_a_code_of_a_device(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oauth__device_code_attempts="1000000",
                             oauth__device_code_attempts_per_address="1000000")  # fmt: skip
    device, browser = register_device(provider), signed_in(provider)
    codes = ask(device, nonce="the-nonce")
    enter(browser, codes["user_code"])
    plain = codes["user_code"].replace("-", "")
    texts = dump(provider)["device_authorization"]
    for text in texts:
        assert not text.startswith(RECOGNISABLE)
        for credential in (codes["device_code"], codes["user_code"], plain, device.secret or ""):
            assert credential not in text
    for text in texts - {""}:
        form = {"grant_type": DEVICE_CODE, "device_code": text}
        assert device.token(status=400, **form).json["error"] == "invalid_grant"
        enter(browser, text, status=400)
    assert poll(device, codes, 400)["error"] == "authorization_pending"


def test_a_refused_request_leaves_no_credential_in_the_record_of_rejections(
    provider: Provider,
) -> None:
    client = provider.register(token_endpoint_auth_method="client_secret_post")
    guess = "cs_" + "guessed" * 6
    client.token(grant_type="refresh_token", client_secret=guess, status=401)
    client.exchange("ac_" + "y" * 43, code_verifier="v" * 50, status=400)
    texts = set().union(*dump(provider).values())
    assert not any(guess in text or "y" * 43 in text or "v" * 50 in text for text in texts)
