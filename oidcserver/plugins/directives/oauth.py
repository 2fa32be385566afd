"""Directives for grants, client authentication, responses and access tokens."""

from collections.abc import Callable, Sequence
from typing import Any

from pyramid.response import Response

from oidcserver.interfaces import (
    AssertionPermission,
    ClientAuthenticationMethod,
    ExchangePermission,
    GrantOffer,
    ResponseMode,
)
from oidcserver.plugins.offering import offer, require, require_endpoint
from oidcserver.types import Configurator, Provider


def add_oauth_grant(
    config: Configurator,
    name: str,
    factory: Callable[..., Any] | str,
    *,
    grant_type: str | None = None,
    response_types: Sequence[str] = (),
    extensions: Sequence[Callable[[Any], None]] = (),
) -> None:
    """Offer a grant for ``oauth.grants``.

    :param name: the name in the ini.
    :param factory: an Authlib grant class (``BaseGrant`` with ``TokenEndpointMixin`` or
        ``AuthorizationEndpointMixin``) or its dotted name.
    :param grant_type: the ``grant_type`` that it answers at the token endpoint, in full; by default
        the class's own ``GRANT_TYPE``.
    :param response_types: the response types that it answers at the authorization endpoint.
    :param extensions: Authlib's extensions of a grant, each called with the grant in each request.
    """
    grant: Callable[..., Any] = config.maybe_dotted(factory)
    grant_type = grant_type or getattr(grant, "GRANT_TYPE", None)
    types = tuple(" ".join(sorted(response_type.split())) for response_type in response_types)
    require_endpoint(config, name, grant, grant_type, types)
    offer(config, "grant", name, GrantOffer(grant, grant_type, types, tuple(extensions)))


def add_client_authentication_method(
    config: Configurator, name: str, method: ClientAuthenticationMethod | str
) -> None:
    """Offer a method for ``oauth.token_endpoint_auth_methods``.

    :param name: the name in the ini and in the metadata of clients and of the server.
    :param method: an object with ``presented`` and ``authenticate``
        (:class:`oidcserver.interfaces.ClientAuthenticationMethod`) or its dotted name. Where it has
        ``algorithms``, discovery names those of them that
        ``oauth.token_endpoint_auth_signing_algs`` selects.
    """
    method = config.maybe_dotted(method)
    require(config, "client authentication method", name, method, "presented", "authenticate")
    offer(config, "client authentication method", name, method)


def add_token_exchange_policy(
    config: Configurator,
    name: str,
    policy: Callable[[Any, str], ExchangePermission | AssertionPermission | None] | str,
) -> None:
    """Offer a policy for ``oauth.token_exchange_policy``.

    :param name: the name in the ini.
    :param policy: takes the request (:class:`oidcserver.oauth.requests.OAuthRequest`), whose
        ``client`` is authenticated, and one audience or resource. It returns what the client may do
        (:class:`oidcserver.interfaces.ExchangePermission`). Where the audience is the issuer of
        another authorization server, it returns an
        :class:`oidcserver.interfaces.AssertionPermission`: then the client gets an ID-JAG. With
        None the client gets nothing for the audience. Or the dotted name of such a function.
    """
    policy = config.maybe_dotted(policy)
    require(config, "token exchange policy", name, policy)
    offer(config, "token exchange policy", name, policy)


def add_client_metadata_member(
    config: Configurator, name: str, rule: Callable[[Any, Provider], Any]
) -> None:
    """Let clients register a further member (RFC 7591 section 2).

    Dynamic registration, the commands and the pages of clients accept it;
    ``client.member(name)`` reads it.

    :param name: the name of the member.
    :param rule: takes the value and the provider, and returns the value to store; it raises
        ``ValueError`` with half a sentence about the mistake, which quotes no input.
    """
    require(config, "client metadata member", name, rule)
    offer(config, "client metadata member", name, rule)


def add_response_mode(
    config: Configurator,
    name: str,
    encode: Callable[[Any, str, dict[str, str]], Response],
    *,
    problem: Callable[[Any], str | None] | None = None,
    protect: Callable[[Any], dict[str, str]] | None = None,
    posts: bool = False,
) -> None:
    """Offer a response mode for ``oauth.response_modes``.

    Its functions take an
    :class:`~oidcserver.oauth.authorization_request.AuthorizationRequest`, whose ``request`` is
    Pyramid's. They are called for errors too, and before anything is written.

    :param name: the name in the ini and in the parameter ``response_mode``.
    :param encode: takes the authorization request, the redirect URI and the parameters (a dict of
        texts); it returns the response that sends them there.
    :param problem: takes the authorization request; it returns the reason why the mode cannot carry
        the response, as a sentence for the client, or None. A query, for example, carries no tokens
        (``issues_tokens``).
    :param protect: takes the authorization request; it returns the parameters to send instead of
        its ``parameters``, and raises :class:`~oidcserver.oauth.errors.Rejection` if that is not
        possible. A client that requests such a mode gets no error in another one.
    :param posts: whether the response is a page that posts the parameters. Such a mode needs a
        redirect URI of http or https.
    """
    for function in (encode, *(each for each in (problem, protect) if each is not None)):
        require(config, "response mode", name, function)
    offer(config, "response mode", name, ResponseMode(encode, problem, protect, posts))


def add_access_token_format(config: Configurator, name: str, token_format: Any) -> None:
    """Offer a format for ``oauth.access_token_format``.

    :param name: the name in the ini and in the member ``access_token_format`` of a client.
    :param token_format: an object with two methods. ``encode(provider, token)`` returns the text of
        an :class:`oidcserver.oauth.tokens.AccessToken`. ``decode(provider, text)`` returns the
        AccessToken, or None for every text that this format did not write; it raises nothing.
    """
    require(config, "access token format", name, token_format, "encode", "decode")
    offer(config, "access token format", name, token_format)
