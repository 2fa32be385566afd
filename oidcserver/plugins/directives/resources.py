"""Directives for resources and for types of authorization details."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oidcserver.interfaces.authorization_details import (
    AuthorizationDetailsType,
    Detail,
    covers_by_default,
    shape_problem,
)
from oidcserver.interfaces.resources import Resource, resource_key
from oidcserver.plugins.offering import offer, require
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Configurator


def add_oauth_resource(
    config: Configurator,
    uri: str,
    *,
    scopes: Sequence[str] = (),
    name: str = "",
    access_token_format: str | None = None,
    access_token_lifetime: int | None = None,
    clients: Sequence[str] = (),
    server: str | None = None,
) -> None:
    """Declare a resource that clients may ask access tokens for (RFC 8707).

    ``oauth.resources`` declares one in the ini.

    :param uri: its absolute URI without a fragment, such as ``https://api.example.com/orders``. It
        is the audience of its tokens.
    :param scopes: the scopes that it defines. They have to exist. Those that return no claims about
        the user exist only in tokens for this resource, or for another that defines them too.
    :param name: its name on the consent page; by default its host is shown.
    :param access_token_format: the format of its tokens; by default that of the client.
    :param access_token_lifetime: seconds; by default ``oauth.access_token_lifetime``.
    :param clients: the identifiers of the clients that may ask for it; by default all may.
    :param server: the identifier of the client that is the resource server. It may introspect the
        tokens for this resource, and no others.
    """
    resource = Resource(
        uri, tuple(scopes), name, access_token_format, access_token_lifetime,
        frozenset(clients), server,
    )  # fmt: skip
    try:
        key = resource_key(uri)
    except ValueError as problem:
        info = config.action_info
        raise ConfigurationProblem(
            f"The resource {uri!r} of {info.file}:{info.line} {problem}."
        ) from None
    offer(config, "resource", key, resource)


def add_authorization_details_type(
    config: Configurator,
    name: str,
    members: Mapping[str, Any],
    describe: Callable[[Detail], str | Sequence[str]],
    *,
    validate: Callable[[Detail], None] | None = None,
    covers: Callable[[Detail, Detail], bool] | None = None,
) -> None:
    """Offer a type of authorization details (RFC 9396) for ``oauth.authorization_details_types``.

    :param name: the value of ``type``, in the ini and in the member
        ``authorization_details_types`` of a client.
    :param members: the other members and their shapes. A question mark at the end of a name says
        that the member may be missing; an entry with any other member is rejected. A shape is
        ``str`` (of visible characters), ``int``, ``float`` or ``bool``, a list of one shape, a dict
        of members, or a function that takes the value and raises ``ValueError`` with half a
        sentence, which quotes no input, such as ``"is not an IBAN"``.
    :param describe: takes an entry of that shape. It returns a sentence for the consent page that
        says all that the user allows, or several. The page escapes them.
    :param validate: takes an entry of that shape and raises ``ValueError`` in the same way, for
        conditions on several members.
    :param covers: ``covers(granted, asked)`` takes two entries of this type and returns whether the
        second allows no more than the first. Each granted entry covers one entry of a token
        request. By default all members have to be equal, but ``locations``, ``actions``,
        ``datatypes`` and ``privileges`` may have fewer values.
    """
    kind = "authorization details type"
    for function in (describe, *filter(None, (validate, covers))):
        require(config, kind, name, function)
    problem = shape_problem(members)
    if problem is not None:
        info = config.action_info
        raise ConfigurationProblem(
            f"The {kind} {name!r} of {info.file}:{info.line} has a member without a shape: "
            f"{problem}."
        )
    covering = covers or covers_by_default
    offer(config, kind, name, AuthorizationDetailsType(name, members, describe, validate, covering))
