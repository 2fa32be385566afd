"""none: a public client names itself, in the body or in a header without a secret."""

from base64 import b64encode
from typing import Any

import pytest


def basic(client_id: str) -> str:
    return "Basic " + b64encode(f"{client_id}:".encode()).decode()


def test_a_public_client_names_itself(server: Any) -> None:
    client = server.client("none")
    assert server.authenticate({"client_id": client.client_id}) == client.client_id


@pytest.mark.parametrize(
    "extra", [{"client_secret": "s"}, {"client_assertion": "x"}, {"client_assertion_type": "x"}]
)
@pytest.mark.parametrize("selected", [("none",), ("none", "client_secret_post", "private_key_jwt")])
def test_a_public_client_that_sends_a_credential_is_rejected(
    server: Any, extra: dict[str, str], selected: tuple[str, ...]
) -> None:
    server.select(*selected)
    server.rejection({"client_id": server.client("none").client_id, **extra})


def test_a_public_client_that_sends_a_header_is_rejected(server: Any) -> None:
    form = {"client_id": server.client("none").client_id}
    for selected in (("none",), ("none", "client_secret_basic")):
        server.select(*selected)
        server.rejection(form, "Basic YTpi")


def test_an_empty_secret_is_none(server: Any) -> None:
    client_id = server.client("none").client_id
    assert server.authenticate({"client_id": client_id, "client_secret": ""}) == client_id
    assert server.authenticate({}, basic(client_id)) == client_id
    assert server.authenticate({"client_id": client_id}, basic(client_id)) == client_id
    assert "not that of the header" in server.reason({"client_id": "other"}, basic(client_id))
    assert server.reason({}, basic("unknown")) == "There is no such client."


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_an_empty_secret_is_not_that_of_a_client_that_has_one(server: Any, method: str) -> None:
    client_id = server.client(method, secret="s").client_id
    assert server.reason({}, basic(client_id)) == f"The client registered {method}."
    form = {"client_id": client_id, "client_secret": ""}
    assert server.reason(form) == f"The client registered {method}."


def test_a_header_without_a_secret_goes_along_with_no_other_method(server: Any) -> None:
    client_id = server.client("none").client_id
    form = {"client_assertion": "x", "client_assertion_type": "x"}
    server.rejection(form, basic(client_id), error="invalid_request")
    server.rejection({"client_secret": "s"}, basic(client_id), error="invalid_request")


@pytest.mark.parametrize("client_id", ["unknown", "é", "a\x00", "\ud800", "x" * 4096])
def test_an_unknown_client_is_rejected(server: Any, client_id: str) -> None:
    assert server.reason({"client_id": client_id}) == "There is no such client."
