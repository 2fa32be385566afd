"""Access to clients: owners manage their own clients, administrators manage all."""

from functools import wraps
from urllib.parse import unquote

from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
from pyramid.response import Response

from oidcserver.models import Client
from oidcserver.models.user import normalise_username
from oidcserver.settings import text, words
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views.access import View, own_session, signed_in


def is_administrator(request: Request) -> bool:
    """Whether the signed-in user manages every client."""
    administrators = request.oidc.provider.settings["oidc.administrators"]
    own = normalise_username(own_session(request).user.username)
    return own in {normalise_username(name) for name in administrators}


def may_manage_clients(request: Request) -> bool:
    """Whether a user is signed in who may open the pages of clients."""
    if request.oidc.login_session is None:
        return False
    return request.oidc.provider.settings["oidc.client_pages"] == "anyone" or is_administrator(
        request
    )


def managed(view: View) -> View:
    """Decorate a view that manages clients: other users get 403, and visitors sign in."""

    @wraps(view)
    def view_managed(request: Request) -> Response:
        if not request.oidc.may_manage_clients:
            raise HTTPForbidden()
        return view(request)

    return signed_in(view_managed)


def find_client(request: Request, *, to_change: bool = False) -> Client:
    """Return the client that the URL names, if the user owns it or is an administrator.

    :param to_change: lock the row, so that other requests that change it wait.
    :raises HTTPNotFound: for every other client, whether it exists or not.
    """
    client_id = unquote(request.matchdict["client_id"])
    if not (client_id.isascii() and client_id.isprintable()):
        raise HTTPNotFound()  # no identifier; drivers raise on NUL and the like
    client: Client | None = request.oidc.dbsession.get(
        Client,
        client_id,
        with_for_update=to_change or None,
        populate_existing=to_change,  # other requests may have changed it since it was read
    )
    own = client is not None and client.owner_id == own_session(request).user_id
    if client is None or not (own or is_administrator(request)):
        raise HTTPNotFound()
    return client


def warn_of_no_administrator(registry: Registry) -> str | None:
    """Warn if the pages of clients are for administrators and no administrator is configured."""
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
        "The users who may register and manage clients in the browser.",
        allowed=("anyone", "administrators"),
    )  # fmt: skip
    config.add_oauth_setting(
        "oidc.administrators", words, (), "The user names of those who manage every client."
    )
    config.add_oidc_attribute("may_manage_clients", may_manage_clients)
    config.add_oauth_offer("startup warning", "administrators", warn_of_no_administrator)
