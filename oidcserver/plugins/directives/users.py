"""Directives for users: directories, claims, scopes, subjects and the pages that ask."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oidcserver.interfaces import ClaimsSource, Interaction, Scope, UserDirectory
from oidcserver.interfaces.authentication import AuthenticationMethod, FirstFactor
from oidcserver.interfaces.upstream import Upstream
from oidcserver.plugins.offering import offer, require, require_arguments, require_scope_name
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Configurator, Request


def add_user_directory(config: Configurator, name: str, directory: UserDirectory | str) -> None:
    """Offer a directory for ``oidc.user_directory``.

    :param name: the name in the ini.
    :param directory: an object of the shape :class:`oidcserver.interfaces.UserDirectory`, or its
        dotted name.
    """
    directory = config.maybe_dotted(directory)
    require(config, "user directory", name, directory, "authenticate")
    require_arguments(config, "user directory", name, directory, "authenticate", 3)
    for method in ("claims", "find"):
        if hasattr(directory, method):
            require_arguments(config, "user directory", name, directory, method, 2)
    offer(config, "user directory", name, directory)


def add_claims_source(
    config: Configurator,
    name: str,
    read: Callable[[Request, Any, frozenset[str]], Mapping[str, Any]] | str,
    claims: Mapping[str, str],
) -> None:
    """Offer a source for ``oidc.claims_sources``.

    A source adds to what the user directory knows; where two know
    the same claim, the later counts.

    :param name: the name in the ini.
    :param read: ``read(request, user, names)`` returns those of the claims ``names`` that it knows
        about the user (:class:`oidcserver.interfaces.ClaimsSource`), or the dotted name of such a
        function. It is called when an ID token is made or UserInfo answers, and only where one of
        its claims is wanted.
    :param claims: the claims that it can know, each with a sentence for the consent page.
    """
    function: Callable[..., Mapping[str, Any]] = config.maybe_dotted(read)
    require(config, "claims source", name, function)
    offer(config, "claims source", name, ClaimsSource(function, dict(claims)))


def add_scope(
    config: Configurator, name: str, description: str, claims: Sequence[str] = ()
) -> None:
    """Offer a scope.

    :param name: the name in requests, and in ``oauth.scopes`` where that selects scopes.
    :param description: a sentence for the consent page, such as ``See where you work``.
    :param claims: the claims about the user that it returns.
    """
    require_scope_name(config, name)
    offer(config, "scope", name, Scope(name, description, tuple(claims)))


def add_subject_type(config: Configurator, name: str, subject: Callable[..., str]) -> None:
    """Offer a type for ``oidc.subject_types``.

    :param name: the name in the ini and in the member ``subject_type`` of a client.
    :param subject: ``subject(request, client, user)`` returns the ``sub`` of a user for a client:
        up to 255 ASCII characters, always the same for the same two.
    """
    require(config, "subject type", name, subject)
    offer(config, "subject type", name, subject)


def add_interaction(
    config: Configurator,
    name: str,
    needed: Callable[[Any], str | None],
    route_name: str,
    *,
    after: str | Sequence[str] | None = None,
    before: str | Sequence[str] | None = None,
) -> None:
    """Add a reason to ask the user something before an authorization request is answered.

    :param name: the name by which others come ``after`` or ``before`` it. The built-in ones are
        ``login``, ``subject`` and ``consent``, in this order.
    :param needed: takes the :class:`oidcserver.oauth.authorization_request.AuthorizationRequest`
        and returns None, or the error that ``prompt=none`` gets, such as ``interaction_required``
        (OpenID Connect Core section 3.1.2.6).
    :param route_name: the route of the page that asks. It gets ``client_id`` and ``request_uri`` in
        its query, and sends the user back with them to the authorization endpoint.
    :param after: names of interactions that it follows; by default, the last so far.
    :param before: names of interactions that it precedes.
    """
    require(config, "interaction", name, needed)
    interaction = Interaction(name, needed, route_name)
    offer(config, "interaction", name, (interaction, after, before))


def add_first_factor(config: Configurator, name: str, method: FirstFactor | str) -> None:
    """Offer a way to begin a sign-in for ``oidc.first_factors``.

    :param name: the name in the ini.
    :param method: an object of the shape
        :class:`oidcserver.interfaces.authentication.FirstFactor`, or its dotted name.
    """
    method = config.maybe_dotted(method)
    require(config, "first factor", name, method, "register")
    require_arguments(config, "first factor", name, method, "register", 1)
    offer(config, "first factor", name, method)


def add_authentication_method(
    config: Configurator, name: str, method: AuthenticationMethod | str
) -> None:
    """Offer a second factor for ``oidc.second_factors``.

    :param name: the name in the ini.
    :param method: an object of the shape
        :class:`oidcserver.interfaces.authentication.AuthenticationMethod`, or its dotted name.
    """
    method = config.maybe_dotted(method)
    require(config, "authentication method", name, method, "register", "enrolled")
    require_arguments(config, "authentication method", name, method, "enrolled", 2)
    offer(config, "authentication method", name, method)


def add_upstream(
    config: Configurator, name: str, *, issuer: str, client_id: str, label: str, **options: Any
) -> None:
    """Offer another OpenID Provider for ``oidc.upstreams``, at which users sign in.

    The ini may declare one itself: ``oidc.upstream.NAME.issuer`` and so on.

    :param name: the name in the ini: lower-case letters, digits, ``-`` and ``_``. It is part of the
        redirect URI ``/login/upstream/NAME/callback`` and must not change.
    :param issuer: its issuer identifier. Of a provider with many tenants, ``{tenantid}`` stands for
        the tenant.
    :param client_id: the identifier that we have there.
    :param label: its name on the button.
    :param options: further fields of :class:`oidcserver.interfaces.upstream.Upstream`, such as
        ``client_secret``, ``claims``, ``linking`` and ``allow_registration``; the settings of the
        same names explain them.
    """
    try:
        upstream = Upstream(name, issuer, client_id, label, **options)
    except TypeError as problem:
        info = config.action_info
        raise ConfigurationProblem(
            f"The upstream {name!r} of {info.file}:{info.line} cannot be made: {problem}."
        ) from None
    offer(config, "upstream", name, upstream)


def add_acr_value(config: Configurator, name: str, route_name: str) -> None:
    """Offer an authentication context class for ``oidc.acr_values``.

    :param name: the value of ``acr`` and in the ini.
    :param route_name: the page where a user who is signed in reaches it. The page gets
        ``client_id`` and ``request_uri`` in its query and sends the user back with them to the
        authorization endpoint, after ``request.oidc.sign_in(user, acr=name, amr=...,
        step_up_of=session)`` with the session that it raises, or after
        :func:`oidcserver.oidc.acr.decline_acr`. From a page where a user decides on a
        request of another device it gets the path of that page as ``next`` instead, and sends the
        user back there in either case.
    """
    offer(config, "acr value", name, route_name)
