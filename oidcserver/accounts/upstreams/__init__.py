"""Upstreams: signing in at other OpenID Providers. The ini declares them, or ``add_upstream``."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from functools import partial
from types import SimpleNamespace
from typing import Any

from oidcserver.accounts.upstreams.groups import group_lines
from oidcserver.accounts.upstreams.hosts import UpstreamHosts
from oidcserver.accounts.upstreams.rules import METHODS, upstream_problems
from oidcserver.catalog import Offer
from oidcserver.http import allowed_addresses
from oidcserver.interfaces.upstream import LINKING, LOGOUT, Upstream
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.plugins.selection import ASSEMBLE, DECLARE, UPSTREAMS
from oidcserver.settings import (
    ConfigurationProblem,
    Converter,
    boolean,
    reference,
    text,
    words,
)
from oidcserver.types import Configurator, Provider

PREFIX = "oidc.upstream."


def claim_words(raw: str) -> Mapping[str, str]:
    """Return claims, each a name, or ``OURS=THEIRS`` where the upstream has another name for it."""
    pairs = [word.partition("=") for word in raw.split()]
    if not all(ours and (theirs or not equals) for ours, equals, theirs in pairs):
        raise ValueError("names of claims such as `name email department=ou`")
    return {ours: theirs or ours for ours, _, theirs in pairs}


def required_claims(raw: str) -> Mapping[str, tuple[str, ...]]:
    """Return the allowed values of claims: ``hd=example.com``; one claim may have several."""
    found: dict[str, tuple[str, ...]] = {}
    for word in raw.split():
        name, _, value = word.partition("=")
        if not name or not value:
            raise ValueError("claims with a value, such as `hd=example.com`")
        found[name] = (*found.get(name, ()), value)
    return found


#: Name, converter, reason and allowed words of each option. The default is that of the field.
OPTIONS: tuple[tuple[str, Converter, str, tuple[str, ...]], ...] = (
    ("issuer", text, "Its issuer identifier; `{tenantid}` stands for any tenant.", ()),
    ("client_id", text, "The client_id that it gave us.", ()),
    ("client_secret", reference, "The secret that it gave us, as env:NAME or file:PATH.", ()),
    ("token_endpoint_auth_method", text, "How we authenticate there.", METHODS),
    ("label", text, "Its name on the button; by default its name in the ini.", ()),
    ("discovery_url", text, "The URL of its metadata, where it is not that of its issuer.", ()),
    ("scopes", words, "The scopes that are asked for.", ()),
    ("algorithms", words, "The algorithms that may sign its ID tokens.", CLIENT_ALGORITHMS),
    ("userinfo", boolean, "Whether its UserInfo endpoint is asked for claims too.", ()),
    ("claims", claim_words, "The claims of a new account: names, or OURS=THEIRS.", ()),
    ("linking", text,
     "Which accounts are connected: none, that of a user who is signed in to it (session), or also "
     "that with the same verified address (verified_email).",
     LINKING),
    ("allow_registration", boolean, "Whether its users may make accounts.", ()),
    ("username_claim", text, "The claim that becomes the name of a new user.", ()),
    ("acr_values", words, "The classes that are asked for there, one of which it must say.", ()),
    ("acr", text, "The acr of a sign-in there; by default oidc.password_acr.", ()),
    ("proves_auth_time", boolean,
     "Whether its ID tokens have auth_time when max_age asks for it. Without, a sign-in there "
     "counts as new whenever we ask for one.", ()),
    ("required_claims", required_claims,
     "The claims that a sign-in requires, as NAME=VALUE; a claim that is named again may have any "
     "of its values.", ()),
    ("groups_claims", words,
     "The claims that name the groups of a user; realm_access.roles is a member of an object.",
     ()),
    ("groups", group_lines,
     "The groups that count, one a line, as THEIRS = OURS; `app-* = *` stands for all with that "
     "beginning.", ()),
    ("logout", text,
     "Whether a user who signs out here stays signed in there (none), is asked (offer), or is "
     "signed out there too (always).", LOGOUT),
    ("backchannel_logout", boolean,
     "Whether it tells us of sessions that ended there, which then end here.", ()),
)  # fmt: skip


def default_of(option: Field[Any]) -> Any:
    """Return the default of a field of an upstream; without one the setting is empty."""
    if option.default_factory is not MISSING:
        return option.default_factory()
    return "" if option.default is MISSING else option.default


def declare_upstreams(provider: Provider, declared: tuple[str, ...]) -> None:
    """Offer the upstreams that the ini declares.

    :raises ConfigurationProblem: for one that neither the ini nor a plugin declares.
    """
    settings = provider.settings
    for name in settings[UPSTREAMS]:
        if name not in declared and name not in provider.catalog.offers("upstream"):
            raise ConfigurationProblem(
                f"{UPSTREAMS} names {name!r}, which no plugin offers and the ini does not declare: "
                f"{PREFIX}{name}.issuer is missing."
            )
    for name in declared:
        options = {option: settings[f"{PREFIX}{name}.{option}"] for option, *_ in OPTIONS}
        options["label"] = options["label"] or name
        where = SimpleNamespace(file=f"{PREFIX}{name}", line="issuer")
        provider.catalog.add(Offer("upstream", name, Upstream(name=name, **options), where))


def includeme(config: Configurator) -> None:
    """Add the settings, and offer the upstreams that they declare."""
    config.add_oauth_setting(
        UPSTREAMS,
        words,
        (),
        "The other OpenID Providers at which users may sign in. Of each that the ini declares, the "
        "settings begin with oidc.upstream.NAME.",
    )
    raw = config.registry.settings
    declared = tuple(
        name
        for name in dict.fromkeys(raw.get(UPSTREAMS, "").split())
        if any(key.startswith(f"{PREFIX}{name}.") for key in raw)
    )
    defaults = {field.name: default_of(field) for field in fields(Upstream)}
    for name in declared:
        for option, convert, why, allowed in OPTIONS:
            setting = f"{PREFIX}{name}.{option}"
            config.add_oauth_setting(setting, convert, defaults[option], why, allowed=allowed)
    declare = partial(declare_upstreams, config.registry.oidc.provider, declared)
    config.action(("oauth", "declared upstreams"), declare, order=DECLARE)
    config.add_startup_check("upstreams", upstream_problems)

    def make_hosts() -> None:
        oidc = config.registry.oidc
        oidc.upstream_hosts = UpstreamHosts(
            oidc.outbound_fetcher,
            oidc.waiting_places,
            loopback=allowed_addresses(oidc.provider.settings).loopback,
        )

    config.action(("oauth", "upstream hosts"), make_hosts, order=ASSEMBLE)
