"""The key store: what it publishes, and how it follows its directory while it runs."""

import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from oidcserver.keys import files, jwt, store
from oidcserver.keys.records import KeyStoreError
from oidcserver.keys.sealing import Sealer
from oidcserver.keys.store import KeyStore

PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "k")


def kids(keys: KeyStore) -> set[str]:
    return {key["kid"] for key in json.loads(keys.jwks())["keys"]}


def test_the_published_set_holds_what_verifies_and_nothing_private(
    open_store: Any, directory: Path
) -> None:
    keys = open_store("RS256", "ES256", "PS256", "EdDSA")
    published = {key["alg"]: key for key in json.loads(keys.jwks())["keys"]}
    assert {alg: set(key) for alg, key in published.items()} == {
        "RS256": {"kty", "kid", "use", "alg", "n", "e"},
        "PS256": {"kty", "kid", "use", "alg", "n", "e"},
        "ES256": {"kty", "kid", "use", "alg", "crv", "x", "y"},
        "EdDSA": {"kty", "kid", "use", "alg", "crv", "x"},
    }
    assert {key["use"] for key in published.values()} == {"sig"}
    documents = [json.loads(path.read_text())["jwk"] for path in directory.glob("*.json")]
    secrets = [jwk[name] for jwk in documents for name in PRIVATE_MEMBERS if name in jwk]
    assert len(secrets) == 6 + 6 + 1 + 1 + 1
    assert not [secret for secret in secrets if secret.encode() in keys.jwks()]


def test_what_else_stands_in_a_key_file_is_not_published(open_store: Any, directory: Path) -> None:
    open_store()
    path = next(directory.glob("sig-ES256-*.json"))
    members = json.loads(path.read_text())
    members["jwk"].update(note="of the signing ceremony", x5u="https://ca.example")
    path.write_text(json.dumps(members))
    assert b"ceremony" not in open_store(create_missing=False).jwks()
    assert b"x5u" not in open_store(create_missing=False).jwks()


def test_no_trace_and_no_status_shows_a_private_key(open_store: Any, directory: Path) -> None:
    keys = open_store()
    documents = [json.loads(path.read_text())["jwk"] for path in directory.glob("*.json")]
    secrets = [jwk[name] for jwk in documents for name in PRIVATE_MEMBERS if name in jwk]
    shown = repr(keys.status()) + repr(keys.rotate()) + repr(files.load(directory, {}))
    shown += repr(keys.__dict__)
    assert len(secrets) == 3
    assert not [secret for secret in secrets if secret in shown]


def test_the_status_has_a_row_for_each_key(open_store: Any, standing_clock: Any) -> None:
    keys = open_store()
    rows = keys.status()
    now = standing_clock.now()
    assert [(row.kind, row.alg, row.state) for row in rows] == [
        ("sig", "ES256", "active"), ("sig", "EdDSA", "active"), ("seal", "A256GCM-SIV", "active"),
    ]  # fmt: skip
    assert {(row.created_at, row.active_from, row.retired_at, row.expires_at) for row in rows} == {
        (now, now, None, None)
    }
    assert rows[0].kid == keys.signing_key("ES256").kid


def test_an_algorithm_without_a_key_is_said(open_store: Any) -> None:
    with pytest.raises(KeyStoreError, match="no active key for RS256"):
        open_store().signing_key("RS256")


def test_an_algorithm_that_no_key_is_made_for_is_said(open_store: Any) -> None:
    with pytest.raises(KeyStoreError, match="'RS512': RS256, PS256, ES256, Ed25519, EdDSA"):
        open_store("RS512")


def test_a_rotation_takes_effect_in_another_process_without_a_restart(
    open_store: Any, look_always: None
) -> None:
    here, there = open_store(), open_store(create_missing=False)
    there.rotate()
    there.rotate_sealing()
    assert kids(here) == kids(there)
    assert len(kids(here)) == 4
    assert here.sealing_keys == there.sealing_keys
    assert here.etag == there.etag


def test_the_directory_is_looked_at_once_a_second_however_often_keys_are_used(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [1000.0]
    monkeypatch.setattr(store.time, "monotonic", lambda: moment[0])
    keys = open_store()
    looked: list[float] = []
    identities = files.identities

    def counted(directory: Path) -> dict[str, files.Identity]:
        looked.append(moment[0])
        return identities(directory)

    monkeypatch.setattr(files, "identities", counted)
    for moment[0] in (1000.0, 1000.9, 1001.0, 1001.5, 1001.9, 1002.0, 1030.0):
        for _ in range(10):
            keys.signing_key("ES256")
            keys.jwks()
            assert keys.sealing_keys
    assert looked == [1001.0, 1002.0, 1030.0]


def test_the_published_set_is_made_once_for_each_change(open_store: Any, look_always: None) -> None:
    keys = open_store()
    made = keys.jwks()
    assert keys.jwks() is made
    keys.rotate(["ES256"])
    assert keys.jwks() is not made


def test_a_key_is_imported_once_however_often_the_others_change(
    open_store: Any, monkeypatch: pytest.MonkeyPatch, look_always: None
) -> None:
    imported: list[str] = []
    import_jwk = files.import_jwk

    def counted(record: Any) -> Any:
        imported.append(record.kid)
        return import_jwk(record)

    monkeypatch.setattr(files, "import_jwk", counted)
    keys, other = open_store(), open_store()
    assert len(imported) == 3 * 2
    imported.clear()
    made = [row.kid for row in keys.rotate()] + [keys.rotate_sealing().kid]
    other.jwks()
    # Those that the rotation ends are read again, but they are the keys that they were.
    assert sorted(imported) == sorted(made * 2)


def test_a_file_that_breaks_while_running_is_logged_once_and_the_former_keys_stay(
    open_store: Any, directory: Path, look_always: None, caplog: pytest.LogCaptureFixture
) -> None:
    keys = open_store()
    token, sealed = jwt.sign(keys, "ES256", {"a": 1}), Sealer(keys, "test").seal(b"x")
    path = next(directory.glob("sig-ES256-*.json"))
    whole = path.read_text()
    path.write_text("{")
    for _ in range(3):
        assert jwt.verify_own(keys, token) == {"a": 1}
        assert jwt.verify_own(keys, jwt.sign(keys, "ES256", {"b": 1})) == {"b": 1}
        assert Sealer(keys, "test").unseal(sealed) == b"x"
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR
    assert path.name in logged.getMessage()
    path.write_text(whole)
    kid = open_store().rotate(["ES256"])[0].kid
    assert kid in kids(keys), "once it is mended, changes count again"
    path.write_text("{")
    keys.jwks()
    assert len(caplog.records) == 2, "a second break is logged again"


@pytest.mark.parametrize("gone", ["*", "sig-ES256-*", "seal-*"])
def test_keys_that_vanish_while_running_stay_in_use(
    open_store: Any,
    directory: Path,
    look_always: None,
    caplog: pytest.LogCaptureFixture,
    gone: str,
) -> None:
    keys = open_store()
    token, sealed = jwt.sign(keys, "ES256", {"a": 1}), Sealer(keys, "test").seal(b"x")
    for path in directory.glob(gone):
        path.unlink()
    assert jwt.verify_own(keys, token) == {"a": 1}
    assert Sealer(keys, "test").unseal(sealed) == b"x"
    assert "no active key" in caplog.text
    assert len(caplog.records) == 1


def test_time_takes_effect_while_a_file_is_broken(
    open_store: Any, directory: Path, look_always: None, standing_clock: Any
) -> None:
    keys = open_store("ES256")
    (new,) = keys.rotate()
    next(directory.glob("seal-*.json")).write_text("{")
    standing_clock.advance(100)
    assert keys.signing_key("ES256").kid == new.kid
    standing_clock.advance(50)
    assert kids(keys) == {new.kid}


def test_a_file_that_a_rotation_removes_meanwhile_is_no_failure(
    open_store: Any, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = open_store()
    identities = files.identities

    def with_one_more(directory: Path) -> dict[str, files.Identity]:
        return {**identities(directory), "sig-ES256-gone.json": (0, 0, 0)}

    monkeypatch.setattr(files, "identities", with_one_more)
    assert open_store(create_missing=False).jwks() == keys.jwks()


def test_the_lock_is_not_waited_for_while_another_thread_looks(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [1000.0]
    monkeypatch.setattr(store.time, "monotonic", lambda: moment[0])
    keys = open_store()
    looking, go_on = threading.Event(), threading.Event()

    def slow(directory: Path) -> dict[str, files.Identity]:
        looking.set()
        go_on.wait(60)
        return {}

    monkeypatch.setattr(files, "identities", slow)
    moment[0] = 1001.0
    thread = threading.Thread(target=keys.jwks)
    thread.start()
    assert looking.wait(60)
    assert keys.signing_key("ES256"), "answered while the other still looks"
    go_on.set()
    thread.join()
