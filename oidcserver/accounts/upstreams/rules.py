"""The rules for the declaration of an upstream."""

import re
from collections.abc import Iterator

from oidcserver.accounts.upstreams.groups import can_be_mapped
from oidcserver.http import allowed_addresses
from oidcserver.http.addresses import RejectedURL, parse_url
from oidcserver.interfaces.upstream import LINKING, LOGOUT, STAY, TENANT, VERIFIED_EMAIL, Upstream
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.oidc.claims import PROTOCOL_CLAIMS
from oidcserver.oidc.languages import plain_name
from oidcserver.oidc.scopes import STANDARD_CLAIMS
from oidcserver.types import Provider, Registry

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


def upstream_problems(registry: Registry) -> str | None:
    """Return a sentence for each mistake in the declarations, or None."""
    provider = registry.oidc.provider
    loopback = allowed_addresses(provider.settings).loopback
    problems = [
        f"The upstream {upstream.name!r} {problem}"
        for upstream in provider.upstreams.values()
        for problem in _problems(provider, upstream, loopback)
    ]
    return "\n".join(problems) or None


def _problems(provider: Provider, upstream: Upstream, loopback: bool) -> Iterator[str]:
    if not _NAME.fullmatch(upstream.name):
        yield "has a name with other characters than a-z, 0-9, - and _."
    if not upstream.issuer:
        yield "has no issuer."
        return
    for name, url in (("issuer", upstream.issuer), ("discovery_url", upstream.metadata_url)):
        try:
            parse_url(url.replace(TENANT, "tenant"), allow_http=loopback)
        except RejectedURL as problem:
            yield f"has the {name} {url!r}. {problem}"
    if TENANT in upstream.metadata_url:
        yield f"has {TENANT} in its issuer, so it needs a discovery_url."
    if not upstream.client_id:
        yield "has no client_id."
    by_secret = upstream.token_endpoint_auth_method.startswith("client_secret")
    if by_secret and not upstream.client_secret:
        yield (
            f"has no client_secret for {upstream.token_endpoint_auth_method}: set "
            f"oidc.upstream.{upstream.name}.client_secret."
        )
    yield from _of_options(upstream)
    yield from _of_claims(provider, upstream)
    if upstream.issuer == provider.issuer:
        yield "is this provider itself."
    if upstream.logout != STAY and "oidc.logout" not in provider.route_names:
        yield f"has logout = {upstream.logout}, which needs the page logout in oidc.pages."
    if "oidc.upstream_callback" not in provider.route_names:
        yield "needs the page login in oidc.pages, without oidc.login_route."


def _of_options(upstream: Upstream) -> Iterator[str]:
    for option, value, allowed in (
        ("token_endpoint_auth_method", {upstream.token_endpoint_auth_method}, METHODS),
        ("linking", {upstream.linking}, LINKING),
        ("logout", {upstream.logout}, LOGOUT),
        ("algorithms", set(upstream.algorithms), CLIENT_ALGORITHMS),
    ):
        if not value or not value.issubset(allowed):
            yield f"has {option} = {' '.join(value)}: it takes {', '.join(allowed)}."
    for theirs, ours in upstream.groups.items():
        if not can_be_mapped(theirs, ours):
            yield f"has a group {theirs!r} = {ours!r}, which cannot be mapped."
    if (
        upstream.linking == VERIFIED_EMAIL
        and TENANT in upstream.issuer
        and not ({"tid", "iss"} & upstream.required_claims.keys())
    ):
        # Each tenant would decide which addresses it has verified.
        yield f"has linking = {VERIFIED_EMAIL} for every tenant: add required_claims = tid=YOURS."
    if "openid" not in upstream.scopes:
        yield "does not ask for the scope openid."


def _of_claims(provider: Provider, upstream: Upstream) -> Iterator[str]:
    taken, listed = PROTOCOL_CLAIMS, {"groups", "roles"}
    if found := sorted(taken.intersection(upstream.claims)):
        yield f"has {', '.join(found)} among its claims, which only the provider may set."
    if found := sorted(listed.intersection(upstream.claims)):
        # The claims are those of the first sign-in, and a user leaves groups.
        yield f"has {', '.join(found)} among its claims: its groups are mapped by groups."
    known = {*provider.claim_names, *STANDARD_CLAIMS, *taken, *listed}
    if found := [name for name in upstream.claims if plain_name(name) not in known]:
        yield (
            f"has {', '.join(found)} among its claims, which no scope here returns; "
            "oidc.scope_claims can declare one."
        )
