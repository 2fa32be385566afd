"""The directives with which built-in modules and plugins make offers.

Each call makes an introspectable and an entry of the catalog; the ini file selects offers. If two
plugins make an offer of the same kind and name, the start stops and names both places. An offer of
the application itself, beside ``config.include``, replaces that of a plugin.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyramid.response import Response

from oidcserver.interfaces import (
    ClaimsSource,
    ClientAuthenticationMethod,
    GrantOffer,
    InsertedStep,
    Interaction,
    Profile,
    Scope,
    Step,
    UserDirectory,
)
from oidcserver.plugins.endpoints import EndpointOffer
from oidcserver.plugins.offering import offer, require, require_arguments, require_scope_name
from oidcserver.plugins.pages import add_oidc_route, add_oidc_view
from oidcserver.settings import ConfigurationProblem, Converter, Setting
from oidcserver.types import Configurator, Provider, Registry, Request


def add_oauth_setting(
    config: Configurator,
    name: str,
    convert: Converter,
    default: Any,
    why: str,
    *,
    secret: bool = False,
    allowed: Sequence[str] = (),
) -> None:
    """Declare a key of the ini: its converter, its default and its reason.

    Views and grants read the value as ``request.oidc.provider.settings[name]``.

    :param name: the key, such as ``vouchers.lifetime``. Keys of plugins begin with a prefix of
        their own; ``oauth.``, ``oidc.`` and ``oidcserver.`` belong to this package.
    :param convert: takes the text and returns the value, or raises ``ValueError`` with half a
        sentence about the expected text. :mod:`oidcserver.settings` has the common ones. The
        first sentence of its docstring describes the type in the documentation.
    :param default: the value, already converted, where the ini has no such key.
    :param why: one or two sentences for ``oidcserver explain`` and for the documentation.
    :param secret: whether ``explain`` and error messages hide its value. They always do if
        ``convert`` is :func:`oidcserver.settings.reference`, or if the name ends in password,
        passphrase, secret, credential, private_key or api_key.
    :param allowed: the words that the value, a text or a tuple of texts, may consist of. Any other
        stops the start.
    """
    offer(config, "setting", name, Setting(name, convert, default, why, secret, tuple(allowed)))


def add_oauth_profile(
    config: Configurator,
    name: str,
    defaults: Mapping[str, Any],
    rules: Sequence[Callable[[Registry], str | None]] = (),
) -> None:
    """Offer a profile for ``oauth.profile``: defaults, and rules that the settings must satisfy.

    :param name: the name in the ini.
    :param defaults: converted values by the name of the setting. The ini may still change each.
    :param rules: each is called with the registry, after selection, and returns None or a sentence
        that stops the start.
    """
    offer(config, "profile", name, Profile(defaults, tuple(rules)))


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


def add_oauth_endpoint(
    config: Configurator,
    name: str,
    pattern: str,
    view: Callable[[Request], Any] | str,
    *,
    methods: Sequence[str] = ("POST",),
    cors: bool = False,
    multipart: bool = False,
    well_known: bool = False,
    transaction: bool = True,
    metadata_field: str | None = "",
    metadata: Mapping[str, Any] | None = None,
    **view_options: Any,
) -> None:
    """Offer an endpoint for ``oauth.endpoints``.

    :param name: the name in the ini; the route is ``{name}_endpoint``.
    :param pattern: the route pattern, below the include's route prefix.
    :param view: takes Pyramid's request and returns a response, or its dotted name.
    :param methods: the HTTP methods that it answers; every other gets 405 with Allow.
    :param cors: whether scripts of other origins use it: preflight requests are answered, and its
        errors can be read. The view decides which of them may read its other responses.
    :param multipart: whether it accepts multipart/form-data of text parts; others answer 415.
    :param well_known: whether it is also at the root of the host, with the path of the issuer after
        the pattern (RFC 8414 section 3.1).
    :param transaction: whether ``pyramid_tm`` manages its requests, where the application is the
        provider alone. Otherwise what ``request.oidc.database`` does is a transaction by itself.
    :param metadata_field: the discovery member that holds its URL; by default
        ``{name}_endpoint``; None for none.
    :param metadata: further discovery members that exist with it: values, or callables that
        take the provider.
    :param view_options: further arguments of ``config.add_view``, such as ``renderer``.
    """
    require(config, "endpoint", name, config.maybe_dotted(view))
    field = f"{name}_endpoint" if metadata_field == "" else metadata_field
    endpoint = EndpointOffer(
        name, pattern, config.maybe_dotted(view), tuple(methods), cors, multipart, well_known,
        transaction, field, dict(metadata or {}), view_options, config,
    )  # fmt: skip
    offer(config, "endpoint", name, endpoint)


def add_oauth_page(
    config: Configurator, name: str, register: Callable[[Configurator], None]
) -> None:
    """Offer pages for ``oidc.pages``.

    :param name: the name in the ini.
    :param register: is called with the configurator if the ini selects the pages, and adds their
        routes and views by ``config.add_oidc_route`` and ``config.add_oidc_view``. POST requests to
        them need a CSRF token: a form has it as ``csrf_token``, with the value
        ``request.oidc.csrf_token``.
    """
    require(config, "page", name, register)
    offer(config, "page", name, (config, register))


def add_server_metadata(config: Configurator, field: str, value: Any) -> None:
    """Add a member to both discovery documents.

    :param field: the name of the member (RFC 8414 section 2).
    :param value: a value for JSON, or a callable that takes the provider and returns one. The
        member is left out where the value is None or an empty list.
    """
    offer(config, "metadata", field, value if callable(value) else lambda provider: value)


def add_oauth_flow(config: Configurator, name: str, steps: Sequence[Step[Any]]) -> None:
    """Declare the flow of an endpoint, which :func:`oidcserver.oauth.flow.run` runs.

    :param name: the name of the flow, which other steps are inserted into.
    :param steps: its steps (:class:`oidcserver.interfaces.Step`), in order. The last of them
        returns the response.
    """
    steps = tuple(steps)
    usable = bool(steps) and all(isinstance(step, Step) for step in steps)
    if not usable or len({step.name for step in steps}) < len(steps):
        info = config.action_info
        raise ConfigurationProblem(
            f"The flow {name!r} of {info.file}:{info.line} has to consist of steps "
            "(oidcserver.interfaces.Step) with different names."
        )
    offer(config, "flow", name, steps)


def add_oauth_step(
    config: Configurator,
    flow: str,
    name: str,
    run: Callable[[Any], Response | None],
    *,
    after: str | None = None,
    before: str | None = None,
) -> None:
    """Insert a step into a flow, after or before one of its steps.

    ``oidcserver explain`` prints the flows and their steps. A step is called with one object, which
    has Pyramid's ``request`` and the findings of the steps before. It is of this class:

    - ``token``, ``introspection``, ``revocation``:
      :class:`~oidcserver.oauth.requests.OAuthRequest`
    - ``authorization``, its checks ``authorization_request``, and ``authorization_response``, the
      parameters of every response, errors included:
      :class:`~oidcserver.oauth.authorization_request.AuthorizationRequest`
    - ``userinfo``: :class:`~oidcserver.endpoints.userinfo.UserInfoRequest`
    - ``registration``: :class:`~oidcserver.clients.dynamic.RegistrationRequest`
    - ``client_configuration``:
      :class:`~oidcserver.endpoints.client_configuration.ConfigurationRequest`, which is a
      ``RegistrationRequest`` too
    - ``end_session``: :class:`~oidcserver.endpoints.end_session.EndSessionRequest`

    :param flow: the name of the flow.
    :param name: the name of the step, which no other step of the flow has.
    :param run: returns None to go on, or a response that ends the flow, and raises
        :class:`~oidcserver.oauth.errors.Rejection` to reject. A step before ``commit`` writes
        nothing: it hands writes to ``outcome`` (:class:`~oidcserver.oauth.outcome.Outcome`) of its
        object. ``introspection`` and ``userinfo`` write nothing and have no ``commit``.
    :param after: the name of the step that it follows.
    :param before: the name of the step that it precedes.
    """
    require(config, "step", name, run)
    if (after is None) is (before is None):
        info = config.action_info
        raise ConfigurationProblem(
            f"The step {name!r} of {info.file}:{info.line} has to name one step, which it comes "
            "after or before."
        )
    offer(config, f"{flow} step", name, InsertedStep(flow, Step(run, name=name), after, before))


def add_response_mode(
    config: Configurator,
    name: str,
    encode: Callable[[Request, str, dict[str, str]], Response],
) -> None:
    """Offer a response mode for ``oauth.response_modes``.

    :param name: the name in the ini and in the parameter ``response_mode``.
    :param encode: takes Pyramid's request, the redirect URI and the parameters (a dict of texts);
        it returns the response that sends them there.
    """
    require(config, "response mode", name, encode)
    offer(config, "response mode", name, encode)


def add_access_token_format(config: Configurator, name: str, token_format: Any) -> None:
    """Offer a format for ``oauth.access_token_format``.

    :param name: the name in the ini and in the member ``access_token_format`` of a client.
    :param token_format: an object with two methods. ``encode(provider, token)`` returns the text of
        an :class:`oidcserver.oauth.tokens.AccessToken`. ``decode(provider, text)`` returns the
        AccessToken, or None for every text that this format did not write; it raises nothing.
    """
    require(config, "access token format", name, token_format, "encode", "decode")
    offer(config, "access token format", name, token_format)


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


def add_user_directory(config: Configurator, name: str, directory: UserDirectory | str) -> None:
    """Offer a directory for ``oidc.user_directory``.

    :param name: the name in the ini.
    :param directory: an object of the shape :class:`oidcserver.interfaces.UserDirectory`, or its
        dotted name.
    """
    directory = config.maybe_dotted(directory)
    require(config, "user directory", name, directory, "authenticate")
    require_arguments(config, "user directory", name, directory, "authenticate", 3)
    if hasattr(directory, "claims"):
        require_arguments(config, "user directory", name, directory, "claims", 2)
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


def add_acr_value(config: Configurator, name: str, route_name: str) -> None:
    """Offer an authentication context class for ``oidc.acr_values``.

    :param name: the value of ``acr`` and in the ini.
    :param route_name: the page where a user who is signed in reaches it. The page gets
        ``client_id`` and ``request_uri`` in its query and sends the user back with them to the
        authorization endpoint, after ``request.oidc.sign_in(user, acr=name, amr=...)``, or after
        :func:`oidcserver.oidc.acr.decline_acr`.
    """
    offer(config, "acr value", name, route_name)


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


def add_subject_type(config: Configurator, name: str, subject: Callable[..., str]) -> None:
    """Offer a type for ``oidc.subject_types``.

    :param name: the name in the ini and in the member ``subject_type`` of a client.
    :param subject: ``subject(request, client, user)`` returns the ``sub`` of a user for a client:
        up to 255 ASCII characters, always the same for the same two.
    """
    require(config, "subject type", name, subject)
    offer(config, "subject type", name, subject)


def add_startup_check(
    config: Configurator, name: str, check: Callable[[Registry], str | None]
) -> None:
    """Add a check of the whole configuration.

    :param name: a name for the check, in a plugin with the plugin's own name in front.
    :param check: is called with the registry, after selection, and returns None or a sentence that
        stops the start. The sentences of all checks are shown together.
    """
    require(config, "startup check", name, check)
    offer(config, "startup check", name, check)


DIRECTIVES: tuple[Callable[..., None], ...] = (
    add_oauth_setting,
    add_oauth_profile,
    add_oauth_grant,
    add_client_authentication_method,
    add_oauth_endpoint,
    add_oauth_page,
    add_oidc_route,
    add_oidc_view,
    add_server_metadata,
    add_oauth_flow,
    add_oauth_step,
    add_response_mode,
    add_access_token_format,
    add_interaction,
    add_scope,
    add_user_directory,
    add_claims_source,
    add_acr_value,
    add_subject_type,
    add_client_metadata_member,
    add_startup_check,
)
