"""Whether authorization requests have to be pushed (RFC 9126 sections 5 and 6)."""

from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_request
from oidcserver.settings import boolean, integer, seconds
from oidcserver.texts import _
from oidcserver.types import Configurator, Provider, Registry

ENDPOINT = "pushed_authorization_request"
#: The metadata of the server and of clients have the same name.
MEMBER = "require_pushed_authorization_requests"
REQUIRED = f"oauth.{MEMBER}"
LIFETIME = "oauth.pushed_request_lifetime"
PER_ADDRESS = "oauth.pushed_requests_per_address"


def require_pushed_request(authorization_request: AuthorizationRequest) -> None:
    """Reject a request that had to be pushed and was not, before anything is fetched for it."""
    assert authorization_request.client is not None
    decided = required_by(authorization_request.provider, authorization_request.client)
    if decided is not None and not authorization_request.pushed:
        raise invalid_request(
            _("The request has to be pushed to the pushed authorization request endpoint."),
            "RFC 9126 section 5",
            decided_by=decided,
        )


def required_by(provider: Provider, client: RegisteredClient) -> str | None:
    """Return the setting or the member by which a client has to push its requests, or None."""
    if provider.settings[REQUIRED]:
        return f"{REQUIRED} = true ({provider.settings.origins[REQUIRED]})"
    return f"{MEMBER} = true" if client.member(MEMBER) else None


def is_selected(provider: Provider) -> bool:
    """Whether requests may be pushed."""
    return ENDPOINT in provider.endpoints


def _required(provider: Provider) -> bool | None:
    return bool(provider.settings[REQUIRED]) if is_selected(provider) else None


def _reject_contradiction(registry: Registry) -> str | None:
    """Reject settings that no client can satisfy, and an endpoint that leads nowhere."""
    provider = registry.oidc.provider
    if provider.settings[REQUIRED] and not is_selected(provider):
        return (
            f"{REQUIRED} = true{provider.settings.set_by(REQUIRED)}, but oauth.endpoints does not "
            f"select {ENDPOINT}: every authorization request would be rejected. Add it there."
        )
    if is_selected(provider) and "authorization" not in provider.endpoints:
        return f"oauth.endpoints selects {ENDPOINT}, but not authorization, where it is used."
    if not provider.settings[LIFETIME]:
        return f"{LIFETIME} is 0, so every pushed request would have expired."
    return None


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
    setting = config.add_oauth_setting
    setting(
        REQUIRED,
        boolean,
        False,
        "Whether every client has to push its authorization requests. A client may require it of "
        f"itself by its member {MEMBER}.",
    )
    setting(
        LIFETIME,
        seconds,
        60,
        "The time in which the user has to open a pushed request. From then on it waits for "
        "oidc.interaction_lifetime.",
    )
    setting(
        PER_ADDRESS,
        integer,
        1000,
        "The number of requests that public clients, and clients that registered themselves, may "
        "push from one network within oidc.interaction_lifetime.",
    )
    config.add_server_metadata(MEMBER, _required)
    config.add_startup_check("pushed requests", _reject_contradiction)
