"""Rich authorization requests (RFC 9396): entries that list the rights of a client.

Plugins offer the types of entries. One entry that is not of a known type or shape rejects the whole
request (section 5). An authorization keeps the entries that the user allowed. A token has all of
them, or fewer if the token request asks for less.
"""

from collections.abc import Collection, Iterable
from typing import Any

from oidcserver.interfaces.resources import is_same_resource
from oidcserver.keys.strict_json import parse_array
from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import ALLOWED, Rejection
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Configurator, Provider

PARAMETER = "authorization_details"
#: The member of a client that names the types that it uses (section 10).
MEMBER = "authorization_details_types"
MAX_ENTRIES = 20
Details = list[dict[str, Any]]


def read_authorization_details(authorization_request: AuthorizationRequest) -> None:
    """Read the entries; a request with entries and without a scope is for no scope."""
    text = authorization_request.data.get(PARAMETER)
    if text is None:
        return
    assert authorization_request.client is not None
    oauth_request = authorization_request.oauth_request
    details = parse_details(authorization_request.provider, authorization_request.client, text)
    authorization_request.authorization_details = details
    oauth_request.authorization_details = for_audience(details, oauth_request.audience)
    if "scope" not in authorization_request.data:
        authorization_request.scope = oauth_request.scope = ""


def narrow_authorization_details(token_request: OAuthRequest) -> None:
    """Set the entries of the token: those of the authorization, or less (sections 6 and 7).

    A grant may have set them already.

    :raises Rejection: ``invalid_authorization_details`` if the request asks for more, or if the
        grant does not ask its user.
    """
    if token_request.authorization_details is not None:
        return
    text = token_request.payload.data.get(PARAMETER)
    authorization = token_request.authorization
    granted = authorization.authorization_details if authorization is not None else None
    if text is None and not granted:
        return
    provider, client = token_request.provider, token_request.client
    details = registered_details(provider, client, granted or ())
    if granted and not details:
        raise Rejection(
            "invalid_grant",
            "The client is no longer registered for any of the authorization details.",
            rule="RFC 9396 section 5",
        )
    if text is not None:
        asked = parse_details(provider, client, text)
        if authorization is not None and not are_covered(provider, details, asked):
            raise invalid_details("The entries allow more than was granted")
        if authorization is None and token_request.user is not None:
            raise invalid_details("This grant does not ask the user about authorization details")
        details = asked
    token_request.authorization_details = for_audience(details, token_request.audience)


def parse_details(provider: Provider, client: RegisteredClient, text: str) -> Details:
    """Return the entries of a parameter, checked by their types.

    :raises Rejection: ``invalid_authorization_details`` for anything else.
    """
    try:
        details = parse_array(text.encode())
        if not 0 < len(details) <= MAX_ENTRIES:
            raise ValueError(f"there are not 1 to {MAX_ENTRIES} entries")
        for detail in details:
            _check(provider, client, detail)
    except ValueError as problem:
        raise invalid_details(f"The {PARAMETER} are rejected: {problem}") from None
    return details


def _check(provider: Provider, client: RegisteredClient, detail: Any) -> None:
    if not isinstance(detail, dict) or not isinstance(detail.get("type"), str):
        raise ValueError("an entry is not an object with a type")
    known = provider.authorization_details_types.get(detail["type"])
    if known is None:
        raise ValueError("an entry has a type that is not supported")
    if known.name not in registered_types(client):
        raise ValueError(f"the client did not register the type in {MEMBER}")
    known.check(detail)


def registered_types(client: RegisteredClient) -> Collection[str]:
    """Return the types that a client registered."""
    types: Collection[str] = client.member(MEMBER) or ()
    return types


def registered_details(
    provider: Provider, client: RegisteredClient, granted: Iterable[dict[str, Any]]
) -> Details:
    """Return the granted entries whose types exist and are registered by a client."""
    known = set(registered_types(client)).intersection(provider.authorization_details_types)
    return [detail for detail in granted if detail["type"] in known]


def are_covered(provider: Provider, granted: Details, asked: Details) -> bool:
    """Whether each entry is covered by a granted one of its type, and each by another one.

    A granted payment covers one payment, and not as many as a request names.
    """
    types = provider.authorization_details_types
    # For each entry the positions of the granted ones that can cover it.
    possible = [
        [
            place
            for place, entry in enumerate(granted)
            if entry["type"] == detail["type"] and types[detail["type"]].covers(entry, detail)
        ]
        for detail in asked
    ]
    taken: dict[int, int] = {}

    def take(number: int, tried: set[int]) -> bool:
        """Take a granted entry; the entry that has it may take another one (Kuhn's algorithm)."""
        for place in possible[number]:
            if place in tried:
                continue
            tried.add(place)
            if place not in taken or take(taken[place], tried):
                taken[place] = number
                return True
        return False

    return all(take(number, set()) for number in range(len(asked)))


def for_audience(details: Iterable[dict[str, Any]], audience: Collection[str]) -> Details:
    """Return the entries for an audience: those that name no other locations (section 7).

    :param audience: URIs of resources; empty: the provider itself, whose tokens have all.
    """
    return [detail for detail in details if not audience or _concerns(detail, audience)]


def _concerns(detail: dict[str, Any], audience: Collection[str]) -> bool:
    locations = detail.get("locations")
    if not isinstance(locations, list):
        return True
    return any(
        is_same_resource(location, uri)
        for location in locations
        if isinstance(location, str)
        for uri in audience
    )


def invalid_details(problem: str) -> Rejection:
    """Return the rejection of authorization details (section 5).

    :param problem: a sentence without a full stop. The type of a plugin may have written it.
    """
    description = "".join(character if character in ALLOWED else "?" for character in problem)
    return Rejection("invalid_authorization_details", f"{description}.", rule="RFC 9396 section 5")


def includeme(config: Configurator) -> None:
    """Add the metadata."""
    config.add_server_metadata(
        "authorization_details_types_supported",
        lambda provider: list(provider.authorization_details_types),
    )
