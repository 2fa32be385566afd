"""Authentication context classes: those that a request asks for, and the one of a login.

OpenID Connect Core sections 3.1.2.1 and 5.5.1.1. The offered classes have an order, the weakest
first: a login of one class satisfies all classes before it. ``acr_values`` and the client's
``default_acr_values`` become a voluntary request for the claim ``acr``.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from oidcserver.models import AuthorizationRecord, SuspendedRequest
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oidc.claims import wanted_values
from oidcserver.types import Provider


def read_acr_values(authorization_request: AuthorizationRequest) -> None:
    """Read the requested classes; reject an essential request for classes that are not offered."""
    assert authorization_request.client is not None
    claims_request = authorization_request.claims_request
    if not asked_values(claims_request):
        asked = authorization_request.data.get("acr_values", "").split()
        asked = asked or authorization_request.client.member("default_acr_values")
        if asked:
            own = claims_request or {}
            id_token = {**own.get("id_token", {}), "acr": {"values": list(asked)}}
            authorization_request.claims_request = {**own, "id_token": id_token}
    elif _is_essential(claims_request) and not set(
        authorization_request.provider.acr_pages
    ).intersection(asked_values(claims_request)):
        raise unmet_acr()


def asked_values(claims_request: Mapping[str, Any] | None) -> Sequence[str]:
    """Return the requested classes in order of preference."""
    return wanted_values(claims_request, "id_token", "acr")


def acr_claim(provider: Provider, authorization: AuthorizationRecord) -> str | None:
    """Return the value of the claim ``acr`` (section 5.5.1.1).

    It is the first requested class that the login satisfies, or else the class of the login.
    """
    reached = authorization.acr
    if reached is None:
        return None
    asked = asked_values(authorization.claims_request)
    policy = provider.acr_policy
    return next((wanted for wanted in asked if policy.reaches(reached, wanted)), reached)


def decline_acr(suspended: SuspendedRequest, acr: str) -> None:
    """Record that the user cannot or will not reach a class for this request.

    The user is not asked again. If the class is essential, the request is rejected; otherwise it
    continues without the class.
    """
    suspended.declined_acr = " ".join([*(suspended.declined_acr or "").split(), acr])


def step_up_needed(acr: str, authorization_request: AuthorizationRequest) -> str | None:
    """Require the user to reach a class, if it is the next one to reach.

    :raises Rejection: ``unmet_authentication_requirements`` if an essential class was declined.
    """
    return "login_required" if _next_acr(authorization_request) == acr else None


def next_acr(
    provider: Provider,
    reached: str,
    claims_request: Mapping[str, Any] | None,
    declined: Collection[str] = (),
) -> str | None:
    """Return the requested class whose page the user goes to next.

    None if the login reaches a requested class, or if no page is left.

    :param reached: the class of the login.
    :param declined: the classes that the user cannot or will not reach.
    """
    asked = asked_values(claims_request)
    if any(provider.acr_policy.reaches(reached, wanted) for wanted in asked):
        return None
    offered = (wanted for wanted in asked if wanted in provider.acr_pages)
    return next((wanted for wanted in offered if wanted not in declined), None)


def wanted_acr(authorization_request: AuthorizationRequest, reached: str) -> str | None:
    """Return the class that a sign-in which has reached one goes on to for a request, or None."""
    suspended = authorization_request.suspended
    declined = (suspended.declined_acr or "").split() if suspended is not None else ()
    asked = authorization_request.claims_request
    return next_acr(authorization_request.provider, reached, asked, declined)


def lacks_essential_acr(
    provider: Provider, reached: str, claims_request: Mapping[str, Any] | None
) -> bool:
    """Whether a request requires a class (essential) that the login does not reach."""
    asked = asked_values(claims_request)
    if not (asked and _is_essential(claims_request)):
        return False
    return not any(provider.acr_policy.reaches(reached, wanted) for wanted in asked)


def unmet_acr() -> Rejection:
    """Return the rejection of a request whose essential class is not reached."""
    return Rejection(
        "unmet_authentication_requirements",
        "The End-User cannot be authenticated in the requested way.",
        rule="OpenID Connect Core Error Code unmet_authentication_requirements 1.0 section 2",
    )


def _next_acr(authorization_request: AuthorizationRequest) -> str | None:
    session = authorization_request.request.oidc.login_session
    if session is None:
        return None
    provider, asked = authorization_request.provider, authorization_request.claims_request
    if "none" in authorization_request.prompt and not _is_essential(asked):
        return None  # a voluntary claim is never an error
    wanted = wanted_acr(authorization_request, session.acr)
    if wanted is None and lacks_essential_acr(provider, session.acr, asked):
        raise unmet_acr()
    return wanted


def _is_essential(claims_request: Mapping[str, Any] | None) -> bool:
    wish = (claims_request or {}).get("id_token", {}).get("acr") or {}
    return bool(wish.get("essential"))
