"""Authentication context classes: those that a request asks for, and the one of a login.

OpenID Connect Core sections 3.1.2.1 and 5.5.1.1. The offered classes have an order, the weakest
first: a login of one class satisfies all classes before it. ``acr_values`` and the client's
``default_acr_values`` become a voluntary request for the claim ``acr``.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from oidcserver.catalog import Offer, unknown
from oidcserver.interfaces import Interaction
from oidcserver.models import AuthorizationRecord, SuspendedRequest
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oidc.claims import wanted_values
from oidcserver.plugins.selection import DECLARE
from oidcserver.settings import ConfigurationProblem, text, words
from oidcserver.types import Configurator, Provider

SETTING = "oidc.acr_values"
PASSWORD = "oidc.password_acr"


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
        raise _unmet()


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
    return next((wanted for wanted in asked if _reaches(provider, reached, wanted)), reached)


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


def lacks_essential_acr(authorization_request: AuthorizationRequest) -> bool:
    """Whether the request requires a class (essential) that the login does not reach."""
    asked = asked_values(authorization_request.claims_request)
    if not (asked and _is_essential(authorization_request.claims_request)):
        return False
    reached = authorization_request.login_session.acr
    return not any(_reaches(authorization_request.provider, reached, each) for each in asked)


def _next_acr(authorization_request: AuthorizationRequest) -> str | None:
    session = authorization_request.request.oidc.login_session
    asked = asked_values(authorization_request.claims_request)
    provider = authorization_request.provider
    if session is None or any(_reaches(provider, session.acr, wanted) for wanted in asked):
        return None
    essential = _is_essential(authorization_request.claims_request)
    if "none" in authorization_request.prompt and not essential:
        return None  # a voluntary claim is never an error
    suspended = authorization_request.suspended
    declined = (suspended.declined_acr or "").split() if suspended is not None else []
    for wanted in asked:
        if wanted in provider.acr_pages and wanted not in declined:
            return wanted
    if essential and asked:
        raise _unmet()
    return None


def _reaches(provider: Provider, reached: str, wanted: str) -> bool:
    order = list(provider.acr_pages)
    if reached not in order or wanted not in order:
        return reached == wanted
    return order.index(reached) >= order.index(wanted)


def _is_essential(claims_request: Mapping[str, Any] | None) -> bool:
    wish = (claims_request or {}).get("id_token", {}).get("acr") or {}
    return bool(wish.get("essential"))


def _unmet() -> Rejection:
    return Rejection(
        "unmet_authentication_requirements",
        "The End-User cannot be authenticated in the requested way.",
        rule="OpenID Connect Core Error Code unmet_authentication_requirements 1.0 section 2",
    )


def _select(config: Configurator, info: Any) -> None:
    """Put the selected classes in their order, and add the interaction of each."""
    provider = config.registry.oidc.provider
    settings, catalog = provider.settings, provider.catalog
    password = settings[PASSWORD]
    offers = catalog.offers("acr value")
    pages = {password: "oidc.login", **{name: offer.value for name, offer in offers.items()}}
    names = settings[SETTING] or tuple(pages)
    for name in names:
        if name not in pages:
            raise ConfigurationProblem(unknown(SETTING, name, offers))
    if password not in names:
        raise ConfigurationProblem(
            f"{SETTING} lacks {password!r}, the class of a login with a password ({PASSWORD}). "
            "Add it at its rank, the weakest first."
        )
    provider.acr_pages = {name: pages[name] for name in names}
    for name, route_name in provider.acr_pages.items():
        needed: Callable[[Any], str | None] = partial(step_up_needed, name)
        interaction = Interaction(f"acr {name}", needed, route_name)
        entry = (interaction, ("login", "subject"), "consent")
        catalog.add(Offer("interaction", interaction.name, entry, info))


def includeme(config: Configurator) -> None:
    """Add the settings, the interactions and the metadata."""
    setting = config.add_oauth_setting
    setting(PASSWORD, text, "1", "The acr of a login with a password.")
    setting(
        SETTING,
        words,
        (),
        "The authentication context classes, the weakest first; empty: all offered classes.",
    )
    config.add_server_metadata("acr_values_supported", lambda provider: list(provider.acr_pages))
    # After the settings are known, and before the interactions are put in their order.
    select = partial(_select, config, config.action_info)
    config.action(("oauth", "acr values"), select, order=DECLARE)
