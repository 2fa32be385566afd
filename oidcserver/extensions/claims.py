"""The ``claims`` parameter (OpenID Connect Core section 5.5): requests for single claims."""

from collections.abc import Mapping
from typing import Any

from oidcserver.keys.strict_json import parse_object
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_request
from oidcserver.settings import boolean
from oidcserver.types import Configurator

SETTING = "oidc.claims_parameter"
MEMBERS = ("userinfo", "id_token")
MAX_CLAIMS = 100
#: Claims of the protocol that may be requested (sections 5.5.1 and 5.5.1.1).
PROTOCOL_CLAIMS = frozenset({"sub", "acr", "auth_time"})
#: Claims that must be text: their values decide whether the request succeeds.
_TEXTS = frozenset({"sub", "acr"})

Wish = dict[str, Any] | None
ClaimsRequest = dict[str, dict[str, Wish]]


def parse_claims_request(text: str) -> ClaimsRequest:
    """Return the ``userinfo`` and ``id_token`` members, each claim with its wish.

    A wish is None, or has some of ``essential``, ``value`` and ``values``; other members are
    ignored (section 5.5.1).

    :raises ValueError: if the parameter is malformed. The text quotes no input.
    """
    document = parse_object(text.encode())
    return {member: _read_member(document.get(member, {}), member) for member in MEMBERS}


def _read_member(claims: Any, member: str) -> dict[str, Wish]:
    if not isinstance(claims, dict):
        raise ValueError(f"{member} is not an object")
    if len(claims) > MAX_CLAIMS:
        raise ValueError(f"{member} asks for more than {MAX_CLAIMS} claims")
    return {name: _read_wish(name, wish) for name, wish in claims.items()}


def _read_wish(name: str, wish: Any) -> Wish:
    if wish is None:
        return None
    if not isinstance(wish, dict):
        raise ValueError("a claim is neither null nor an object")
    if not isinstance(wish.get("essential", False), bool):
        raise ValueError("essential is neither true nor false")
    values = wish.get("values", [])
    if not isinstance(values, list):
        raise ValueError("values is not a list")
    if name in _TEXTS and not all(isinstance(v, str) for v in (wish.get("value", ""), *values)):
        raise ValueError(f"the value of {name} is not text")
    return {member: wish[member] for member in ("essential", "value", "values") if member in wish}


def read_claims(authorization_request: AuthorizationRequest) -> None:
    """Keep the requested claims that are known here; others are ignored (section 5.5.1)."""
    text = authorization_request.data.get("claims")
    if text is None or not authorization_request.provider.settings[SETTING]:
        return
    try:
        claims_request = parse_claims_request(text)
    except ValueError as problem:
        raise invalid_request(
            "The parameter claims is malformed.",
            "OpenID Connect Core section 5.5",
            reason=str(problem),
        ) from None
    known = PROTOCOL_CLAIMS.union(authorization_request.provider.claim_names)
    authorization_request.claims_request = {
        member: _only_known(claims, known) for member, claims in claims_request.items()
    }


def _only_known(claims: Mapping[str, Wish], known: frozenset[str]) -> dict[str, Wish]:
    return {name: wish for name, wish in claims.items() if name.partition("#")[0] in known}


def includeme(config: Configurator) -> None:
    """Add the setting and the metadata."""
    config.add_oauth_setting(
        SETTING, boolean, True, "Whether a client may ask for single claims by their names."
    )
    config.add_server_metadata(
        "claims_parameter_supported", lambda provider: provider.settings[SETTING]
    )
