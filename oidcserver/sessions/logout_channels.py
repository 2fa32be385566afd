"""The channels by which applications are notified that a user signed out.

A channel is an offer of the kind ``logout channel``, a :class:`LogoutChannel`, which
``oidc.logout_channels`` selects. If none is selected, the applications that take part in a login
session are not recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass

from oidcserver.clients.values import Rule, boolean
from oidcserver.models import AuthorizationRecord
from oidcserver.models.login_session_client import join_login_session
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.plugins.selection import SELECT
from oidcserver.settings import words
from oidcserver.types import Configurator, Provider, Request

SETTING = "oidc.logout_channels"
KIND = "logout channel"


@dataclass(frozen=True, slots=True)
class LogoutChannel:
    """One way to notify an application of a sign-out.

    A client registers for the channel with the metadata member ``uri_member``, whose values
    ``uri_rule`` checks. ``register`` is called if the channel is selected.
    """

    uri_member: str
    uri_rule: Rule
    register: Callable[[], None]


def offer_logout_channel(config: Configurator, name: str, channel: LogoutChannel) -> None:
    """Offer a channel. If it is selected, the metadata names it and clients can register for it."""

    def is_selected(provider: Provider) -> bool | None:
        return name in provider.settings[SETTING] or None

    def where_selected(rule: Rule) -> Rule:
        # Otherwise the member is left out like an unknown one (RFC 7591 section 2).
        return lambda value, provider: rule(value, provider) if is_selected(provider) else ""

    config.add_oauth_offer(KIND, name, channel)
    # Each channel identifies the session by ``sid``, as the client's ID tokens do.
    for field in (f"{name}_logout_supported", f"{name}_logout_session_supported"):
        config.add_server_metadata(field, is_selected)
    config.add_client_metadata_member(channel.uri_member, where_selected(channel.uri_rule))
    config.add_client_metadata_member(f"{name}_logout_session_required", where_selected(boolean))


def take_part(authorization_request: AuthorizationRequest) -> None:
    """Record with the commit that a client takes part in the login session.

    Only clients that registered for a logout channel are recorded.
    """
    authorization, client = authorization_request.authorization, authorization_request.client
    assert authorization is not None
    assert client is not None
    channels = authorization_request.request.registry.oidc.logout_channels.values()
    if "openid" in authorization.scope.split() and any(
        client.member(channel.uri_member) for channel in channels
    ):
        authorization_request.outcome.first(_join, authorization_request.request, authorization)


def _join(request: Request, authorization: AuthorizationRecord) -> None:
    """Record that the client takes part.

    :raises Rejection: ``login_required`` if the user has just signed out.
    """
    session_id = authorization.session_id
    assert session_id is not None
    joined = join_login_session(
        request.oidc.dbsession, session_id, authorization.client_id, authorization.subject
    )
    if not joined:
        raise Rejection(
            "login_required",
            "The End-User has just signed out.",
            rule="OpenID Connect Core section 3.1.2.6",
        )


def includeme(config: Configurator) -> None:
    """Add the setting and the selection."""
    config.add_oauth_setting(
        SETTING, words, (), "How applications are told that a user signed out; empty: not at all."
    )

    def select() -> None:
        provider = config.registry.oidc.provider
        chosen = provider.catalog.select(KIND, provider.settings[SETTING], SETTING)
        config.registry.oidc.logout_channels = chosen
        for channel in chosen.values():
            channel.register()

    config.action(("oauth", KIND), select, order=SELECT)
