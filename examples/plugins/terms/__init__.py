"""An interaction: a user accepts the terms of use in each browser before clients get an answer."""

from typing import Any

from pyramid.response import Response

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.settings import text
from oidcserver.types import Configurator, Request
from oidcserver.views.suspended import go_on

PURPOSE = "terms of use"
YEAR = 365 * 86400


def accepted(request: Request) -> bool:
    """Say whether the signed-in user has accepted the present version in this browser."""
    provider = request.oidc.provider
    sealed = request.cookies.get(provider.cookie_name("terms"), "")
    version = provider.settings["terms.version"]
    expected = f"{version} {user_id(request)}".encode()
    return bool(provider.sealer(PURPOSE).unseal(sealed) == expected)


def user_id(request: Request) -> str:
    """Return the identifier of the signed-in user; this interaction comes after the sign-in."""
    session = request.oidc.login_session
    assert session is not None
    return session.user_id


def terms_needed(authorization_request: AuthorizationRequest) -> str | None:
    """Return None, or the error that a request with prompt=none gets."""
    return None if accepted(authorization_request.request) else "interaction_required"


def show(request: Request) -> dict[str, Any]:
    """Show the terms."""
    return {"version": request.oidc.provider.settings["terms.version"]}


def accept(request: Request) -> Response:
    """Remember the answer, and send the user back to the authorization endpoint."""
    provider = request.oidc.provider
    response = go_on(request)
    if request.oidc.login_session is None:  # the user has signed out: the endpoint asks again
        return response
    content = f"{provider.settings['terms.version']} {user_id(request)}".encode()
    response.set_cookie(
        provider.cookie_name("terms"), provider.sealer(PURPOSE).seal(content), max_age=YEAR,
        secure=provider.secure, httponly=True, samesite="Lax",
    )  # fmt: skip
    return response


def register(config: Configurator) -> None:
    """Add the page; ``oidc.pages`` has to select it."""
    config.add_oidc_route("terms", "/terms")
    config.add_oidc_view(show, route_name="terms", request_method="GET",
                    renderer="terms:templates/terms.jinja2")  # fmt: skip
    config.add_oidc_view(accept, route_name="terms", request_method="POST")


def includeme(config: Configurator) -> None:
    """Offer the page, and the interaction that sends users there."""
    config.add_oauth_setting("terms.version", text, "1", "A new version asks all users again.")
    config.add_oauth_page("terms", register)
    config.add_interaction("terms", terms_needed, "terms", after="login", before="consent")
