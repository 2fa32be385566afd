"""A rejection is told under a reference: in the log, and in the database where that is possible."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from support.app import Provider

from oidcserver.models import RecordedRejection
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.rejections import ALPHABET, record_rejection

Logged = Callable[[str], list[dict[str, Any]]]

REJECTION = invalid_request("A sentence.", "RFC 6749 section 5.2", redirect_uri="https://a.example")


def rows(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(RecordedRejection)) or 0


def test_the_log_has_one_line_and_the_database_a_row(
    provider: Provider, open_request: Any, logged: Logged
) -> None:
    with open_request(provider) as request:
        reference = record_rejection(request, REJECTION, "the-client")
    assert re.fullmatch(f"[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}", reference)
    expected = {
        "reference": reference,
        "endpoint": "",
        "client_id": "the-client",
        "error": "invalid_request",
        "description": "A sentence.",
        "rule": "RFC 6749 section 5.2",
        "received": {"redirect_uri": "https://a.example"},
    }
    assert logged("oidcserver.rejections") == [{**expected, "remote_address": "192.0.2.1"}]
    with provider.database() as dbsession:
        row = dbsession.get_one(RecordedRejection, reference)
        assert {name: getattr(row, name) for name in expected} == expected


def test_endpoints_say_which_they_are(provider: Provider, logged: Logged) -> None:
    client = provider.register()
    client.token(grant_type="magic", status=400)
    client.authorize(provider.browser(), redirect_uri="https://evil.example/")
    endpoints = [line["endpoint"] for line in logged("oidcserver.rejections")]
    assert endpoints == ["oidc.token_endpoint", "oidc.authorization_endpoint"]
    assert rows(provider) == 2


def test_a_request_that_aborts_leaves_the_log_line_only(
    provider: Provider, open_request: Any, logged: Logged
) -> None:
    with open_request(provider) as request:
        record_rejection(request, REJECTION, None)
        request.tm.abort()
        request.tm.begin()
    assert len(logged("oidcserver.rejections")) == 1
    assert rows(provider) == 0


@pytest.mark.both_databases
def test_a_failed_statement_before_it_changes_nothing(
    make_provider: Any, open_request: Any
) -> None:
    provider = make_provider()
    with open_request(provider) as request:
        with pytest.raises(SQLAlchemyError):
            request.oidc.dbsession.execute(text("SELECT * FROM no_such_table"))
        reference = record_rejection(request, REJECTION, None)
    with provider.database() as dbsession:
        assert dbsession.get(RecordedRejection, reference)


def test_a_database_that_rejects_the_row_changes_no_answer(
    provider: Provider, caplog: pytest.LogCaptureFixture, logged: Logged
) -> None:
    client = provider.register()
    with provider.database() as dbsession:
        dbsession.execute(text("DROP TABLE rejection"))
    answer = client.token(grant_type="magic", status=400)
    assert answer.json["error"] == "unsupported_grant_type"
    [line] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "is in the log only" in line.getMessage()
    assert "no such table" in line.getMessage()


def test_no_database_at_all_is_needed_to_say_what_is_wrong(
    make_provider: Any, tmp_path: Any
) -> None:
    path = tmp_path / "gone.sqlite"
    provider = make_provider(oidcserver__database_url=f"sqlite:///{path}")
    provider.close()
    for file in tmp_path.glob("gone.sqlite*"):
        file.unlink()
    path.mkdir()
    answer = provider.browser().post("/oauth/token", {}, status="*")
    assert (answer.status_int, answer.json["error"]) == (400, "invalid_request")


def test_so_many_rows_a_minute_and_then_only_the_log(
    make_provider: Any, open_request: Any, logged: Logged, clock: Any
) -> None:
    provider = make_provider(oidcserver__rejection_rows_per_minute="3")
    with open_request(provider) as request:
        for _ in range(5):
            record_rejection(request, REJECTION, None)
    assert (rows(provider), len(logged("oidcserver.rejections"))) == (3, 5)
    clock.advance(60)
    with open_request(provider) as request:
        record_rejection(request, REJECTION, None)
    assert rows(provider) == 4


@pytest.mark.both_databases
@pytest.mark.parametrize("client_id", ["\0", "\ud800", "x" * 10**6, "line\nbreak", "\u202e"])
def test_whatever_was_sent_is_kept(make_provider: Any, open_request: Any, client_id: str) -> None:
    provider = make_provider()
    long = "x" * 1000
    received = {client_id[:100]: client_id, "list": [client_id]}
    rejection = Rejection(long, long, rule=long, received=received)
    with open_request(provider) as request:
        reference = record_rejection(request, rejection, client_id)
    with provider.database() as dbsession:
        assert dbsession.get(RecordedRejection, reference)


def test_neither_log_nor_row_holds_a_credential(
    provider: Provider, caplog: pytest.LogCaptureFixture, logged: Logged
) -> None:
    client = provider.register()
    secret = client.secret
    assert secret is not None
    client.post("/oauth/token", headers={}, client_id=secret, grant_type=secret, status="4*")
    client.authorize(provider.browser(), client_id=secret)
    client.authorize(provider.browser(), redirect_uri=f"https://evil.example/{secret}")
    assert len(logged("oidcserver.rejections")) == 3
    assert secret not in caplog.text
    with provider.database() as dbsession:
        kept = dbsession.scalars(select(RecordedRejection)).all()
        assert len(kept) == 3
        assert all(secret not in repr(vars(row)) for row in kept)
