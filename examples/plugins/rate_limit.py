"""A step of a flow: how many token requests each client may make in a minute."""

from oidcserver.http.throttling import take
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.settings import integer
from oidcserver.types import Configurator, Registry

WINDOW_SECONDS = 60


def check_rate(token_request: OAuthRequest) -> None:
    """Count the request, in the database that all processes share; reject one too many."""
    request, client = token_request.request, token_request.client
    if client is None:
        return  # a grant that names its client itself
    limit = request.oidc.provider.settings["rate_limit.per_minute"]
    engine = request.oidc.database.alone.engine
    wait = take(engine, f"rate limit:{client.client_id}", limit, WINDOW_SECONDS)
    if wait:
        raise Rejection(
            "temporarily_unavailable",
            "The client made too many requests.",
            status_code=429,
            headers=(("Retry-After", str(wait)),),
        )


def require_limit(registry: Registry) -> str | None:
    """Stop the start where no request would be accepted."""
    if registry.oidc.provider.settings["rate_limit.per_minute"] < 1:
        return "rate_limit.per_minute has to be 1 or more."
    return None


def includeme(config: Configurator) -> None:
    """Put the step into the flow of the token endpoint."""
    config.add_oauth_setting(
        "rate_limit.per_minute", integer, 600, "How many token requests a client may make."
    )
    config.add_startup_check("rate limit", require_limit)
    config.add_oauth_step("token", "rate_limit", check_rate, after="authenticate_client")
