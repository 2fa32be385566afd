"""Authlib on Pyramid: the server, requests, responses, errors, tokens and the driver of flows."""

from typing import Any

from oidcserver import clock
from oidcserver.oauth.scopes import IgnoredScopes
from oidcserver.oauth.server import AuthorizationServer
from oidcserver.oauth.tokens import JWTFormat, SealedFormat
from oidcserver.settings import boolean, integer, nearest, seconds, text, words
from oidcserver.types import Configurator, Registry, Request


def includeme(config: Configurator) -> None:
    """Add the server object, the token formats and the lifetimes."""
    config.add_oidc_attribute("server", AuthorizationServer)
    config.add_oidc_attribute("now", lambda request: clock.now())
    config.add_oidc_method(provider_url, "url")
    config.registry.oidc.ignored_scopes = IgnoredScopes()
    config.add_access_token_format("sealed", SealedFormat())
    config.add_access_token_format("jwt", JWTFormat())
    setting = config.add_oauth_setting
    setting(
        "oauth.access_token_format",
        text,
        "sealed",
        "The format of access tokens: sealed (opaque and revocable at once), or jwt (resource "
        "servers verify it themselves).",
    )
    setting(
        "oauth.access_token_signing_alg",
        text,
        "RS256",
        "The algorithm of JWT access tokens, one of oidc.signing_algs.",
    )
    setting("oauth.access_token_lifetime", seconds, 600, "The lifetime of an access token.")
    setting("oauth.authorization_code_lifetime", seconds, 60, "The lifetime of a code.")
    setting(
        "oauth.refresh_token_idle_lifetime",
        seconds,
        14 * 86400,
        "The time after which an unused refresh token expires.",
    )
    setting(
        "oauth.refresh_token_max_lifetime",
        seconds,
        90 * 86400,
        "The longest lifetime of a family of refresh tokens.",
    )
    setting(
        "oauth.refresh_token_rotation",
        text,
        "all",
        "Which refresh tokens are replaced at each use: those of all clients (all), or only those "
        "of public clients (public). A confidential client authenticates at each use.",
        allowed=("all", "public"),
    )
    setting(
        "oauth.refresh_token_retry_window",
        seconds,
        30,
        "The time in which a client that lost the answer may present the old token again.",
    )
    setting(
        "oauth.public_refresh_token_retry_window",
        seconds,
        5,
        "The same for a public client. In this time a thief may present its token too.",
    )
    setting(
        "oauth.client_secret_overlap",
        seconds,
        86400,
        "The time in which a client may use its former secret after a rotation.",
    )
    setting(
        "oauth.localhost_any_port",
        boolean,
        False,
        "Whether a native application may use any port of a registered http://localhost, as it may "
        "of a loopback address.",
    )
    setting(
        "oauth.private_use_schemes",
        words,
        (),
        "Schemes without a dot that native applications may register for redirect URIs.",
    )
    setting(
        "oidc.interaction_lifetime",
        seconds,
        1800,
        "The time that a request waits for the user before it has to start again.",
    )
    setting(
        "oauth.registration_unused_lifetime",
        seconds,
        90 * 86400,
        "The time after which an unused client that registered itself is removed; 0: never.",
    )
    setting(
        "oidc.stored_requests_per_address",
        integer,
        100,
        "The number of authorization requests too long for a URL, and of sign-ins at upstreams, "
        "that are stored for one network before a user signs in, within "
        "oidc.interaction_lifetime. A sign-in at an upstream that succeeds does not count.",
    )
    setting(
        "oidc.stored_requests_per_account",
        integer,
        200,
        "The number of requests that are stored for a user who has signed in, such as those that "
        "need consent, within oidc.interaction_lifetime. The sign-in itself does not count, and "
        "neither does a visit to an upstream from which the user comes back.",
    )
    setting("oidc.repeat_window", seconds, 10,
            "The time in which a double click gets the same answer again.")  # fmt: skip
    config.add_startup_check("access tokens", _check_access_tokens)


def _check_access_tokens(registry: Registry) -> str | None:
    """Require a key for JWTs in any case: the metadata of a client may select that format."""
    provider = registry.oidc.provider
    for name, known in (
        ("oauth.access_token_format", list(provider.access_token_formats)),
        ("oauth.access_token_signing_alg", provider.settings["oidc.signing_algs"]),
    ):
        value, set_by = provider.settings[name], provider.settings.set_by(name)
        if value not in known and set_by:
            return (
                f"{name} = {value}{set_by} is not one of {', '.join(known)}, which "
                f"oidc.signing_algs selects: add it there, or set {name}."
            )
        if value not in known:
            return f"{name} = {value!r} is not one of {', '.join(known)}.{nearest(value, known)}"
    return None


def provider_url(request: Request, route_name: str, **elements: Any) -> str:
    """Return the public URL of a route. It begins with the configured issuer, not with Host."""
    url: str = request.oidc.provider.url(request.route_url(route_name, _app_url="", **elements))
    return url
