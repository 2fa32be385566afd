"""The languages of pages and claims that a client asks for.

Claims have several languages by their names: ``name``, ``name#de`` (OpenID Connect Core section
5.2).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oidcserver.languages.negotiation import UI_LOCALES, prefer
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.texts import LANGUAGE_TAG

MAX_LOCALES = 10
LOCALES = "locales"


def read_ui_locales(authorization_request: AuthorizationRequest) -> None:
    """Let pages about the request have a language of ``ui_locales`` (section 3.1.2.1)."""
    prefer(authorization_request.request, authorization_request.data.get(UI_LOCALES))


def read_claims_locales(authorization_request: AuthorizationRequest) -> None:
    """Add ``claims_locales`` to the requested claims; other texts than tags are ignored."""
    tags = [
        tag
        for tag in authorization_request.data.get("claims_locales", "").split()
        if LANGUAGE_TAG.fullmatch(tag)
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
    """Return a claim under the names that it has in the requested languages.

    If the name has a language, it is the claim in that language, or else the claim without a
    language. Otherwise it is the claim without a language, and the claim in the first of
    ``locales`` that is available.
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
    """Return the name of the claim in the first available language (RFC 4647 section 3.4)."""
    spellings = {key.lower(): key for key in known}
    for locale in locales:
        parts = locale.lower().split("-")
        while parts:
            key = spellings.get(f"{plain.lower()}#{'-'.join(parts)}")
            if key is not None:
                return key
            parts.pop()
    return None
