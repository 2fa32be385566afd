"""Resource indicators (RFC 8707): the resources that access tokens are for.

An authorization keeps the resources of its request. A token is for all of them, or for those that
the token request names. Without any resource a token is for the provider itself. Where no resource
is declared, the parameter is ignored.
"""

from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

from oidcserver.catalog import Offer
from oidcserver.clients.stored import warn_of_missing
from oidcserver.interfaces.resources import Resource, is_same_resource, resource_key
from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.scopes import PERSONAL, scope_for
from oidcserver.plugins.selection import DECLARE
from oidcserver.settings import lines, nearest, seconds
from oidcserver.types import Configurator, Provider, Registry

SETTING = "oauth.resources"
EXAMPLE = (
    "lines such as `https://api.example.com/orders: orders:read orders:write | Orders | format=jwt "
    "lifetime=5m`"
)
OPTIONS = ("format", "lifetime", "clients", "server")


def are_declared(provider: Provider) -> bool:
    """Whether there are resources."""
    return bool(provider.resources)


def are_ignored(provider: Provider) -> bool:
    """Whether there are no resources, so that the parameter is unknown (RFC 6749 section 3.1)."""
    return not provider.resources


def note_ignored_resources(authorization_request: AuthorizationRequest) -> None:
    """Log the resources of the request: the application that they name will reject the token."""
    request, client = authorization_request.request, authorization_request.client
    assert client is not None
    for uri in authorization_request.payload.datalist.get("resource", ()):
        if not is_same_resource(uri, authorization_request.provider.issuer):
            request.registry.oidc.ignored_scopes.note(
                client.client_id, uri, f"is not declared in {SETTING}", what="resource"
            )


def read_resources(authorization_request: AuthorizationRequest) -> None:
    """Read the resources of the request, and ignore the scopes that they do not define."""
    provider, client = authorization_request.provider, authorization_request.client
    assert client is not None
    asked = authorization_request.payload.datalist.get("resource", ())
    resources = find_resources(provider, client, asked)
    authorization_request.resources = resources
    authorization_request.oauth_request.audience = resources
    scope = scope_for(provider, resources, authorization_request.scope)
    if authorization_request.scope and not scope and "scope" in authorization_request.data:
        raise Rejection(
            "invalid_scope",
            "The scopes are of resources that the request does not name.",
            rule="RFC 8707 section 2.1",
            received={"scope": authorization_request.scope, "resource": list(resources)},
        )
    for name in set(authorization_request.scope.split()).difference(scope.split()):
        ignored = authorization_request.request.registry.oidc.ignored_scopes
        ignored.note(client.client_id, name, "is of a resource that the request does not name")
    authorization_request.scope = authorization_request.oauth_request.scope = scope


def narrow_audience(token_request: OAuthRequest) -> None:
    """Set the audience: the resources that the request names, or else those of the authorization.

    A grant may have set it already, such as token exchange (RFC 8693 section 2.1), which reads the
    parameter in its own way.

    :raises Rejection: ``invalid_target`` for a resource that the authorization does not have, or
        that is not declared any more, or was taken away from the client since.
    """
    if token_request.audience:
        return
    provider, client = token_request.provider, token_request.client
    asked = find_resources(provider, client, token_request.payload.datalist.get("resource", ()))
    authorization = token_request.authorization
    if authorization is None:
        token_request.audience = asked
        return
    granted = authorization.resources or ()
    if not set(map(resource_key, asked)).issubset(map(resource_key, granted)):
        raise _invalid_target("The authorization is not for this resource.", asked)
    token_request.audience = asked or find_resources(provider, client, granted)


def keep_audience(token_request: OAuthRequest) -> None:
    """Let an authorization for resources not become one for the provider, where none is declared.

    :raises Rejection: ``invalid_target``.
    """
    authorization = token_request.authorization
    if authorization is not None and authorization.resources:
        narrow_audience(token_request)


def find_resources(
    provider: Provider, client: RegisteredClient, asked: Iterable[str]
) -> tuple[str, ...]:
    """Return the URIs of resources as they are declared, each once.

    The provider itself is a resource too, for clients that need UserInfo beside another resource.

    :raises Rejection: ``invalid_target`` for anything else, and for a resource of other clients.
    """
    found: dict[str, None] = {}
    for uri in asked:
        resource = provider.find_resource(uri)
        if resource is not None and resource.is_open_to(client.client_id):
            found[resource.uri] = None
        elif resource is None and is_same_resource(uri, provider.issuer):
            found[provider.issuer] = None
        else:
            raise _invalid_target("The resource is not one that the client may ask for.", [uri])
    return tuple(found)


def _invalid_target(description: str, asked: Iterable[str]) -> Rejection:
    return Rejection(
        "invalid_target",
        description,
        rule="RFC 8707 section 2",
        received={"resource": list(asked)},
    )


def resource_lines(raw: str) -> tuple[str, ...]:
    """Return lines of a resource, its scopes, its name and its options."""
    declared = lines(raw)
    for line in declared:
        read_resource(line)
    return declared


def read_resource(line: str) -> Resource:
    """Return the resource of a line.

    :raises ValueError: with an example of a line.
    """
    declared, _, rest = line.partition("|")
    uri, _, scopes = declared.strip().removesuffix(":").partition(": ")
    name, _, options = rest.partition("|")
    pairs = [option.partition("=") for option in options.split()]
    given = {key: value for key, _, value in pairs if value}
    if len(given) < len(pairs) or not set(OPTIONS).issuperset(given):
        raise ValueError(EXAMPLE)
    try:
        resource_key(uri)
        lifetime = seconds(given["lifetime"]) if "lifetime" in given else None
    except ValueError:
        raise ValueError(EXAMPLE) from None
    return Resource(
        uri,
        tuple(dict.fromkeys(scopes.split())),
        name.strip(),
        given.get("format"),
        lifetime,
        frozenset(filter(None, given.get("clients", "").split(","))),
        given.get("server"),
    )


def declare_resources(provider: Provider) -> None:
    """Offer the resources that the ini declares."""
    for number, line in enumerate(provider.settings[SETTING], start=1):
        resource = read_resource(line)
        where = SimpleNamespace(file=SETTING, line=number)
        provider.catalog.add(Offer("resource", resource_key(resource.uri), resource, where))


def check_resources(registry: Registry) -> str | None:
    """Require that the scopes and the format of each resource exist."""
    provider = registry.oidc.provider
    problems = [
        f"The resource {offer.value.uri} ({offer.where}) {problem}"
        for offer in provider.catalog.offers("resource").values()
        for problem in _problems(provider, offer.value)
    ]
    return "\n".join(problems) or None


def named_clients(provider: Provider) -> Iterable[str]:
    """Return the identifiers of the clients that resources name."""
    for resource in provider.resources.values():
        yield from resource.clients
        if resource.server is not None:
            yield resource.server


def _problems(provider: Provider, resource: Resource) -> Iterable[str]:
    for name in resource.scopes:
        if name in PERSONAL:
            yield f"has the scope {name}, which is about the user and of no resource."
        elif name not in provider.scopes:
            near = nearest(name, provider.scopes) or " oidc.scope_claims declares scopes."
            yield f"has the scope {name!r}, which does not exist here.{near}"
    chosen: Any = resource.access_token_format
    if chosen is not None and chosen not in provider.access_token_formats:
        offered = ", ".join(provider.access_token_formats)
        yield f"has the format {chosen!r}. On offer: {offered}."


def includeme(config: Configurator) -> None:
    """Add the setting, and offer the resources that it declares."""
    config.add_oauth_setting(
        SETTING,
        resource_lines,
        (),
        "The resources that access tokens may be for, one a line: `https://api.example.com/orders: "
        "orders:read orders:write | Orders`. More options may follow.",
    )
    declare = partial(declare_resources, config.registry.oidc.provider)
    config.action(("oauth", "declared resources"), declare, order=DECLARE)
    config.add_startup_check("resources", check_resources)
    warn_of_missing(config, SETTING, named_clients)
