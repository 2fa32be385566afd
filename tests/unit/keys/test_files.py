"""Key files: made safely, read strictly, never lost."""

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk

from oidcserver.keys import files, records
from oidcserver.keys.records import KeyStoreError, generate
from oidcserver.keys.store import KeyStore


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Return what changes the members of a key file."""

    def edit_file(path: Path) -> None:
        members = json.loads(path.read_text())
        change(members)
        path.write_text(json.dumps(members))

    return edit_file


def put_another_key(members: dict[str, Any]) -> None:
    members["jwk"] = {**jwk.generate_key("EC", "P-384").as_dict(private=True), "alg": "ES256"}


def test_development_makes_what_is_missing_with_modes_that_keep_others_out(
    open_store: Any, directory: Path
) -> None:
    open_store()
    assert directory.stat().st_mode & 0o777 == 0o700
    made = {path.name.rpartition("-")[0] or path.name for path in directory.glob("*.json")}
    assert len(made) == 3
    assert {path.stat().st_mode & 0o777 for path in directory.glob("*.json")} == {0o600}


def test_a_file_name_says_kind_algorithm_and_kid(open_store: Any, directory: Path) -> None:
    keys = open_store()
    kid = keys.signing_key("ES256").kid
    assert kid == keys.signing_key("ES256").thumbprint()
    assert (directory / f"sig-ES256-{kid}.json").exists()
    assert (directory / f"seal-A256GCM-SIV-{next(iter(keys.sealing_keys))}.json").exists()


def test_every_algorithm_has_its_own_key_of_the_right_kind(open_store: Any) -> None:
    keys = open_store("RS256", "PS256", "ES256", "EdDSA")
    made = {alg: keys.signing_key(alg) for alg in keys.algorithms}
    assert len({key.kid for key in made.values()}) == 4
    assert made["RS256"].raw_value.key_size == made["PS256"].raw_value.key_size == 2048
    assert made["ES256"].curve_name == "P-256"
    assert made["EdDSA"].curve_name == "Ed25519"
    assert [len(key) for key in keys.sealing_keys.values()] == [32]


def test_what_is_there_is_not_made_again(open_store: Any, directory: Path) -> None:
    open_store()
    before = {path.name: path.read_bytes() for path in directory.glob("*.json")}
    open_store()
    assert {path.name: path.read_bytes() for path in directory.glob("*.json")} == before


@pytest.mark.parametrize("there", [False, True])
def test_production_rejects_missing_keys_and_makes_none(
    open_store: Any, directory: Path, there: bool
) -> None:
    if there:
        directory.mkdir(mode=0o700)
    with pytest.raises(KeyStoreError, match=r"no active key .* ES256, EdDSA, sealing .*restore"):
        open_store(create_missing=False)
    assert not list(directory.glob("*"))


@pytest.mark.parametrize("create_missing", [True, False])
@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (lambda path: path.write_text(path.read_text()[:80]), "restore it from a backup"),
        (lambda path: path.write_text(""), "restore it"),
        (lambda path: path.write_text("{}"), "restore it"),
        (lambda path: path.write_text("[]"), "restore it"),
        (lambda path: path.write_text("[" * 100_000), "restore it"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "restore it"),
        (edit(lambda members: members.pop("jwk")), "restore it"),
        (edit(lambda members: members.update(jwk=[])), "restore it"),
        (edit(lambda members: members.update(more=1)), "restore it"),
        (edit(lambda members: members.update(kind="seal")), "restore it"),
        (edit(lambda members: members.update(alg="EdDSA")), "restore it"),
        (edit(lambda members: members.update(alg=["ES256"])), "restore it"),
        (edit(lambda members: members.update(created_at="now")), "restore it"),
        (edit(lambda members: members.update(active_from=None)), "restore it"),
        (edit(lambda members: members.update(retired_at="never")), "restore it"),
        (edit(lambda members: members.update(expires_at=True)), "restore it"),
        (edit(lambda members: members["jwk"].pop("kid")), "restore it"),
        (edit(lambda members: members["jwk"].pop("d")), "restore it"),
        (edit(lambda members: members["jwk"].pop("alg")), "restore it"),
        (edit(lambda members: members["jwk"].update(x="AAAA")), "restore it"),
        (edit(lambda members: members["jwk"].update(kid="another")), "restore it"),
        (edit(lambda members: members["jwk"].update(key_ops=["verify"])), "restore it"),
        (edit(put_another_key), "restore it"),
        (lambda path: path.rename(path.with_name("sig-ES256-other.json")), "restore it"),
        (lambda path: path.chmod(0o640), "chmod 600"),
        (lambda path: path.chmod(0o604), "chmod 600"),
        (lambda path: (path.unlink(), path.mkdir()), "belong to the user"),
    ],
)
def test_a_damaged_key_file_stops_the_start_and_is_named_with_what_to_do(
    open_store: Any, directory: Path, damage: Any, advice: str, create_missing: bool
) -> None:
    open_store()
    damage(next(directory.glob("sig-ES256-*.json")))
    count = len(list(directory.glob("*.json")))
    with pytest.raises(KeyStoreError, match=rf"sig-ES256-.*\.json .*{advice}"):
        open_store(create_missing=create_missing)
    assert len(list(directory.glob("*.json"))) == count, "nothing is made in its place"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("sig", lambda members: members["jwk"].update(kid="no-thumbprint")),
        ("sig", lambda members: members.update(kind="seal")),
        ("sig", lambda members: members["jwk"].update(use="enc")),
        ("enc", lambda members: members["jwk"].update(use="sig")),
        ("enc", lambda members: members["jwk"].update(alg="ECDH-ES+A128KW")),
        ("enc", lambda members: members["jwk"].update(key_ops=["sign"])),
        ("enc", lambda members: members["jwk"].pop("d")),
        ("enc", lambda members: members.update(kind="sig")),
        ("seal", lambda members: members["jwk"].update(kid="0123456")),
        ("seal", lambda members: members["jwk"].update(kid="0123456G")),
        ("seal", lambda members: members["jwk"].update(k="A" * 22)),
        ("seal", lambda members: members.update(kind="sig")),
    ],
)
def test_a_key_of_a_wrong_name_or_length_is_damaged_though_its_file_name_agrees(
    open_store: Any, directory: Path, kind: str, change: Any
) -> None:
    open_store("ES256", "ECDH-ES")
    path = next(directory.glob(f"{kind}-*.json"))
    edit(change)(path)
    members = json.loads(path.read_text())
    name = f"{members['kind']}-{members['alg']}-{members['jwk']['kid']}.json"
    path.rename(directory / name)
    with pytest.raises(KeyStoreError, match=f"{re.escape(name)} is not a whole key"):
        open_store("ES256", create_missing=False)


def test_an_rsa_key_under_2048_bits_is_rejected_and_a_longer_one_is_taken(
    open_store: Any, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(bits: int) -> None:
        key = jwk.RSAKey.import_key(rsa.generate_private_key(65537, bits))
        members = {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": "RS256"}
        files.write(directory, records.KeyRecord("sig", "RS256", members, 0, 0))

    open_store()
    put(3072)
    assert open_store("RS256", create_missing=False).signing_key("RS256")
    with pytest.warns(UserWarning, match="2048"):
        put(1024)
    with (
        pytest.warns(UserWarning, match="2048"),
        pytest.raises(KeyStoreError, match="not a whole key"),
    ):
        open_store("RS256", create_missing=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(length=st.integers(min_value=0))
def test_a_file_cut_short_anywhere_is_never_a_key(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    directory = tmp_path_factory.mktemp("keys")
    record = generate("EdDSA")
    files.write(directory, record)
    path = directory / record.file_name
    whole = path.read_bytes()
    path.write_bytes(whole[: length % len(whole)])
    with pytest.raises(KeyStoreError, match="not a whole key"):
        files.load(directory, {})


def test_a_directory_that_is_a_file_is_explained(directory: Path) -> None:
    directory.write_text("")
    for create_missing in (True, False):
        with pytest.raises(KeyStoreError, match=f"key directory {directory} cannot be"):
            KeyStore(directory, create_missing=create_missing, publish_before=1, keep_after=1)


def test_a_directory_that_others_may_write_to_is_rejected(open_store: Any, directory: Path) -> None:
    open_store()
    directory.chmod(0o702)
    for create_missing in (True, False):
        with pytest.raises(KeyStoreError, match=f"chmod 700 {directory}"):
            open_store(create_missing=create_missing)


def test_a_checkout_under_umask_002_is_put_right_in_development_only(
    open_store: Any, directory: Path
) -> None:
    directory.mkdir()
    directory.chmod(0o775)
    with pytest.raises(KeyStoreError, match=f"chmod 700 {directory}"):
        open_store(create_missing=False)
    open_store()
    assert directory.stat().st_mode & 0o777 == 0o755


def test_a_file_of_another_kind_is_let_be(open_store: Any, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "README.md").write_text("keys")
    open_store()
    assert (directory / "README.md").read_text() == "keys"


def test_a_new_key_never_takes_the_place_of_another(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    record = generate("EdDSA")
    files.write(directory, record)
    with pytest.raises(KeyStoreError, match="there already"):
        files.write(directory, record)
    files.write(directory, record, replace=True)


def test_a_full_disk_is_explained_and_harms_no_key(
    open_store: Any, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = open_store()
    before = sorted(directory.glob("*.json"))

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(KeyStoreError, match=r"cannot be written \(No space left"):
            keys.rotate()
    assert sorted(directory.glob("*.json")) == before
    assert sorted(path.name for path in directory.glob(".*")) == [".lock"]
    assert open_store(create_missing=False).jwks() == keys.jwks()


def test_what_a_killed_writer_left_is_no_key_and_goes(open_store: Any, directory: Path) -> None:
    keys = open_store()
    left = directory / ".sig-ES256-x.json.0badcafe"
    left.write_text('{"jwk": {"d"')
    open_store(create_missing=False)
    keys.rotate(["ES256"])
    assert not left.exists()


def test_what_root_makes_belongs_to_whom_the_directory_belongs_to(
    open_store: Any, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, uid, gid: owners.append((uid, gid)))
    open_store()
    owner = directory.stat()
    assert owners == [(owner.st_uid, owner.st_gid)] * 4, "the lock and three keys"


def test_an_openssl_without_the_sealing_cipher_stops_the_start(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(key: bytes) -> None:
        raise UnsupportedAlgorithm("AES-GCM-SIV")

    monkeypatch.setattr(records, "AESGCMSIV", unsupported)
    with pytest.raises(KeyStoreError, match="install a binary wheel"):
        open_store()


def test_processes_that_start_at_once_agree_on_one_set_of_keys(
    run_at_once: Any, directory: Path
) -> None:
    code = (
        "store = KeyStore(sys.argv[1], ('ES256', 'EdDSA'), create_missing=True,"
        " publish_before=1, keep_after=1)\n"
        "print(store.jwks(), *store.sealing_keys)"
    )
    answers = run_at_once(4, code, directory)
    assert len(set(answers)) == 1
    assert len(list(directory.glob("*.json"))) == 3


def test_processes_that_rotate_at_once_lose_no_key(
    run_at_once: Any, open_store: Any, directory: Path
) -> None:
    first = open_store("ES256").signing_key("ES256").kid
    code = (
        "store = KeyStore(sys.argv[1], ('ES256',), create_missing=False,"
        " publish_before=100, keep_after=50)\n"
        "for _ in range(5): print(*(row.kid for row in store.rotate()))\n"
        "for _ in range(5): print(store.rotate_sealing().kid)"
    )
    made = [kid for answer in run_at_once(3, code, directory) for kid in answer.split()]
    rows = open_store("ES256", create_missing=False).status()
    signing = [row for row in rows if row.kind == "sig"]
    assert len(made) == len(set(made)) == 30
    assert {row.kid for row in rows} >= {first, *made}
    assert len(signing) == 16
    assert len([row for row in signing if row.retired_at is None]) == 1, "all but the last end"
