"""Rotation: published, then active, then retired, then expired; and no token is ever lost."""

import json
import tempfile
import threading
import time
from operator import lt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oidcserver import clock
from oidcserver.keys import jwt, store
from oidcserver.keys.records import KeyStoreError
from oidcserver.keys.sealing import Sealer
from oidcserver.keys.store import KeyStore


def kids(keys: KeyStore) -> set[str]:
    return {key["kid"] for key in json.loads(keys.jwks())["keys"]}


def states(keys: KeyStore) -> dict[str, str]:
    return {row.kid: row.state for row in keys.status() if row.kind == "sig"}


def test_a_key_is_published_first_used_later_and_kept_while_it_may_verify(
    open_store: Any, directory: Path, standing_clock: Any
) -> None:
    keys = open_store("ES256")
    old, etag = keys.signing_key("ES256").kid, keys.etag
    (row,) = keys.rotate()
    new, now = row.kid, standing_clock.now()
    assert (row.state, row.created_at, row.active_from) == ("published", now, now + 100)
    assert keys.etag != etag
    assert kids(keys) == {old, new}
    standing_clock.advance(99)
    assert keys.signing_key("ES256").kid == old
    assert states(keys) == {old: "active", new: "published"}
    last_of_old = jwt.sign(keys, "ES256", {"a": 1})
    standing_clock.advance(1)
    assert keys.signing_key("ES256").kid == new
    assert states(keys) == {old: "retired", new: "active"}
    standing_clock.advance(49)
    assert kids(keys) == {old, new}
    assert jwt.verify_own(keys, last_of_old) == {"a": 1}
    standing_clock.advance(1)
    assert kids(keys) == {new}
    assert states(keys) == {old: "expired", new: "active"}
    assert jwt.verify_own(keys, last_of_old) is None
    keys.rotate()
    assert not list(directory.glob(f"*{old}*")), "an expired key's file goes at the next rotation"


def test_the_key_that_signs_stands_first_in_the_published_set(
    open_store: Any, standing_clock: Any
) -> None:
    keys = open_store("ES256")
    for _ in range(3):
        keys.rotate()
        for _ in range(2):
            signing = keys.signing_key("ES256").kid
            assert json.loads(keys.jwks())["keys"][0]["kid"] == signing
            standing_clock.advance(100)


def test_one_algorithm_alone_is_rotated(open_store: Any) -> None:
    keys = open_store()
    before = kids(keys)
    (row,) = keys.rotate(["EdDSA"])
    assert row.alg == "EdDSA"
    assert kids(keys) == {*before, row.kid}


def test_the_first_key_of_an_algorithm_is_active_at_once(open_store: Any) -> None:
    keys = open_store("ES256")
    (row,) = keys.rotate(["EdDSA"])
    assert row.state == "active"
    assert keys.signing_key("EdDSA").kid == row.kid


def test_a_rotation_within_the_time_of_another_leaves_each_its_turn(
    open_store: Any, standing_clock: Any
) -> None:
    keys = open_store("ES256")
    first = keys.signing_key("ES256").kid
    (second,) = keys.rotate()
    standing_clock.advance(60)
    (third,) = keys.rotate()
    signed_by = []
    for _ in range(5):
        signed_by.append(keys.signing_key("ES256").kid)
        standing_clock.advance(40)
    assert signed_by == [first, second.kid, second.kid, third.kid, third.kid]
    ends = {row.kid: row.retired_at for row in keys.status()}
    assert (ends[first], ends[second.kid]) == (second.active_from, third.active_from)


def test_a_shorter_time_of_publication_lets_the_later_key_come_first(
    open_store: Any, standing_clock: Any
) -> None:
    slow = open_store("ES256", publish_before=1000)
    slow.rotate()
    (quick,) = open_store("ES256", publish_before=100).rotate()
    keys = open_store("ES256")
    for wait in (100, 900, 1000):
        standing_clock.advance(wait)
        assert keys.signing_key("ES256").kid == quick.kid


def test_every_process_knows_a_key_before_one_uses_it(open_store: Any, standing_clock: Any) -> None:
    keys = open_store("ES256", publish_before=0)
    wait = keys.rotate()[0].active_from - standing_clock.now()
    sealing_wait = keys.rotate_sealing().active_from - standing_clock.now()
    # Two looks, and one second for times being whole.
    assert wait == sealing_wait == 2 * store.WATCH_SECONDS + 1


def test_a_damaged_file_stops_a_rotation_before_anything_is_changed(
    open_store: Any, directory: Path
) -> None:
    keys = open_store()
    next(directory.glob("sig-EdDSA-*.json")).write_text("{")
    before = {path.name: path.read_bytes() for path in directory.glob("*.json")}
    for rotate in (keys.rotate, keys.rotate_sealing):
        with pytest.raises(KeyStoreError, match="sig-EdDSA"):
            rotate()
    assert {path.name: path.read_bytes() for path in directory.glob("*.json")} == before


def test_a_rotation_killed_halfway_leaves_keys_that_work(
    open_store: Any, monkeypatch: pytest.MonkeyPatch, standing_clock: Any
) -> None:
    keys = open_store("ES256")
    old = keys.signing_key("ES256").kid
    write = store.files.write

    def killed(directory: Path, record: Any, *, replace: bool = False) -> None:
        if replace:
            raise KeyboardInterrupt
        write(directory, record)

    with monkeypatch.context() as patch:
        patch.setattr(store.files, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            keys.rotate()
    keys = open_store("ES256", create_missing=False)
    token = jwt.sign(keys, "ES256", {"a": 1})
    (new,) = kids(keys) - {old}
    standing_clock.advance(100)
    assert keys.signing_key("ES256").kid == new
    assert jwt.verify_own(keys, token) == {"a": 1}
    keys.rotate()
    standing_clock.advance(150)
    assert states(keys)[old] == "expired", "the next rotation ends what that one did not"


PUBLISH_BEFORE, KEEP_AFTER = 8, 5


@settings(max_examples=40)
@given(steps=st.lists(st.one_of(st.just("rotate"), st.integers(1, 12)), max_size=12))
def test_at_every_moment_what_is_signed_can_be_verified_by_whoever_looked_in_time(
    steps: list[Any],
) -> None:
    """Relying parties that fetched the set ``publish_before`` ago know the key that signs now; a
    token is verifiable for ``keep_after`` seconds."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        moment = [1_700_000_000]
        patch.setattr(clock, "now", lambda: moment[0])
        keys = KeyStore(
            Path(directory), ("EdDSA",), create_missing=True,
            publish_before=PUBLISH_BEFORE, keep_after=KEEP_AFTER,
        )  # fmt: skip
        served: dict[int, set[str]] = {}
        tokens: dict[int, str] = {}
        for step in steps:
            if step == "rotate":
                keys.rotate()
                continue
            for _ in range(step):
                now = moment[0]
                # Of several sets that one second serves, the first, without what comes later in it.
                served.setdefault(now, kids(keys))
                tokens.setdefault(now, jwt.sign(keys, "EdDSA", {"iat": now}))
                signer = keys.signing_key("EdDSA").kid
                assert all(
                    signer in served[fetched]
                    for fetched in range(now - PUBLISH_BEFORE + 1, now + 1)
                    if fetched in served
                )
                for signed_at in (now, now - 1, now - KEEP_AFTER + 1):
                    if signed_at in tokens:
                        assert jwt.verify_own(keys, tokens[signed_at]) == {"iat": signed_at}
                moment[0] += 1


@pytest.mark.usefixtures("look_always")
def test_no_token_is_lost_over_50_rotations_while_threads_sign_and_verify_with_two_stores(
    open_store: Any, standing_clock: Any
) -> None:
    here, there = open_store("ES256"), open_store("ES256", create_missing=False)
    stop = threading.Event()
    lost: list[str] = []
    counts = [0, 0, 0]

    def work(number: int) -> None:
        stores = (here, there)
        while not stop.is_set():
            for signing, verifying in (stores, stores[::-1]):
                signed_at = standing_clock.now()
                token = jwt.sign(signing, "ES256", {"a": 1})
                verified = jwt.verify_own(signing, token) and jwt.verify_own(verifying, token)
                sealed = Sealer(signing, "test").seal(b"x")
                # A thread that had to wait while the clock ran has a token that may be too old.
                if not verified and standing_clock.now() < signed_at + 50:
                    lost.append(token)
                if Sealer(verifying, "test").unseal(sealed) is None:
                    lost.append(sealed)
                counts[number] += bool(verified)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    for number in range(50):
        there.rotate()
        if number % 10 == 0:
            there.rotate_sealing()
        goal = [count + 1 for count in counts]
        while any(map(lt, counts, goal)) and all(thread.is_alive() for thread in threads):
            time.sleep(0.001)
        standing_clock.advance(40)
    stop.set()
    for thread in threads:
        thread.join()
    assert lost == []
    assert min(counts) >= 50


def test_what_an_old_sealing_key_sealed_still_unseals_after_its_rotation(
    open_store: Any, standing_clock: Any, directory: Path
) -> None:
    keys = open_store()
    sealer = Sealer(keys, "test")
    before = sealer.seal(b"old")
    row = keys.rotate_sealing()
    assert not sealer.seal(b"x").startswith(row.kid), "published before it is used"
    standing_clock.advance(100)
    assert sealer.seal(b"x").startswith(row.kid)
    assert list(keys.sealing_keys) == [row.kid, before[:8]], "the one that seals comes first"
    standing_clock.advance(10**9)
    keys.rotate()
    assert sealer.unseal(before) == b"old", "it has no end until its file is removed"


def test_a_sealing_key_that_was_removed_by_hand_unseals_nothing(
    open_store: Any, standing_clock: Any, directory: Path, look_always: None
) -> None:
    keys = open_store()
    sealer = Sealer(keys, "test")
    sealed = sealer.seal(b"old")
    keys.rotate_sealing()
    standing_clock.advance(100)
    (directory / f"seal-A256GCM-SIV-{sealed[:8]}.json").unlink()
    assert sealer.unseal(sealed) is None
    assert sealer.unseal(sealer.seal(b"new")) == b"new"
