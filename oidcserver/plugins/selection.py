"""Selection: after every offer and before any route, the settings choose what exists."""

import difflib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from pyramid.config import PHASE0_CONFIG, PHASE3_CONFIG
from pyramid.exceptions import CyclicDependencyError
from pyramid.util import TopologicalSorter

from oidcserver.catalog import Offer
from oidcserver.plugins.flows import select_flows
from oidcserver.provider import Provider
from oidcserver.settings import (
    PREFIXES,
    ConfigurationProblem,
    Setting,
    convert_settings,
    nearest,
)
from oidcserver.types import Configurator, Registry

SETTINGS = PHASE0_CONFIG + 1
#: For offers that the settings make.
DECLARE = PHASE0_CONFIG + 2
#: For offers that depend on those of DECLARE.
ARRANGE = PHASE0_CONFIG + 3
SELECT = PHASE0_CONFIG + 4
#: For routes of what was selected.
PUBLISH = PHASE0_CONFIG + 5
#: For objects made of those that actions without an order make, such as the fetcher.
ASSEMBLE = PHASE3_CONFIG + 1
CHECK = PHASE3_CONFIG + 100
#: For what reads the database at the start: the schema is what the code needs.
AFTER_SCHEMA = CHECK + 3

FIRST_FACTORS = "oidc.first_factors"
SECOND_FACTORS = "oidc.second_factors"
UPSTREAMS = "oidc.upstreams"
#: The endpoint that exists where an upstream has ``backchannel_logout``.
UPSTREAM_LOGOUT = "upstream_logout"

log = logging.getLogger("oidcserver.start")


def select_settings(config: Configurator) -> None:
    """Convert the settings; reject unknown keys below our prefixes."""
    provider: Provider = config.registry.oidc.provider
    raw = config.registry.settings
    offers = provider.catalog.offers("setting")
    for key in raw:
        if key.startswith(PREFIXES) and key not in offers:
            near = nearest(key, offers) or f" On offer: {', '.join(offers)}."
            raise ConfigurationProblem(f"There is no setting {key!r}.{near}")
        if not provider.embedded and key not in offers:
            _reject_misspelt_prefix(key, offers)
    declared: list[Setting] = [offer.value for offer in offers.values()]
    name = str(raw.get("oauth.profile", "")).strip()
    profile = provider.catalog.one("profile", name, "oauth.profile") if name else None
    provider.settings = convert_settings(declared, raw, name, profile.defaults if profile else None)
    if not provider.settings["oidc.issuer"]:
        raise ConfigurationProblem("oidc.issuer is missing: the public URL of the provider.")


def _reject_misspelt_prefix(key: str, known: Iterable[str]) -> None:
    """Reject the key of a setting whose prefix is almost one of ours, such as ``oath.profile``."""
    prefix = f"{key.partition('.')[0]}."
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    if near and prefix not in PREFIXES and difflib.get_close_matches(prefix, PREFIXES):
        raise ConfigurationProblem(f"There is no setting {key!r}. Did you mean {near[0]!r}?")


def select_all(config: Configurator) -> None:
    """Choose what exists, in the order in which one choice depends on another."""
    provider: Provider = config.registry.oidc.provider
    settings = provider.settings
    select = provider.catalog.select
    provider.first_factors = select("first factor", settings.get(FIRST_FACTORS, ()), FIRST_FACTORS)
    provider.second_factors = select(
        "authentication method", settings.get(SECOND_FACTORS, ()), SECOND_FACTORS
    )
    provider.upstreams = select("upstream", settings.get(UPSTREAMS, ()), UPSTREAMS)
    provider.grants = select("grant", settings["oauth.grants"], "oauth.grants")
    _select_response_types(provider)
    provider.response_modes = select(
        "response mode", settings["oauth.response_modes"], "oauth.response_modes"
    )
    provider.client_authentication_methods = select(
        "client authentication method",
        settings["oauth.token_endpoint_auth_methods"],
        "oauth.token_endpoint_auth_methods",
    )
    provider.access_token_formats = {
        name: offer.value for name, offer in provider.catalog.offers("access token format").items()
    }
    scopes = provider.catalog.offers("scope")
    provider.scopes = select("scope", settings["oauth.scopes"] or tuple(scopes), "oauth.scopes")
    resources = provider.catalog.offers("resource")
    provider.resources = {key: offer.value for key, offer in resources.items()}
    types = provider.catalog.offers("authorization details type")
    provider.authorization_details_types = select(
        "authorization details type",
        settings["oauth.authorization_details_types"] or tuple(types),
        "oauth.authorization_details_types",
    )
    provider.user_directory = provider.catalog.one(
        "user directory", settings["oidc.user_directory"], "oidc.user_directory"
    )
    sources = provider.catalog.offers("claims source")
    provider.claims_sources = select(
        "claims source", settings["oidc.claims_sources"] or tuple(sources), "oidc.claims_sources"
    )
    provider.subject_types = select(
        "subject type", settings["oidc.subject_types"], "oidc.subject_types"
    )
    provider.flows = select_flows(provider)
    provider.interactions = tuple(value for _, value in _ordered(provider, "interaction"))
    _select_pages_and_endpoints(config, provider)


def _select_response_types(provider: Provider) -> None:
    claimed: dict[str, str] = {}
    grant_types: dict[str, str] = {}
    for name, grant in provider.grants.items():
        for response_type in grant.response_types:
            _claim(claimed, response_type, name, "response type")
        if grant.grant_type and hasattr(grant.factory, "check_token_endpoint"):
            _claim(grant_types, grant.grant_type, name, "grant_type")
    wanted = provider.settings["oauth.response_types"]
    for response_type in wanted:
        if " ".join(sorted(response_type.split())) not in claimed:
            raise ConfigurationProblem(
                f"oauth.response_types names {response_type!r}, which no selected grant offers. "
                f"On offer: {', '.join(sorted(claimed)) or 'nothing'}."
            )
    chosen = (" ".join(sorted(response_type.split())) for response_type in wanted)
    provider.response_types = frozenset(chosen) or frozenset(claimed)


def _claim(claimed: dict[str, str], key: str, name: str, what: str) -> None:
    if key in claimed:
        raise ConfigurationProblem(
            f"oauth.grants selects {claimed[key]!r} and {name!r}, which both claim the {what} "
            f"{key!r}: keep one."
        )
    claimed[key] = name


def _ordered(provider: Provider, kind: str) -> list[tuple[str, Any]]:
    """Sort what names others to come after or before; the rest keep the order of their offers."""
    sorter = TopologicalSorter(default_before=None)
    previous: str | None = None
    offers = provider.catalog.offers(kind)
    for name, entry in offers.items():
        value, after, before = entry.value
        for side, neighbours in (("after", after), ("before", before)):
            _require_neighbour(kind, name, side, neighbours, offers)
        if after is None and before is None:
            sorter.add(name, value, after=previous)
            previous = name
        else:
            sorter.add(name, value, after=after, before=before)
    try:
        ordered: list[tuple[str, Any]] = sorter.sorted()
    except CyclicDependencyError as problem:
        circle = " and ".join(
            f"{name!r} ({offers[name].where})" for name in problem.cycles if name in offers
        )
        raise ConfigurationProblem(
            f"No order of the {kind}s {circle} is possible: each has to come after another."
        ) from None
    return ordered


def _require_neighbour(
    kind: str, name: str, side: str, neighbours: Any, offers: Mapping[str, Offer]
) -> None:
    """Stop the start if none of the named neighbours exists."""
    names = [neighbours] if isinstance(neighbours, str) else list(neighbours or ())
    if names and not offers.keys() & names:
        near = nearest(names[0], offers) or f" On offer: {', '.join(offers)}."
        raise ConfigurationProblem(
            f"The {kind} {name!r} ({offers[name].where}) has to come {side} "
            f"{' or '.join(map(repr, names))}, which nobody offers.{near}"
        )


def _select_pages_and_endpoints(config: Configurator, provider: Provider) -> None:
    settings = provider.settings
    before = len(config.action_state.actions)
    for offer in provider.catalog.offers("metadata").values():
        provider.metadata[offer.name] = offer.value
    names = settings["oauth.endpoints"]
    if any(upstream.backchannel_logout for upstream in provider.upstreams.values()):
        names = (*names, UPSTREAM_LOGOUT)
    chosen = provider.catalog.select("endpoint", names, "oauth.endpoints")
    for name, endpoint in chosen.items():
        path = endpoint.select()
        provider.endpoints[name] = path
        if endpoint.metadata_field:
            provider.metadata[endpoint.metadata_field] = _url(path)
        for field, value in endpoint.metadata.items():
            provider.metadata[field] = value if callable(value) else _constant(value)
    provider.multipart_paths = frozenset(
        provider.endpoints[name] for name, endpoint in chosen.items() if endpoint.multipart
    )
    between = len(config.action_state.actions)
    for page_config, register in provider.catalog.select(
        "page", settings["oidc.pages"], "oidc.pages"
    ).values():
        register(page_config)
    for method in (*provider.first_factors.values(), *provider.second_factors.values()):
        method.register(config)
    _reject_one_path_twice(config, before)
    # What was registered just now is ours; an embedding application's routes are not.
    provider.page_route_names = _added_routes(config, between)
    provider.route_names |= _added_routes(config, before)


def _reject_one_path_twice(config: Configurator, since: int) -> None:
    """Reject two routes with one path: Pyramid would always use the first."""
    owners: dict[str, str] = {}
    for action in config.action_state.actions[since:]:
        for introspectable in action["introspectables"]:
            if introspectable.category_name != "routes":
                continue
            name = introspectable["name"].removeprefix("oidc.")
            pattern = introspectable["pattern"].lstrip("/")
            other = owners.setdefault(pattern, name)
            if other != name:
                raise ConfigurationProblem(
                    f"oauth.endpoints and oidc.pages select {other!r} and {name!r}, which both "
                    f"have the path /{pattern}: keep one, or give one another path."
                )


def _added_routes(config: Configurator, since: int) -> set[str]:
    added = (action["discriminator"] for action in config.action_state.actions[since:])
    return {name[1] for name in added if isinstance(name, tuple) and name[:1] == ("route",)}


def _url(path: str) -> Any:
    return lambda provider: provider.url(path)


def _constant(value: Any) -> Any:
    return lambda provider: value


def startup_warnings(registry: Registry) -> list[str]:
    """Return the sentences of all offers of the kind "startup warning": settings that let the
    server start but are probably mistakes."""
    offers = registry.oidc.provider.catalog.offers("startup warning").values()
    return [sentence for sentence in (offer.value(registry) for offer in offers) if sentence]


def log_startup_warnings(config: Configurator) -> None:
    """Log the warnings of a server; ``oidcserver explain`` prints them instead."""
    if not config.registry.oidc.provider.commanded:
        for sentence in startup_warnings(config.registry):
            log.warning("%s", sentence)


def run_startup_checks(config: Configurator) -> None:
    """Run the profile's rules and every start-up check; reject with all their sentences."""
    registry = config.registry
    provider: Provider = registry.oidc.provider
    name = provider.settings["oauth.profile"]
    # The contradictions of the profile come first: they may cause the other problems.
    rules = provider.catalog.one("profile", name, "oauth.profile").rules if name else ()
    checks = [*rules, *(it.value for it in provider.catalog.offers("startup check").values())]
    problems = [problem for problem in (check(registry) for check in checks) if problem]
    if problems:
        raise ConfigurationProblem("\n".join(problems))
