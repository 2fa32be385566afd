"""The key store: files, rotation and what is published when."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from oidcserver.keys import jwt
from oidcserver.keys.sealing import Sealer
from oidcserver.keys.store import KeyStore, KeyStoreError

FAST = ("ES256", "EdDSA")


def open_store(directory: Path, **options: Any) -> KeyStore:
    defaults: dict[str, Any] = {
        "algorithms": FAST, "create_missing": True, "publish_before": 100, "keep_after": 50,
    }  # fmt: skip
    return KeyStore(directory, **{**defaults, **options})


def kids(store: KeyStore) -> set[str]:
    return {key["kid"] for key in json.loads(store.jwks())["keys"]}


def test_development_makes_what_is_missing_with_modes_that_keep_others_out(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    open_store(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    files = list(directory.glob("*.json"))
    assert len(files) == 3
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_production_refuses_missing_keys_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match=r"no active key .* ES256, EdDSA, sealing"):
        open_store(tmp_path, create_missing=False)
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(path.read_text()[:80]),
        lambda path: path.write_text("{}"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text('{"kind": "sig", "alg": "ES256", "jwk": {"kid": "x"}}'),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.chmod(0o644),
    ],
)
def test_a_damaged_key_file_stops_the_start_and_is_named(tmp_path: Path, damage: Any) -> None:
    open_store(tmp_path)
    path = next(tmp_path.glob("sig-ES256-*.json"))
    damage(path)
    with pytest.raises(KeyStoreError, match=path.name):
        open_store(tmp_path, create_missing=False)


def test_a_file_that_breaks_while_running_leaves_the_former_keys_in_use(
    tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    token = jwt.sign(store, "ES256", {"a": 1})
    next(tmp_path.glob("sig-ES256-*.json")).write_text("{")
    monkeypatch.setattr("oidcserver.keys.store.WATCH_SECONDS", 0)
    assert jwt.verify_own(store, token) == {"a": 1}


def test_the_published_set_holds_nothing_private(tmp_path: Path) -> None:
    store = open_store(tmp_path, algorithms=("RS256", "ES256", "PS256", "EdDSA"))
    keys = json.loads(store.jwks())["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256", "PS256", "EdDSA"}
    public = {"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"}
    assert all(set(key) <= public for key in keys)
    assert len({key["kid"] for key in keys}) == 4


def test_rotation_publishes_first_uses_later_and_keeps_the_old_while_it_may_verify(
    tmp_path: Path, clock: Any
) -> None:
    store = open_store(tmp_path, algorithms=("ES256",))
    old = store.signing_key("ES256").kid
    etag = store.etag
    (record,) = store.rotate()
    assert store.etag != etag
    assert kids(store) == {old, record.kid}
    assert store.signing_key("ES256").kid == old
    last_of_old = jwt.sign(store, "ES256", {"a": 1})
    clock.advance(100)
    assert store.signing_key("ES256").kid == record.kid
    assert jwt.verify_own(store, last_of_old) == {"a": 1}
    clock.advance(49)
    assert kids(store) == {old, record.kid}
    clock.advance(1)
    assert kids(store) == {record.kid}
    assert jwt.verify_own(store, last_of_old) is None
    store.rotate()
    assert not list(tmp_path.glob(f"*{old}*")), "an expired key's file goes at the next rotation"


def test_rotation_takes_effect_in_another_process_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = open_store(tmp_path), open_store(tmp_path, create_missing=False)
    there.rotate()
    monkeypatch.setattr("oidcserver.keys.store.WATCH_SECONDS", 0)
    assert kids(here) == kids(there)
    assert len(kids(here)) == 4


def test_no_token_is_lost_over_50_rotations_while_threads_sign(tmp_path: Path, clock: Any) -> None:
    store = open_store(tmp_path, algorithms=("ES256",))
    stop = threading.Event()
    lost: list[str] = []
    signed: list[int] = []

    def work() -> None:
        while not stop.is_set():
            token = jwt.sign(store, "ES256", {"a": 1})
            if jwt.verify_own(store, token) is None:
                lost.append(token)
            signed.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        store.rotate()
        clock.advance(25)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(signed) >= 50
    assert lost == []


def test_processes_that_start_at_once_agree_on_one_set_of_keys(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from oidcserver.keys.store import KeyStore\n"
        "store = KeyStore(Path(sys.argv[1]), ('ES256',), create_missing=True, publish_before=1,"
        " keep_after=1)\nprint(store.signing_key('ES256').kid)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {process.communicate(timeout=60)[0] for process in started}
    assert len(answers) == 1
    assert answers != {b""}


def test_what_an_old_sealing_key_sealed_still_unseals_after_its_rotation(
    tmp_path: Path, clock: Any
) -> None:
    store = open_store(tmp_path)
    sealer = Sealer(store, "test")
    before = sealer.seal(b"old")
    record = store.rotate_sealing()
    assert not sealer.seal(b"x").startswith(record.kid), "published before it is used"
    clock.advance(100)
    assert sealer.seal(b"x").startswith(record.kid)
    assert sealer.unseal(before) == b"old"
