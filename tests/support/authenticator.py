"""An authenticator in software, which can also do what a real one never would."""

import json
import os
from hashlib import sha256
from typing import Any

import webtest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256, CoseKey
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
LOCALHOST = "http://localhost:6543"


class Authenticator:
    """Holds one credential for ``localhost``.

    :param flags: what it says of the user and of itself, by default a present and verified user
        and a key that is synchronised.
    """

    def __init__(self, flags: int = UP | UV | BE | BS) -> None:
        self.flags = flags
        self.counter = 0
        self.identifier = os.urandom(32)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.cose: CoseKey = ES256.from_cryptography_key(self.key.public_key())
        self.handle = b""

    @property
    def attested(self) -> AttestedCredentialData:
        """What a provider stores of the credential."""
        return AttestedCredentialData.create(Aaguid.NONE, self.identifier, self.cose)

    def make(self, form: webtest.Form, **changes: Any) -> webtest.Form:
        """Fill a form in with a new credential; return the form."""
        options = read(form)
        self.handle = options["user"]["id"].encode()
        data = self._data(AT, self.attested, **changes)
        client = _client("webauthn.create", options, **changes)
        response = {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        form["credential"] = self._credential(response)
        return form

    def use(self, form: webtest.Form, **changes: Any) -> webtest.Form:
        """Fill a form in with a signature; return the form."""
        form["credential"] = self.answer(read(form), **changes)
        return form

    def answer(self, options: dict[str, Any], **changes: Any) -> str:
        """Return what the script sends for the options of a page that asks for a signature."""
        self.counter += 1
        data = self._data(0, b"", **changes)
        client = _client("webauthn.get", options, **changes)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(changes.get("signature", signature)),
                "userHandle": changes.get("handle", self.handle.decode()),
            }
        )

    def _data(self, attached: int, credential: bytes, **changes: Any) -> AuthenticatorData:
        party = sha256(changes.get("rp_id", "localhost").encode()).digest()
        own = changes.get("flags", self.flags)
        return AuthenticatorData.create(party, own | attached, self.counter, credential)

    def _credential(self, response: dict[str, str]) -> str:
        identifier = websafe_encode(self.identifier)
        return json.dumps(
            {
                "id": identifier,
                "rawId": identifier,
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )


def passkey_form(page: webtest.TestResponse) -> webtest.Form:
    """Return the form that the script would send."""
    [form] = [it for it in page.forms.values() if "credential" in it.fields]
    return form


def read(form: webtest.Form) -> dict[str, Any]:
    """Return the options that the browser gets."""
    tag = form.html.find("form", class_="passkey")
    options: dict[str, Any] = json.loads(tag["data-options"])
    return options


def _client(kind: str, options: dict[str, Any], **changes: Any) -> CollectedClientData:
    return CollectedClientData.create(
        changes.get("type", kind),
        changes.get("challenge", options["challenge"]),
        changes.get("origin", LOCALHOST),
    )
