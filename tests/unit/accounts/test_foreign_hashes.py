"""Hashes of other systems: those that they made themselves verify, and costly ones are rejected."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from django.conf import settings
from django.contrib.auth.hashers import get_hasher, make_password

from oidcserver.accounts import passwords
from oidcserver.accounts.hash_costs import MAX_SECONDS, HashTimes
from oidcserver.accounts.importable_hashes import importable_hash
from oidcserver.accounts.passwords import needs_rehash, verify_password

WORD = "ein langes Wört"
SALT = bytes(range(16))
#: The texts of "password" in passlib's own documentation.
PASSLIB = (
    "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44",
    "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
)


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def keycloak(algorithm: str, value: bytes, iterations: int, **more: list[str]) -> dict[str, str]:
    """Return a credential as an export of a realm has it."""
    return {
        "type": "password",
        "secretData": json.dumps({"value": b64(value), "salt": b64(SALT)}),
        "credentialData": json.dumps(
            {"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": more}
        ),
    }


def pbkdf2(digest: str, iterations: int, salt: bytes = SALT, length: int = 32) -> bytes:
    return hashlib.pbkdf2_hmac(digest, WORD.encode(), salt, iterations, length)


@pytest.fixture(scope="module", autouse=True)
def _django() -> Iterator[None]:
    if not settings.configured:
        settings.configure()
    hashers = ("PBKDF2", "PBKDF2SHA1", "Argon2", "BCryptSHA256", "BCrypt", "Scrypt")
    before = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = [
        f"django.contrib.auth.hashers.{name}PasswordHasher" for name in hashers
    ]
    yield
    settings.PASSWORD_HASHERS = before


@pytest.fixture(autouse=True)
def _forgotten_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests of other modules wait for none of these hashes."""
    monkeypatch.setattr(passwords, "_foreign_times", HashTimes())


def verifies(value: Any, word: str = WORD) -> bool:
    """Whether a password is right, and one that differs is wrong."""
    stored = importable_hash(value)
    assert importable_hash(stored) == stored, "what is exported can be imported"
    assert not verify_password(f"{word}x", stored)
    assert needs_rehash(stored)
    return verify_password(word, stored)


@pytest.mark.parametrize(
    "name", ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"]
)
def test_hashes_that_django_makes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for cost, few in (("iterations", 1000), ("rounds", 4), ("work_factor", 1 << 10)):
        if hasattr(get_hasher(name), cost):
            monkeypatch.setattr(get_hasher(name), cost, few)
    assert verifies(make_password(WORD, hasher=name))


@pytest.mark.parametrize("text", PASSLIB)
def test_hashes_of_passlib(text: str) -> None:
    assert verifies(text, "password")


def test_hashes_of_werkzeug() -> None:
    salt = "some salt"
    key = pbkdf2("sha256", 1000, salt.encode())
    assert verifies(f"pbkdf2:sha256:1000${salt}${key.hex()}")
    scrypt = hashlib.scrypt(WORD.encode(), salt=salt.encode(), n=1 << 10, r=8, p=1, dklen=64)
    assert verifies(f"scrypt:1024:8:1${salt}${scrypt.hex()}")


@pytest.mark.parametrize("as_json", [True, False])
def test_credentials_of_keycloak(as_json: bool) -> None:
    argon2 = PasswordHasher(time_cost=5, memory_cost=7168, parallelism=1, hash_len=32)
    text = argon2.hash(WORD, salt=SALT)
    key = base64.b64decode(text.rpartition("$")[2] + "=")
    more = {"memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
    for credential in (
        keycloak("pbkdf2-sha256", pbkdf2("sha256", 27500, length=64), 27500),
        keycloak("pbkdf2-sha512", pbkdf2("sha512", 2100, length=64), 2100),
        keycloak("pbkdf2", pbkdf2("sha1", 200, length=64), 200),
        keycloak("argon2", key, 5, **more),
    ):
        assert verifies(json.dumps(credential) if as_json else credential)


def test_hashes_of_bcrypt() -> None:
    for prefix in (b"2b", b"2a"):
        assert verifies(bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4, prefix)).decode())
    made = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4)).decode()
    assert verifies(made.replace("$2b$", "$2y$"))  # PHP


def test_bcrypt_ignores_what_follows_72_bytes() -> None:
    """So do the systems that made the hash: their users sign in with the whole password."""
    long = "x" * 72
    stored = importable_hash(bcrypt.hashpw(long.encode(), bcrypt.gensalt(4)).decode())
    assert verify_password(f"{long} and more", stored)
    assert not verify_password("x" * 71, stored)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "unknown kind"),
        ("secret", "unknown kind"),
        ("md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "unknown kind"),
        ("$2x$04$abcdefghijklmnopqrstuu5LhHjVv0vVfX5hHnnYxkcZQp0jFqGqG", "unknown kind"),
        ("$2b$15$abcdefghijklmnopqrstuu5LhHjVv0vVfX5hHnnYxkcZQp0jFqGqG", "cost of bcrypt"),
        ("$2b$03$abcdefghijklmnopqrstuu5LhHjVv0vVfX5hHnnYxkcZQp0jFqGqG", "cost of bcrypt"),
        (f"pbkdf2_sha256$0$salt${b64(SALT)}", "iteration"),
        (f"pbkdf2_sha256$10000000$salt${b64(SALT)}", "more than 2 seconds"),
        (f"pbkdf2_sha512$2500000$salt${b64(SALT)}", "more than 2 seconds"),
        # A key of two digests takes twice as long as one.
        (f"pbkdf2_sha256$5000000$salt${b64(SALT * 4)}", "more than 2 seconds"),
        (f"pbkdf2_sha256$1000$salt${b64(SALT * 5)}", "more than 64 bytes"),
        (f"pbkdf2:sha256:1000$salt${(SALT * 5).hex()}", "more than 64 bytes"),
        (f"$scrypt$ln=10,r=8,p=1$c2FsdA${b64(SALT * 5)}", "more than 64 bytes"),
        (f"$scrypt$ln=18,r=8,p=4$c2FsdA${b64(SALT)}", "more than 2 seconds"),
        (f"pbkdf2_sha256$1000$salt${b64(SALT[:8])}", "fewer than 16 bytes"),
        ("pbkdf2_sha256$1000$salt$abcde", "damaged"),
        ("pbkdf2:sha256:1000$salt$abc", "damaged"),
        (f"$scrypt$ln=30,r=8,p=1$c2FsdA${b64(SALT)}", "more than 256 MiB"),
        (f"scrypt$1000$salt$8$1${b64(SALT)}", "parameters of scrypt"),
        (f"scrypt$1024$salt$8$99${b64(SALT)}", "parameters of scrypt"),
        ("$argon2id$broken", "damaged"),
        (f"$argon2id$v=19$m=999999999,t=2,p=1$c2FsdHNhbHQ${b64(SALT)}", "more than 256 MiB"),
        (f"$argon2id$v=19$m=262144,t=100,p=1$c2FsdHNhbHQ${b64(SALT)}", "more than 2 seconds"),
        (f"$argon2id$v=19$m=1024,t=2,p=99$c2FsdHNhbHQ${b64(SALT)}", "parallelism"),
        (f"$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ${b64(SALT * 5)}", "more than 64 bytes"),
        (
            keycloak(
                "argon2",
                SALT,
                1000,
                memory=["262144"],
                type=["id"],
                version=["1.3"],
                parallelism=["1"],
            ),
            "more than 2 seconds",
        ),
        ("{", "not JSON"),
        ("{}", "not a password credential of Keycloak"),
        ({"secretData": "{}", "credentialData": "[]"}, "not a password credential of Keycloak"),
        (keycloak("pbkdf2-md5", SALT, 1), "unknown kind"),
    ],
)
def test_others_are_rejected_with_a_sentence(value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        importable_hash(value)


def test_a_salt_that_bcrypt_rejects_is_a_wrong_password() -> None:
    stored = importable_hash("$2b$04$abcdefghijklmnopqrstuz5LhHjVv0vVfX5hHnnYxkcZQp0jFqGqG")
    assert not verify_password(WORD, stored)


@pytest.mark.parametrize(
    "value",
    [
        f"pbkdf2_sha256$1500000$salt${b64(SALT * 2)}",  # beyond Django and Werkzeug
        keycloak("pbkdf2-sha512", SALT * 4, 210_000),
        f"$scrypt$ln=17,r=8,p=1$c2FsdA${b64(SALT * 2)}",
        f"$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ${b64(SALT * 2)}",
        f"$argon2id$v=19$m=262144,t=3,p=4$c2FsdHNhbHQ${b64(SALT * 2)}",
        "$2b$14$abcdefghijklmnopqrstuu5LhHjVv0vVfX5hHnnYxkcZQp0jFqGqG",
    ],
)
def test_costs_that_systems_choose_are_accepted(value: Any) -> None:
    importable_hash(value)


@pytest.mark.parametrize(
    "stored",
    [
        f"$argon2id$v=19$m=262144,t=100,p=1$c2FsdHNhbHQ${b64(SALT)}",
        f"$pbkdf2-sha256$i=10000000$c2FsdA${b64(SALT * 1000)}",
        "$argon2id$broken",
    ],
)
def test_a_stored_hash_that_costs_too_much_is_verified_as_none(
    stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    monkeypatch.setattr(passwords, "_is_argon2", lambda text, _: bool(verified.append(text)))
    assert not verify_password(WORD, stored)
    assert verified == [passwords._DUMMY_HASH]


def test_no_refusal_waits_longer_than_twice_the_limit() -> None:
    times = HashTimes()
    assert times.longest() == 0
    times.note(0.4, 99.0)
    assert times.longest() == 2 * MAX_SECONDS
    for _ in range(16):
        times.note(0.4, 0.5)
    assert times.longest() == 0.5, "one busy moment is forgotten"
    for _ in range(16):
        times.note(0.1, 0.1)
    assert times.longest() == 0.5, "a quick hash does not hide a slow one"
