"""Passkeys: the two ceremonies of Web Authentication level 3, sections 7.1 and 7.2.

A challenge is sealed into the page, so a page that is only looked at writes nothing. It is used up
with the first answer, right or wrong, and belongs to one ceremony and one browser.
"""

import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from oidcserver.interfaces import User
from oidcserver.keys.strict_json import parse_object
from oidcserver.models import Passkey
from oidcserver.models import User as UserRow
from oidcserver.models.passkey import MAX_CREDENTIAL_ID, note_use, passkeys_of
from oidcserver.models.replay import use_identifier
from oidcserver.models.user import lock_generation
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.types import Provider, Request

PURPOSE = "passkey"
#: Seconds that a challenge lives.
LIFETIME = 300
RP_ID = "oidc.passkey_rp_id"
#: The ceremonies: a challenge of one is rejected by the others.
REGISTER, SIGN_IN, SECOND = "register", "sign in", "second factor"
_FLAG = AuthenticatorData.FLAG
_REQUIRED = UserVerificationRequirement.REQUIRED
#: The exceptions of the library for a malformed answer. It decodes JSON and CBOR recursively.
_MALFORMED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    IndexError,
    RecursionError,
    struct.error,
)


class InvalidPasskey(Exception):
    """The answer of the browser is not accepted. ``reason`` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CopiedPasskey(InvalidPasskey):
    """The counter of the authenticator did not grow; the event ``passkey_copied`` says so."""


@dataclass(frozen=True, slots=True)
class Ceremony:
    """The values of a page: the options for the browser, as JSON, and the sealed challenge."""

    options: str
    challenge: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A passkey that was just used, its user, and how (RFC 8176)."""

    user: UserRow
    amr: tuple[str, ...]


def rp_id(provider: Provider) -> str:
    """Return the identifier that passkeys are made for: a host name, or a parent domain of it."""
    return provider.settings[RP_ID] or urlsplit(provider.issuer).hostname or ""


def begin_registration(request: Request, user: User) -> Ceremony:
    """Return the values of a page to make a passkey of a user."""
    known = [_attested(passkey) for passkey in passkeys_of(request.oidc.dbsession, user.id)]
    challenge = os.urandom(32)
    # The browser says whether the key can be found without its identifier (section 10.1.3).
    options, _state = _server(request).register_begin(
        PublicKeyCredentialUserEntity(
            id=user.id.encode(), name=user.username, display_name=user.username
        ),
        known,
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=_REQUIRED,
        challenge=challenge,
        extensions={"credProps": True},
    )
    return _ceremony(request, REGISTER, challenge, options)


def begin_sign_in(request: Request) -> Ceremony:
    """Return the values of a page to sign a user in by any passkey that the browser has."""
    challenge = os.urandom(32)
    options, _state = _server(request).authenticate_begin(
        user_verification=_REQUIRED, challenge=challenge
    )
    return _ceremony(request, SIGN_IN, challenge, options)


def begin_second_factor(
    request: Request, passkeys: Sequence[Passkey], *, after_password: bool
) -> Ceremony:
    """Return the values of a page to use one of these passkeys as the second factor.

    :param after_password: whether the user has proven the knowledge of a password, so that the
        device need not verify the user.
    """
    challenge = os.urandom(32)
    options, _state = _server(request).authenticate_begin(
        [_attested(passkey) for passkey in passkeys],
        user_verification=_verification(after_password),
        challenge=challenge,
    )
    return _ceremony(request, SECOND, challenge, options)


def _verification(after_password: bool) -> UserVerificationRequirement:
    return UserVerificationRequirement.PREFERRED if after_password else _REQUIRED


def register(request: Request, user: User, name: str) -> Passkey:
    """Store the passkey that the browser has made.

    :raises InvalidPasskey: if the answer is not accepted, or all sessions of the user were ended
        meanwhile.
    """
    generation = user.generation
    state, answer = _open(request, REGISTER, _REQUIRED)
    server = _server(request)
    try:
        data = server.register_complete(state, answer)
        attested = data.credential_data
        if attested is None:
            raise InvalidPasskey("The answer has no key.")
        if attested.public_key.ALGORITHM not in {it.alg for it in server.allowed_algorithms}:
            raise InvalidPasskey("The key has an algorithm that was not asked for.")
        if answer["clientExtensionResults"].get("credProps", {}).get("rk") is False:
            raise InvalidPasskey("The key cannot be found without its identifier.")
    except _MALFORMED as problem:
        raise InvalidPasskey(str(problem)) from None
    identifier = websafe_encode(attested.credential_id)
    dbsession = request.oidc.dbsession
    if len(identifier) > MAX_CREDENTIAL_ID or dbsession.get(Passkey, identifier) is not None:
        raise InvalidPasskey("The credential is known already, or its identifier is too long.")
    if user.generation != generation or not lock_generation(dbsession, user):
        raise InvalidPasskey("All sessions of the user were ended.")
    passkey = Passkey(
        credential_id=identifier,
        user_id=user.id,
        public_key=websafe_encode(bytes(attested)),
        name=name,
        synchronised=bool(data.flags & _FLAG.BE),
        sign_count=data.counter,
    )
    dbsession.add(passkey)
    dbsession.flush()
    return passkey


def prove(request: Request) -> Proof:
    """Check the answer of a browser that used a passkey, which counts for two factors.

    :raises InvalidPasskey: if the answer is not accepted.
    """
    return _check_answer(request, *_open(request, SIGN_IN, _REQUIRED))


def prove_second_factor(request: Request, expected: User, *, after_password: bool) -> Proof:
    """Check the answer of a browser that used a passkey as the second factor of a user.

    :raises InvalidPasskey: if the answer is not accepted.
    """
    expected_id = expected.id
    proof = _check_answer(request, *_open(request, SECOND, _verification(after_password)))
    if proof.user.id != expected_id:
        raise InvalidPasskey("The credential is of another user.")
    return proof


def _check_answer(request: Request, state: dict[str, Any], answer: dict[str, Any]) -> Proof:
    dbsession = request.oidc.dbsession
    try:
        response = AuthenticationResponse.from_dict(answer)
        passkey = dbsession.get(Passkey, websafe_encode(response.raw_id))
        if passkey is None:
            raise InvalidPasskey("The credential is not known.")
        _server(request).authenticate_complete(state, [_attested(passkey)], answer)
        handle, data = response.response.user_handle, response.response.authenticator_data
    except _MALFORMED as problem:
        raise InvalidPasskey(str(problem)) from None
    user = dbsession.get_one(UserRow, passkey.user_id)
    if handle is not None and handle != user.id.encode():
        raise InvalidPasskey("The user handle is that of another user.")
    if not user.may_sign_in:
        raise InvalidPasskey("The credential is of a disabled user.")
    if not note_use(dbsession, passkey, data.counter):
        passkey.refused_at = request.oidc.now
        details = {"user_id": user.id, "credential_id": passkey.credential_id}
        request.oidc.database.after_commit(announce, OAuthEvent(request, "passkey_copied", details))
        raise CopiedPasskey("The counter did not grow: there may be a copy.")
    return Proof(user, amr_of(passkey, verified=bool(data.flags & _FLAG.UV)))


def amr_of(passkey: Passkey, *, verified: bool) -> tuple[str, ...]:
    """Return how a user has signed in with a passkey (RFC 8176 section 2).

    :param verified: whether the device has verified the user.
    """
    kind = "swk" if passkey.synchronised else "hwk"
    return (kind, "user", "mfa") if verified else (kind,)


def _server(request: Request) -> Fido2Server:
    provider = request.oidc.provider
    party = PublicKeyCredentialRpEntity(id=rp_id(provider), name=request.oidc.service_name)
    return Fido2Server(party, verify_origin=lambda origin: origin == provider.origin)


def _ceremony(request: Request, kind: str, challenge: bytes, options: Any) -> Ceremony:
    oidc = request.oidc
    oidc.content_security_policy.allow("script-src", "'self'")
    content = [websafe_encode(challenge), kind, oidc.browser_digest, oidc.now + LIFETIME]
    sealed = oidc.provider.sealer(PURPOSE).seal(json.dumps(content).encode())
    return Ceremony(json.dumps(dict(options.public_key)), sealed)


def _open(
    request: Request, kind: str, verification: UserVerificationRequirement
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Use up the challenge of a form; return it, and the answer of the browser.

    :raises InvalidPasskey: if it is not for this.
    """
    oidc = request.oidc
    content = oidc.provider.sealer(PURPOSE).unseal(request.POST.get("challenge", ""))
    if content is None:
        raise InvalidPasskey("The challenge is not ours.")
    challenge, made_for, browser, expires_at = json.loads(content)
    if made_for != kind or browser != oidc.browser_digest or expires_at <= oidc.now:
        raise InvalidPasskey("The challenge is old, or of another page or browser.")
    # At once: what follows may fail, and the challenge is used up all the same.
    oidc.database.commit()
    if not use_identifier(oidc.database.alone, PURPOSE, kind, challenge, expires_at):
        raise InvalidPasskey("The challenge was used before.")
    try:
        answer = parse_object(request.POST.get("credential", "").encode())
    except ValueError as problem:
        raise InvalidPasskey(f"The answer is not accepted: {problem}.") from None
    return {"challenge": challenge, "user_verification": verification}, answer


def _attested(passkey: Passkey) -> AttestedCredentialData:
    return AttestedCredentialData(websafe_decode(passkey.public_key))
