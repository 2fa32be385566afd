"""What is used once to sign in, used at once at several processes; and devices that end."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fido2.utils import websafe_encode
from sqlalchemy import delete, func, select, update
from support.authenticator import Authenticator
from support.fleet import Fleet
from support.person import Person, read_forms
from support.racing import FULL, Answer, Racer, race, racers

from oidcserver import clock
from oidcserver.accounts.passkeys import LIFETIME, SIGN_IN
from oidcserver.accounts.passkeys import PURPOSE as PASSKEY
from oidcserver.credentials import (
    LOGIN_SESSION,
    MAILED_LINK,
    PENDING_SIGN_IN,
    REMEMBERED_DEVICE,
    digest,
    new_credential,
    new_identifier,
)
from oidcserver.models import (
    AuthenticatorApp,
    Base,
    LoginSession,
    MailedLink,
    Passkey,
    PendingSignIn,
    RecoveryCode,
    RememberedDevice,
    User,
)

pytestmark = pytest.mark.races

TRIES = 1000 if FULL else 40
HOUR = 3600
SETTINGS: dict[str, object] = {
    "oidc__second_factors": "totp passkey recovery_codes",
    "oidc__first_factors": "email_link",
    "oidc__remembered_device_lifetime": "30d",
    "oidc__pages": "home login consent logout account mail",
    # All of them are of one user, or from one browser.
    "oidc__second_factor_attempts": 1_000_000,
    # A thousand tries take longer than the five minutes in which a sign-in is recent.
    "oidc__recent_login": "12h",
}


class Visitor(NamedTuple):
    """One browser of the tests, which every racer is."""

    cookies: dict[str, str]
    csrf_token: str
    digest: str


@pytest.fixture(scope="module")
def fleet(make_fleet: Any) -> Fleet:
    """Processes that have every factor."""
    made: Fleet = make_fleet(**SETTINGS)
    return made


@pytest.fixture(scope="module")
def visitor(fleet: Fleet) -> Visitor:
    with Person() as person:
        form = read_forms(person.send("GET", f"{fleet.issuer}/login"))["login"]
        cookies = {str(it.name): str(it.value) for it in person.http.cookies}
    own = cookies[fleet.provider.registry.oidc.provider.cookie_name("browser")]
    return Visitor(cookies, form.fields["csrf_token"], digest(own))


@pytest.fixture
def runners(fleet: Fleet) -> Iterator[list[Racer]]:
    """Four clients, each at another process so far as there are as many."""
    with racers(fleet.urls, 4) as made:
        yield made


def cookies(fleet: Fleet, visitor: Visitor, **values: str) -> dict[str, str]:
    """Return the header with the browser's cookies and others of ours."""
    name = fleet.provider.registry.oidc.provider.cookie_name
    own = {**visitor.cookies, **{name(key): value for key, value in values.items()}}
    return {"Cookie": "; ".join(f"{key}={value}" for key, value in own.items())}


def add(fleet: Fleet, *rows: Base) -> None:
    with fleet.provider.database() as dbsession:
        dbsession.add_all(rows)


def users(fleet: Fleet, count: int) -> list[str]:
    """Add that many users with a verified address; return their identifiers."""
    made = [User(f"racer-{os.urandom(8).hex()}", id=new_identifier()) for _ in range(count)]
    identifiers = [user.id for user in made]
    for user in made:
        user.claims = {"email": f"{user.username}@example.com", "email_verified": True}
    add(fleet, *made)
    return identifiers


def wait_for_factor(fleet: Fleet, user_id: str, count: int) -> list[str]:
    """Let that many sign-ins of a user wait for the second factor; return their cookies."""
    tokens = [new_credential(PENDING_SIGN_IN) for _ in range(count)]
    rows = [
        PendingSignIn(
            token_digest=digest(token),
            user_id=user_id,
            generation=0,
            amr=["pwd"],
            methods=["password"],
            expires_at=clock.now() + HOUR,
        )
        for token in tokens
    ]
    add(fleet, *rows)
    return tokens


def live_sessions(fleet: Fleet, *user_ids: str) -> int:
    live = select(func.count()).select_from(LoginSession)
    live = live.where(LoginSession.user_id.in_(user_ids), LoginSession.ended_at.is_(None))
    with fleet.provider.database() as dbsession:
        return dbsession.scalar(live) or 0


def at(runners: list[Racer], racer: Racer) -> int:
    return runners.index(racer)


def once(outcomes: list[list[Answer]], refused: int) -> None:
    """Require that each try succeeded once."""
    expected = Counter({303: 1, refused: 3})
    wrong = [answers for answers in outcomes if Counter(it.status for it in answers) != expected]
    assert [[(it.status, it.location) for it in answers] for answers in wrong] == []


def test_a_recovery_code_signs_in_once(
    fleet: Fleet, visitor: Visitor, runners: list[Racer]
) -> None:
    [user_id] = users(fleet, 1)
    codes = [f"{number:010}" for number in range(TRIES + 1)]
    sealer = fleet.provider.registry.oidc.provider.sealer("recovery code")
    digests = [sealer.digests(f"{user_id} {code}")[0] for code in codes]
    add(fleet, *(RecoveryCode(user_id=user_id, code_digest=each) for each in digests))
    add(
        fleet,
        AuthenticatorApp(user_id=user_id, secret_sealed="", confirmed_at=clock.now()),
    )
    waiting = wait_for_factor(fleet, user_id, TRIES * len(runners))

    def use(racer: Racer, number: int) -> Answer:
        own = waiting[number * len(runners) + at(runners, racer)]
        form = {"csrf_token": visitor.csrf_token, "code": codes[number]}
        headers = cookies(fleet, visitor, second_factor=own)
        return racer.post("/login/recovery-code", form, headers)

    once(race(runners, range(TRIES), use), 403)
    assert live_sessions(fleet, user_id) == TRIES
    with fleet.provider.database() as dbsession:
        left = select(func.count()).where(RecoveryCode.user_id == user_id)
        assert dbsession.scalar(left) == 1


def test_a_step_of_an_app_signs_in_once(
    fleet: Fleet, visitor: Visitor, runners: list[Racer]
) -> None:
    owners, secret = users(fleet, TRIES), os.urandom(20)
    sealer = fleet.provider.registry.oidc.provider.sealer("authenticator app")
    apps = [
        AuthenticatorApp(
            user_id=owner,
            secret_sealed=sealer.seal(secret, owner.encode()),
            confirmed_at=clock.now(),
        )
        for owner in owners
    ]
    add(fleet, *apps)
    waiting = [wait_for_factor(fleet, owner, len(runners)) for owner in owners]
    codes: dict[int, str] = {}

    def use(racer: Racer, number: int) -> Answer:
        shown = TOTP(secret, 6, SHA1(), 30).generate(clock.now()).decode()
        form = {"csrf_token": visitor.csrf_token, "code": codes.setdefault(number, shown)}
        own = waiting[number][at(runners, racer)]
        return racer.post("/login/totp", form, cookies(fleet, visitor, second_factor=own))

    once(race(runners, range(TRIES), use), 403)
    assert live_sessions(fleet, *owners[:500]) == len(owners[:500])


def links(fleet: Fleet, visitor: Visitor, user_id: str) -> tuple[list[str], list[str]]:
    """Mail links to a user; return their tokens and identifiers. The code of all is 12345678."""
    sealer = fleet.provider.registry.oidc.provider.sealer("mailed link")
    tokens = [new_credential(MAILED_LINK) for _ in range(TRIES)]
    rows = [
        MailedLink(
            token_digest=digest(token),
            code_digest=sealer.digests("12345678")[0],
            purpose="sign_in",
            user_id=user_id,
            generation=0,
            data_sealed="",
            browser_digest=visitor.digest,
            expires_at=clock.now() + HOUR,
        )
        for token in tokens
    ]
    add(fleet, *rows)
    with fleet.provider.database() as dbsession:
        ids = dbsession.scalars(
            select(MailedLink.request_id).where(MailedLink.user_id == user_id)
        ).all()
    return tokens, list(ids)


def test_a_mailed_link_signs_in_once(fleet: Fleet, visitor: Visitor, runners: list[Racer]) -> None:
    [user_id] = users(fleet, 1)
    tokens, _ = links(fleet, visitor, user_id)

    def use(racer: Racer, token: str) -> Answer:
        headers = cookies(fleet, visitor, mailed_link=token)
        return racer.post("/confirm", {"csrf_token": visitor.csrf_token}, headers)

    once(race(runners, tokens, use), 400)
    assert live_sessions(fleet, user_id) == TRIES


def test_a_mailed_code_signs_in_once(fleet: Fleet, visitor: Visitor, runners: list[Racer]) -> None:
    [user_id] = users(fleet, 1)
    _, identifiers = links(fleet, visitor, user_id)

    def use(racer: Racer, identifier: str) -> Answer:
        headers = cookies(fleet, visitor, mailed_link=identifier)
        form = {"csrf_token": visitor.csrf_token, "code": "1234 5678"}
        entered = racer.post("/confirm", form, headers)
        if entered.status == 303 and not entered.location.endswith("/confirm"):
            return entered  # another racer had entered the code before
        return racer.post("/confirm", form, headers)

    once(race(runners, identifiers, use), 400)
    assert live_sessions(fleet, user_id) == TRIES


def test_a_challenge_of_a_passkey_signs_in_once(
    fleet: Fleet, visitor: Visitor, runners: list[Racer]
) -> None:
    [user_id] = users(fleet, 1)
    key, sealer = Authenticator(), fleet.provider.registry.oidc.provider.sealer(PASSKEY)
    key.handle = websafe_encode(user_id.encode()).encode()
    add(
        fleet,
        Passkey(
            credential_id=websafe_encode(key.identifier),
            user_id=user_id,
            public_key=websafe_encode(bytes(key.attested)),
            name="racing",
            synchronised=True,
        ),
    )
    challenges = [os.urandom(32) for _ in range(TRIES)]

    def use(racer: Racer, challenge: bytes) -> Answer:
        content = [websafe_encode(challenge), SIGN_IN, visitor.digest, clock.now() + LIFETIME]
        form = {
            "csrf_token": visitor.csrf_token,
            "challenge": sealer.seal(json.dumps(content).encode()),
            "credential": key.answer(
                {"challenge": challenge}, origin=fleet.issuer, rp_id="127.0.0.1"
            ),
        }
        return racer.post("/login/passkey/sign-in", form, cookies(fleet, visitor))

    outcomes = race(runners, challenges, use)
    refused = [[it.location for it in answers if "notice" in it.location] for answers in outcomes]
    assert [len(locations) for locations in refused] == [3] * TRIES
    assert live_sessions(fleet, user_id) == TRIES


def sign_in_to_account(fleet: Fleet, user_id: str) -> str:
    """Sign a user in with a second factor; return the cookie."""
    token = new_credential(LOGIN_SESSION)
    row = LoginSession(
        token_digest=digest(token),
        user_id=user_id,
        acr="2",
        amr=["pwd", "otp", "mfa"],
        methods=["password", "totp"],
        expires_at=clock.now() + HOUR,
    )
    add(fleet, row)
    return token


def test_no_sign_in_of_a_remembered_device_outlives_the_end_of_all_sessions(
    fleet: Fleet, visitor: Visitor, runners: list[Racer]
) -> None:
    owners = users(fleet, TRIES)
    tokens = [new_credential(REMEMBERED_DEVICE) for _ in owners]
    rows: list[Base] = []
    for owner, token in zip(owners, tokens, strict=True):
        rows.append(AuthenticatorApp(user_id=owner, secret_sealed="", confirmed_at=1))
        rows.append(
            RememberedDevice(
                user_id=owner,
                token_digest=digest(token),
                generation=0,
                expires_at=clock.now() + HOUR,
            )
        )
    add(fleet, *rows)
    sessions = [sign_in_to_account(fleet, owner) for owner in owners]
    with fleet.provider.database() as dbsession:
        found = dbsession.execute(select(User.id, User.username)).all()
    names = {row.id: row.username for row in found}

    def sign_in(racer: Racer, number: int) -> Answer:
        form = {"username": names[owners[number]], "password": "valid"}
        headers = cookies(fleet, visitor, device=tokens[number])
        return racer.post("/login", {**form, "csrf_token": visitor.csrf_token}, headers)

    def run(racer: Racer, number: int) -> Answer:
        if at(runners, racer):
            return sign_in(racer, number)
        headers = cookies(fleet, visitor, session=sessions[number])
        form = {"csrf_token": visitor.csrf_token, "session": "all"}
        return racer.post("/account/sessions", form, headers)

    assert "second-factor" not in sign_in(runners[0], 0).location, "the device counts"
    outcomes = race(runners, range(TRIES), run)
    # A sign-in that was overtaken gets the answer of a wrong password.
    assert {answer.status for answers in outcomes for answer in answers} <= {303, 403}
    assert live_sessions(fleet, *owners) == 0
    assert "second-factor" in sign_in(runners[0], 0).location


def test_new_recovery_codes_end_the_old_ones_and_one_set_stays(
    fleet: Fleet, visitor: Visitor, runners: list[Racer]
) -> None:
    [user_id] = users(fleet, 1)
    sealer = fleet.provider.registry.oidc.provider.sealer("recovery code")
    old = sealer.digests(f"{user_id} 0000000000")[0]
    add(fleet, AuthenticatorApp(user_id=user_id, secret_sealed="", confirmed_at=clock.now()))
    session = sign_in_to_account(fleet, user_id)
    for number in range(TRIES // 20):
        with fleet.provider.database() as dbsession:
            dbsession.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
            dbsession.execute(update(LoginSession).values(auth_time=clock.now()))
        add(fleet, RecoveryCode(user_id=user_id, code_digest=old))
        [waiting] = wait_for_factor(fleet, user_id, 1)

        def run(racer: Racer, _number: int, waiting: str = waiting) -> Answer:
            if at(runners, racer):
                headers = cookies(fleet, visitor, session=session)
                form = {"csrf_token": visitor.csrf_token, "version": digest(old)[:16]}
                return racer.post("/account/recovery-codes", form, headers)
            form = {"csrf_token": visitor.csrf_token, "code": "0000000000"}
            headers = cookies(fleet, visitor, second_factor=waiting)
            return racer.post("/login/recovery-code", form, headers)

        [answers] = race(runners, [number], run)
        # None makes codes where the old one was used before: its form is stale.
        made = [answer.status for answer in answers[1:]]
        assert sorted(made) in ([200, 303, 303], [303] * 3)
        with fleet.provider.database() as dbsession:
            kept = select(RecoveryCode.code_digest).where(RecoveryCode.user_id == user_id)
            digests = dbsession.scalars(kept).all()
        assert len(digests) == 10 * made.count(200)
        assert old not in digests
