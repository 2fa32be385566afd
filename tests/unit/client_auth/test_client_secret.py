"""client_secret_basic and client_secret_post."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver import clock, credentials
from oidcserver.credentials import digest

SECRET = "cs_0123456789"


def basic(client_id: str, secret: str, *, scheme: str = "Basic", encoding: str = "utf-8") -> str:
    text = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"{scheme} {b64encode(text.encode(encoding)).decode()}"


@pytest.fixture
def client(server: Any) -> Any:
    return server.client("client_secret_basic", secret=SECRET)


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "Basic  "])
def test_basic_authenticates_in_any_case_of_letters(server: Any, client: Any, scheme: str) -> None:
    authorization = basic(client.client_id, SECRET, scheme=scheme)
    assert server.authenticate({}, authorization) == client.client_id


@pytest.mark.parametrize("secret", ["a:b", "a b+c%d&e", "%41", "ü€", "x" * 3000])
def test_both_parts_are_form_urlencoded(server: Any, secret: str) -> None:
    client = server.client("client_secret_basic", secret=secret)
    assert server.authenticate({}, basic(client.client_id, secret)) == client.client_id


@pytest.mark.parametrize("secret", ["a:b", "a b", "a+b/c==", "100%", "%41", "%zz", "p%2Bq", "x+%"])
def test_many_clients_encode_neither_part(server: Any, secret: str) -> None:
    client = server.client("client_secret_basic", secret=secret)
    raw = "Basic " + b64encode(f"{client.client_id}:{secret}".encode()).decode()
    assert server.authenticate({}, raw) == client.client_id
    assert server.authenticate({}, basic(client.client_id, secret)) == client.client_id
    wrong = "Basic " + b64encode(f"{client.client_id}:{secret}x".encode()).decode()
    assert server.reason({}, wrong) == "The secret is not the client's."


def test_a_client_id_in_the_body_has_to_be_the_same(server: Any, client: Any) -> None:
    authorization = basic(client.client_id, SECRET)
    form = {"client_id": client.client_id}
    assert server.authenticate(form, authorization) == client.client_id
    other = server.client("client_secret_basic", secret=SECRET)
    assert "not that of the header" in server.reason({"client_id": other.client_id}, authorization)


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !",
        "Basic YTpi, Basic YTpi",
        "Basic YTpi,Bearer abc",
        "Basic YTpi x",
        "Basic YTp",
        "Basic YTpi=",
        "Basic é",
        "Basic " + b64encode(b"a:\xff").decode(),
        "Basic " + b64encode(b"%ff:b").decode(),
        "Basic " + b64encode(b"a:%ff").decode(),
        "Basic " + b64encode(b"nocolon").decode(),
        "Basic " + b64encode(b":").decode(),
        "Basic " + b64encode(b":b").decode(),
        "Basic " + b64encode(b"a\0:b").decode(),
        "Basic " + b64encode(b"a%00:b").decode(),
        "Basic " + b64encode(b"%ED%A0%80:b").decode(),
        "Basic " + b64encode("é:b".encode()).decode(),
        "Basic " + "A" * 8000,
    ],
)
def test_a_malformed_header_is_rejected(server: Any, header: str) -> None:
    server.rejection({}, header)


@given(header=st.text() | st.binary().map(lambda raw: "Basic " + b64encode(raw).decode()))
def test_no_header_is_an_error_of_ours(lasting_server: Any, header: str) -> None:
    lasting_server.rejection({}, header)


@given(client_id=st.text(), secret=st.text(st.characters(codec="utf-8")))
def test_every_secret_is_read_as_it_was_written(
    lasting_server: Any, client_id: str, secret: str
) -> None:
    client = lasting_server.client("client_secret_basic", secret=secret or "empty")
    authorization = basic(client.client_id, secret or "empty")
    assert lasting_server.authenticate({}, authorization) == client.client_id
    lasting_server.rejection({"client_id": client_id or "x", "client_secret": secret or "empty"})


def test_post_authenticates_by_the_body(server: Any) -> None:
    client = server.client("client_secret_post", secret=SECRET)
    form = {"client_id": client.client_id, "client_secret": SECRET}
    assert server.authenticate(form) == client.client_id
    assert server.reason({"client_secret": SECRET}) == "There is no such client."


@pytest.mark.parametrize("secret", [SECRET + "0", SECRET[:-1], SECRET.upper(), "é", "\ud800", "x"])
def test_a_wrong_secret_is_rejected(server: Any, client: Any, secret: str) -> None:
    post = server.client("client_secret_post", secret=SECRET)
    form = {"client_id": post.client_id, "client_secret": secret}
    assert server.reason(form) == "The secret is not the client's."
    authorization = basic(client.client_id, secret.replace("\ud800", "?"))
    assert server.reason({}, authorization) == "The secret is not the client's."


def test_a_client_without_a_secret_is_rejected(server: Any) -> None:
    client = server.client("client_secret_basic")
    assert server.reason({}, basic(client.client_id, SECRET)) == "The client has no secret."


def test_an_expired_secret_is_rejected_and_the_former_one_lasts_as_long_as_promised(
    server: Any, client: Any
) -> None:
    client.previous_secret_digest = digest("cs_former")
    client.previous_secret_expires_at = clock.now() + 60
    client.secret_expires_at = clock.now()
    server.dbsession.flush()
    assert server.authenticate({}, basic(client.client_id, "cs_former")) == client.client_id
    assert "expired" in server.reason({}, basic(client.client_id, SECRET))
    client.previous_secret_expires_at = clock.now()
    server.dbsession.flush()
    assert "expired" in server.reason({}, basic(client.client_id, "cs_former"))


@pytest.fixture
def counted(server: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count queries and digests."""
    counts = {"queries": 0, "digests": 0}
    read, real = server.database.read, credentials.digest

    def count_query(*arguments: Any, **values: Any) -> Any:
        counts["queries"] += 1
        return read(*arguments, **values)

    def count_digest(text: str) -> str:
        counts["digests"] += 1
        return real(text)

    monkeypatch.setattr(server.database, "read", count_query)
    monkeypatch.setattr(credentials, "digest", count_digest)
    return counts


def test_basic_takes_one_query_and_one_digest(
    server: Any, client: Any, counted: dict[str, int]
) -> None:
    server.authenticate({}, basic(client.client_id, SECRET))
    assert counted == {"queries": 1, "digests": 1}


@pytest.mark.parametrize("exists", [True, False])
def test_a_wrong_secret_and_an_unknown_client_take_the_same_work(
    server: Any, client: Any, counted: dict[str, int], exists: bool
) -> None:
    client_id = client.client_id if exists else "unknown"
    server.rejection({}, basic(client_id, "wrong"))
    assert counted == {"queries": 1, "digests": 1}
