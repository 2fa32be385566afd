"""What protects the provider: passwords, headers, the request guard, throttling, outbound fetch."""

import logging
from typing import Any

from pyramid.tweens import EXCVIEW, INGRESS

from oidcserver.security.content_security_policy import content_security_policy
from oidcserver.security.jwks_cache import RemoteJWKS
from oidcserver.security.outbound import OutboundFetcher
from oidcserver.settings import boolean, path, seconds


def includeme(config: Any) -> None:
    """Add the two tweens, ``request.content_security_policy`` and ``registry.remote_jwks``."""
    config.add_tween("oidcserver.security.request_guard.request_guard_tween_factory", under=INGRESS)
    config.add_tween(
        "oidcserver.security.headers.headers_tween_factory",
        under="oidcserver.security.request_guard.request_guard_tween_factory",
        over=EXCVIEW,
    )
    config.add_request_method(content_security_policy, "content_security_policy", reify=True)
    setting = config.add_oauth_setting
    setting("oauth.outbound_timeout", seconds, 5, "How long fetching a client's document may take.")
    setting(
        "oauth.outbound_allow_loopback",
        boolean,
        False,
        "Whether documents of clients are fetched from this machine too: development only.",
    )
    setting(
        "oauth.outbound_ca_bundle",
        path,
        None,
        "The certificates that outbound fetches trust; by default the system's.",
    )
    setting("oauth.jwks_max_age", seconds, 300,
            "How long a client's fetched keys are used before they are fetched again.")  # fmt: skip
    config.add_startup_check("outbound loopback", _refuse_loopback_in_production)
    # What a foreign server sends is its matter, and a log that it fills is ours.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

    def make_fetcher() -> None:
        settings = config.registry.provider.settings
        bundle = settings["oauth.outbound_ca_bundle"]
        config.registry.outbound_fetcher = OutboundFetcher(
            timeout=settings["oauth.outbound_timeout"],
            allow_http_loopback=settings["oauth.outbound_allow_loopback"],
            ca_bundle=str(bundle) if bundle else None,
        )
        config.registry.remote_jwks = RemoteJWKS(
            config.registry.outbound_fetcher, max_age=settings["oauth.jwks_max_age"]
        )

    config.action(("oauth", "outbound"), make_fetcher)


def _refuse_loopback_in_production(registry: Any) -> str | None:
    settings = registry.provider.settings
    if settings["oauth.outbound_allow_loopback"] and settings["oidcserver.mode"] == "production":
        return "oauth.outbound_allow_loopback lets clients reach this machine: not in production."
    return None
