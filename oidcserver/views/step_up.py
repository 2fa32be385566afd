"""A stronger sign-in for a request that was made elsewhere, and that a user decides on at a page.

The page sends the user to the page of the class, which leads back. The user then decides.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pyramid.response import Response

from oidcserver.oauth.responses import see_other
from oidcserver.oidc.acr import lacks_essential_acr, next_acr
from oidcserver.types import Request
from oidcserver.views.access import own_session, page_url

ALLOW = "allow"
#: Allows a request without the stronger sign-in that the client only prefers.
ALLOW_AS_SIGNED_IN = "allow_as_signed_in"


class StepUp(NamedTuple):
    """The difference between the sign-in of the user and the classes that a request asks for."""

    #: The class to reach; None if the sign-in suffices, or if no page leads to a requested class.
    acr: str | None
    #: Whether the request requires a class that the sign-in does not reach.
    required: bool

    @property
    def impossible(self) -> bool:
        """Whether the user cannot allow the request."""
        return self.required and self.acr is None


def step_up_of(request: Request, claims_request: Mapping[str, Any] | None) -> StepUp:
    """Compare the sign-in of the user with the classes that a request asks for."""
    provider, reached = request.oidc.provider, own_session(request).acr
    return StepUp(
        next_acr(provider, reached, claims_request),
        lacks_essential_acr(provider, reached, claims_request),
    )


def go_to_step_up(request: Request, step_up: StepUp, decision: str) -> Response | None:
    """Redirect to the page of the class if the decision is due after it, which leads back here."""
    if step_up.acr is None or not (step_up.required or decision == ALLOW):
        return None
    route_name = request.oidc.provider.acr_pages[step_up.acr]
    required = {"required": "1"} if step_up.required else {}
    return see_other(page_url(request, route_name, again="1", acr=step_up.acr, **required))
