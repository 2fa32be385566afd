"""The types of claims: of the standard claims, and of the operator's own (``oidc.claims``)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from oidcserver.oauth.token_claims import OWN_NAMES
from oidcserver.oidc.scopes import CLAIM_NAME, CLAIM_TYPES, STANDARD_CLAIMS
from oidcserver.settings import lines
from oidcserver.types import Configurator, Provider, Registry

SETTING = "oidc.claims"
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}
#: Where a claim is released.
PLACES = USERINFO, ID_TOKEN, ACCESS_TOKEN = "userinfo", "id_token", "access_token"
#: A number in JSON (RFC 8259 section 6), of a length that every database stores.
_NUMBER = re.compile(r"-?\d{1,100}(\.\d{1,100})?([eE][+-]?\d{1,3})?", re.ASCII)
_WORDS = {
    (str,): "text",
    (bool,): "true or false",
    (int, float): "a number",
    (list,): "a list",
    (dict,): "an object",
}


@dataclass(frozen=True, slots=True)
class OwnClaim:
    """A claim that the ini declares.

    ``places`` are where it is released; empty: in UserInfo, and in ID tokens as
    ``oidc.id_token_claims`` says.
    """

    name: str
    type: str
    places: frozenset[str]
    sentence: str

    def __str__(self) -> str:
        return " ".join((self.type, *sorted(self.places)))

    def is_for(self, place: str) -> bool:
        """Whether it is released at a place where a scope or a request asks for it."""
        return place in self.places if self.places else place != ACCESS_TOKEN


def claim_lines(raw: str) -> Mapping[str, OwnClaim]:
    """Return claims, one a line: ``badge: number id_token | See the number of your badge``.

    :raises ValueError: with an example of a line.
    """
    found: dict[str, OwnClaim] = {}
    for line in lines(raw):
        name, _, rest = line.partition(": ")
        words, _, sentence = rest.partition("|")
        kind, *places = words.split() or [""]
        usable = CLAIM_NAME.fullmatch(name) and kind in TYPES and set(places) <= set(PLACES)
        if not usable or name in found:
            raise ValueError(
                "lines such as `badge: number id_token | See the number of your badge`, with one "
                f"of {', '.join(TYPES)} and some of {', '.join(PLACES)}, each with another name"
            )
        found[name] = OwnClaim(name, kind, frozenset(places), sentence.strip())
    return found


def is_for(provider: Provider, name: str, place: str) -> bool:
    """Whether a claim is released at a place; claims that are not declared are for no token."""
    own: OwnClaim | None = provider.settings[SETTING].get(name)
    return own.is_for(place) if own is not None else place != ACCESS_TOKEN


def types_of(settings: Mapping[str, Any], name: str) -> tuple[type, ...] | None:
    """Return the types that the value of a claim may have, or None for all types.

    :param name: without a language tag.
    """
    own: OwnClaim | None = settings[SETTING].get(name)
    if own is not None:
        return TYPES[own.type]
    return CLAIM_TYPES.get(name, (str,)) if name in STANDARD_CLAIMS else None


def number_of(text: str) -> int | float | None:
    """Return the number that a text says, or None."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    value = float(text) if found[1] or found[2] else int(text)
    return value if isfinite(value) else None


def claim_problem(provider: Provider, name: str, value: Any) -> str | None:
    """Return why a claim cannot have a value, as half a sentence, or None.

    :param name: without a language tag.
    """
    types = types_of(provider.settings, name)
    if types is not None and type(value) not in types:
        return f"has to be {_WORDS[types]}"
    # OpenID Connect Core section 5.1.1
    if name == "address" and not all(isinstance(member, str) for member in value.values()):
        return "has to be an object whose members are text"
    return None


def _check(registry: Registry) -> str | None:
    """Require that each declared claim is the operator's own, and that a scope returns it."""
    provider = registry.oidc.provider
    problems = []
    for own in provider.settings[SETTING].values():
        if own.name in STANDARD_CLAIMS:
            problems.append(f"{own.name}, which has its type from OpenID Connect Core")
        elif own.name in {"groups", "roles"} and own.type != "list":
            problems.append(f"{own.name}, which is a list")
        elif ACCESS_TOKEN in own.places and own.name in OWN_NAMES:
            problems.append(f"{own.name}, which access tokens have already")
        elif own.name not in provider.claim_names:
            problems.append(f"{own.name}, which no scope of oidc.scope_claims returns")
    return f"{SETTING} declares {', and '.join(problems)}." if problems else None


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        SETTING,
        claim_lines,
        {},
        "The types of your own claims, one a line, and where they are released: `badge: number "
        "id_token access_token | See the number of your badge`. By default they are in UserInfo, "
        "and in ID tokens as oidc.id_token_claims says.",
    )
    config.add_startup_check("own claims", _check)
