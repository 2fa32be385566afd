"""Claims in several languages (OpenID Connect Core section 5.2): ``name``, ``name#de``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from oidcserver.oauth.authorization_request import AuthorizationRequest

MAX_LOCALES = 10
LOCALES = "locales"
#: A language tag, loosely (RFC 5646 section 2.1).
_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)


def read_claims_locales(authorization_request: AuthorizationRequest) -> None:
    """Keep ``claims_locales`` beside what was asked for; what is no language tag is ignored."""
    tags = [
        tag
        for tag in authorization_request.data.get("claims_locales", "").split()
        if _TAG.fullmatch(tag)
    ]
    if tags:
        authorization_request.claims_request = {
            **(authorization_request.claims_request or {}),
            LOCALES: tags[:MAX_LOCALES],
        }


def plain_name(name: str) -> str:
    """Return the name of a claim without a language."""
    return name.partition("#")[0]


def in_languages(known: Mapping[str, Any], name: str, locales: Sequence[str]) -> dict[str, Any]:
    """Return a claim as it was asked for, under the names that it has.

    With a language in the name: in that, or else the one without a language. Otherwise the one
    without a language, and beside it the first of ``locales`` that there is.
    """
    plain, _, tag = name.partition("#")
    if tag:
        found = [_look_up(known, plain, [tag]) or plain]
    elif locales:
        found = [plain, _look_up(known, plain, locales) or plain]
    else:
        found = [plain]
    return {key: known[key] for key in found if key in known}


def _look_up(known: Mapping[str, Any], plain: str, locales: Sequence[str]) -> str | None:
    """Return the claim in the first language that there is (RFC 4647 section 3.4)."""
    spellings = {key.lower(): key for key in known}
    for locale in locales:
        parts = locale.lower().split("-")
        while parts:
            key = spellings.get(f"{plain.lower()}#{'-'.join(parts)}")
            if key is not None:
                return key
            parts.pop()
    return None
