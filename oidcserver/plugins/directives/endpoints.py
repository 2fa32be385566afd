"""Directives for endpoints and the steps of their flows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyramid.response import Response

from oidcserver.interfaces import InsertedStep, Step
from oidcserver.plugins.endpoints import EndpointOffer
from oidcserver.plugins.offering import offer, require
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Configurator, Request


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

    :param name: the name in the ini; the route is ``oidc.{name}_endpoint``.
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

    - ``token``, ``introspection``, ``revocation``, ``device_authorization``:
      :class:`~oidcserver.oauth.requests.OAuthRequest`
    - ``authorization``, its checks ``authorization_request``, those of a device
      ``device_authorization_request``, the user's approval ``device_approval``, and
      ``authorization_response``, the parameters of every response, errors included:
      :class:`~oidcserver.oauth.authorization_request.AuthorizationRequest`. The checks also run
      where a request is pushed, at an endpoint without a transaction and without a user: there
      ``pushed`` is true and ``suspended`` None.
    - ``pushed_authorization_request``:
      :class:`~oidcserver.endpoints.pushed_authorization.PushedRequest`, an ``OAuthRequest``
    - ``backchannel_authentication``:
      :class:`~oidcserver.endpoints.backchannel_authentication.request.BackchannelAuthenticationRequest`
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
