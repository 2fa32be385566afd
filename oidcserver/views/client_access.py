"""Who manages which client: its owner, and the administrators every one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound

from oidcserver.models import Client
from oidcserver.models.user import normalise_username
from oidcserver.settings import text, words
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views.access import signed_in

View = Callable[[Any], Any]


def is_administrator(request: Request) -> bool:
    """Whether the person who is signed in looks after every client."""
    administrators = request.oidc.provider.settings["oidc.administrators"]
    own = request.oidc.login_session.user.username_key
    return own in {normalise_username(name) for name in administrators}


def may_manage_clients(request: Request) -> bool:
    """Whether there is a person, and the pages of clients are for that person."""
    if request.oidc.login_session is None:
        return False
    return request.oidc.provider.settings["oidc.client_pages"] == "anyone" or is_administrator(
        request
    )


def managed(view: View) -> View:
    """Decorate a view for those who may manage clients; others sign in, or get 403."""

    @wraps(view)
    def view_managed(request: Request) -> Any:
        if not request.oidc.may_manage_clients:
            raise HTTPForbidden()
        return view(request)

    return signed_in(view_managed)


def find_client(request: Request, *, to_change: bool = False) -> Client:
    """Return the client of the URL, if it is one's own; every other does not exist.

    :param to_change: let others who change it at the same moment wait.
    :raises HTTPNotFound: for every other.
    """
    client: Client | None = request.oidc.dbsession.get(
        Client, request.matchdict["client_id"], with_for_update=to_change or None
    )
    own = client is not None and client.owner_id == request.oidc.login_session.user_id
    if client is None or not (own or is_administrator(request)):
        raise HTTPNotFound()
    return client


def warn_of_no_administrator(registry: Registry) -> str | None:
    """The pages of clients are for administrators, and there are none."""
    settings = registry.oidc.provider.settings
    if (
        "clients" not in settings["oidc.pages"]
        or settings["oidc.client_pages"] == "anyone"
        or settings["oidc.administrators"]
    ):
        return None
    return (
        "oidc.pages selects clients, but no user may open these pages: oidc.administrators is "
        "empty. It takes user names."
    )


def includeme(config: Configurator) -> None:
    """Add the settings and ``request.oidc.may_manage_clients``."""
    config.add_oauth_setting(
        "oidc.client_pages", text, "administrators",
        "Who may register and manage clients in the browser.",
        allowed=("anyone", "administrators"),
    )  # fmt: skip
    config.add_oauth_setting(
        "oidc.administrators", words, (), "The user names of those who look after every client."
    )
    config.add_oidc_attribute("may_manage_clients", may_manage_clients)
    config.add_oauth_offer("startup warning", "administrators", warn_of_no_administrator)
