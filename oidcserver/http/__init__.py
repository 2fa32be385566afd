"""The tweens and checks that every request passes, and the fetches from other hosts."""

import logging
from dataclasses import replace

from pyramid.tweens import EXCVIEW, INGRESS

from oidcserver.http.addresses import Reachable, reachable
from oidcserver.http.content_security_policy import content_security_policy
from oidcserver.http.documents import RemoteDocuments
from oidcserver.http.fetch_limit import LIMIT, counting_fetches
from oidcserver.http.jwks_cache import RemoteJWKS
from oidcserver.http.outbound import NOWHERE_ELSE, OutboundFetcher
from oidcserver.http.pictures import RemotePictures
from oidcserver.http.waiting import WaitingPlaces
from oidcserver.settings import Settings, boolean, ca_bundle, integer, seconds
from oidcserver.types import Configurator, Registry


def includeme(config: Configurator) -> None:
    """Add the three tweens, ``request.oidc.content_security_policy`` and the outbound fetches."""
    config.add_tween("oidcserver.http.cors.cors_tween_factory", under=INGRESS)
    config.add_tween(
        "oidcserver.http.request_guard.request_guard_tween_factory",
        under="oidcserver.http.cors.cors_tween_factory",
    )
    config.add_tween(
        "oidcserver.http.headers.headers_tween_factory",
        under="oidcserver.http.request_guard.request_guard_tween_factory",
        over=EXCVIEW,
    )
    config.include("oidcserver.http.csrf")
    config.include("oidcserver.http.client_certificate")
    config.add_oidc_attribute("content_security_policy", content_security_policy)
    setting = config.add_oauth_setting
    setting(
        "oauth.outbound_timeout", seconds, 5, "The time that a fetch from another host may take."
    )
    setting(
        "oauth.outbound_allow",
        reachable,
        NOWHERE_ELSE,
        "Networks, addresses and host names outside the public internet that the server may "
        "connect to, by https: to fetch documents and logos of clients and to deliver logout "
        "tokens.",
    )
    setting(
        "oauth.outbound_allow_loopback",
        boolean,
        None,
        "Whether the server may connect to this machine too, also by http. By default it may in "
        "development; in production it never may.",
    )
    setting(
        "oauth.outbound_ca_bundle",
        ca_bundle,
        None,
        "The certificates that outbound fetches trust; by default the system's.",
    )
    setting(
        "oauth.outbound_places",
        integer,
        2,
        "The number of requests of a process that may wait for other hosts at once. Clients that "
        "registered themselves or publish their metadata may take half of them together, and one "
        "host or client half of what it may take. Choose half of the number of the server's "
        "threads, which is 4 by default, and no less than 2.",
    )
    setting(
        LIMIT,
        integer,
        30,
        "How many documents of clients are fetched in a minute for one network, and from one host "
        "for clients that registered themselves or publish their metadata, of which one network "
        "may use a quarter. Metadata documents, keys, sector identifier documents, request objects "
        "and logos are counted apart.",
    )
    setting("oauth.jwks_max_age", seconds, 300,
            "The time after which a client's fetched keys are fetched again.")  # fmt: skip
    setting("oauth.jwks_max_stale", seconds, 3600,
            "The further time that they are used while their host does not answer.")  # fmt: skip
    config.add_startup_check("outbound loopback", _reject_loopback_in_production)
    # urllib3 warns of malformed answers; another host must not be able to fill our log.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

    def make_fetches() -> None:
        settings = config.registry.oidc.provider.settings
        fetcher = make_fetcher(settings, settings["oauth.outbound_timeout"])
        config.registry.oidc.outbound_fetcher = fetcher
        places = WaitingPlaces(
            settings["oauth.outbound_places"],
            timeout=fetcher.timeout,
            count=counting_fetches(config.registry),
        )
        config.registry.oidc.waiting_places = places
        config.registry.oidc.remote_documents = RemoteDocuments(fetcher, places)
        config.registry.oidc.remote_pictures = RemotePictures(config.registry.oidc.remote_documents)
        config.registry.oidc.remote_jwks = RemoteJWKS(
            fetcher,
            places,
            max_age=settings["oauth.jwks_max_age"],
            max_stale=settings["oauth.jwks_max_stale"],
        )

    config.action(("oauth", "outbound"), make_fetches)


def make_fetcher(settings: Settings, timeout: float) -> OutboundFetcher:
    """Return a fetcher that reaches the addresses of the settings.

    :param timeout: seconds that a fetch may take.
    """
    bundle = settings["oauth.outbound_ca_bundle"]
    return OutboundFetcher(
        timeout=timeout,
        allowed=allowed_addresses(settings),
        ca_bundle=str(bundle) if bundle else None,
    )


def allowed_addresses(settings: Settings) -> Reachable:
    """Return the addresses that URLs of clients may have besides those of the public internet."""
    loopback = settings["oauth.outbound_allow_loopback"]
    if loopback is None:
        loopback = settings["oidcserver.mode"] == "development"
    named: Reachable = settings["oauth.outbound_allow"]
    return replace(named, loopback=loopback)


def _reject_loopback_in_production(registry: Registry) -> str | None:
    settings = registry.oidc.provider.settings
    if settings["oauth.outbound_allow_loopback"] and settings["oidcserver.mode"] == "production":
        return (
            "oauth.outbound_allow_loopback lets clients reach this machine by http: not in "
            "production, where oauth.outbound_allow names single addresses."
        )
    return None
