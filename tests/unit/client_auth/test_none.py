"""none: a public client names itself in the body."""

from typing import Any

import pytest


def test_a_public_client_names_itself(server: Any) -> None:
    client = server.client("none")
    assert server.authenticate({"client_id": client.client_id}) == client.client_id


@pytest.mark.parametrize(
    "extra", [{"client_secret": "s"}, {"client_assertion": "x"}, {"client_assertion_type": "x"}]
)
@pytest.mark.parametrize("selected", [("none",), ("none", "client_secret_post", "private_key_jwt")])
def test_a_public_client_that_sends_a_credential_is_refused(
    server: Any, extra: dict[str, str], selected: tuple[str, ...]
) -> None:
    server.select(*selected)
    server.refusal({"client_id": server.client("none").client_id, **extra})


def test_a_public_client_that_sends_a_header_is_refused(server: Any) -> None:
    form = {"client_id": server.client("none").client_id}
    for selected in (("none",), ("none", "client_secret_basic")):
        server.select(*selected)
        server.refusal(form, "Basic YTpi")


@pytest.mark.parametrize("client_id", ["unknown", "é", "a\x00", "\ud800", "x" * 4096])
def test_an_unknown_client_is_refused(server: Any, client_id: str) -> None:
    assert server.reason({"client_id": client_id}) == "There is no such client."
