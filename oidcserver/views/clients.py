"""The pages of clients: list, create, edit, new secret, delete."""

from typing import Any
from urllib.parse import quote

from pyramid.response import Response
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from oidcserver.clients.columns import set_columns
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import (
    register_client,
    rotate_client_secret,
)
from oidcserver.credentials import digest
from oidcserver.models import Client, User
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import own_session
from oidcserver.views.client_access import find_client, is_administrator, managed
from oidcserver.views.client_change import change_client
from oidcserver.views.client_form import new_ticket, new_values, read_ticket, typed_values
from oidcserver.views.client_members import read_members, shown_fields, shown_values
from oidcserver.views.client_pages import announce_change, client_form, client_secret
from oidcserver.views.client_preview import duration
from oidcserver.views.pages import render
from oidcserver.views.recent_login import recently_signed_in

PAGE_SIZE = 100
STALE = _("This form is too old, or was opened by another user. Please submit it again.")


@managed
def list_clients(request: Request) -> Response:
    """List the user's clients, the newest first; administrators see all clients and owners.

    Clients that publish their metadata are not registered here, and nobody can change them.
    """
    page = _page_number(request)
    shows_all = is_administrator(request)
    statement = (
        select(Client, User.username)
        .outerjoin(User, User.id == Client.owner_id)
        .where(Client.document_expires_at.is_(None))
        .order_by(Client.client_id_issued_at.desc(), Client.client_id)
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    if not shows_all:
        statement = statement.where(Client.owner_id == own_session(request).user_id)
    rows = request.oidc.dbsession.execute(statement).all()
    values = {
        "rows": rows[:PAGE_SIZE],
        "owners": shows_all,
        "newer": page - 1,
        "older": page + 1 if len(rows) > PAGE_SIZE else 0,
    }
    return render(request, "clients", values)


@managed
def show_new(request: Request) -> Response:
    """Show an empty form. Its ticket lets the user create one client."""
    values = new_values(request.oidc.provider, shown_fields(request))
    return client_form(request, values, new_ticket(request))


@managed
def create(request: Request) -> Response:
    """Register a client and show its secret once; a reload leads to the client's page."""
    ticket = request.POST.get("ticket", "")
    client_id = read_ticket(request, ticket)
    fields = shown_fields(request)
    if client_id is None:
        stale = InvalidClientMetadata("", STALE)
        return client_form(
            request, typed_values(request, fields), new_ticket(request), problem=stale
        )
    try:
        metadata, columns = read_members(request, fields, {})
        with request.oidc.dbsession.begin_nested():
            client, secret = register_client(
                request.oidc.provider,
                request.oidc.dbsession,
                metadata,
                owner_id=own_session(request).user_id,
                client_id=client_id,
            )
            set_columns(client, columns)
    except InvalidClientMetadata as problem:
        return client_form(request, typed_values(request, fields), ticket, problem=problem)
    except IntegrityError:  # the ticket was used: a reload, or a double click
        return see_other(
            request.oidc.url("oidc.client", client_id=client_id, _query={"again": "1"})
        )
    announce_change(request, "client_created", client)
    return client_secret(request, client, secret, created=True)


@managed
def show(request: Request) -> Response:
    """Show a client: its form, a preview of its tokens, and further actions."""
    client = find_client(request)
    return client_form(request, shown_values(request, client), "", client=client)


@managed
def edit(request: Request) -> Response:
    """Store the form of a client; members that the form does not show do not change."""
    client = find_client(request)
    fields = shown_fields(request)
    try:
        metadata, columns = read_members(request, fields, client.client_metadata)
        # Read the client again and lock it: a fetch from another host ended the transaction.
        client = find_client(request, to_change=True)
        with request.oidc.dbsession.begin_nested():
            secret = change_client(request, client, {**client.client_metadata, **metadata})
            set_columns(client, columns)
    except InvalidClientMetadata as problem:
        return client_form(
            request, typed_values(request, fields), "", client=client, problem=problem
        )
    announce_change(request, "client_changed", client)
    if secret is not None:
        return client_secret(request, client, secret)
    return see_other(
        request.oidc.url("oidc.client", client_id=client.client_id, _query={"saved": "1"})
    )


@managed
@recently_signed_in
def ask_secret(request: Request) -> Response:
    """Ask before a client's secret is replaced."""
    client = find_client(request)
    if client.secret_digest is None:
        return see_other(request.oidc.url("oidc.client", client_id=client.client_id))
    overlap = duration(request.oidc.provider.settings["oauth.client_secret_overlap"])
    values = {"client": client, "version": secret_version(client), "overlap": overlap}
    return render(request, "client_secret", values)


@managed
@recently_signed_in
def new_secret(request: Request) -> Response:
    """Give a client a new secret and show it once; a reload does not make another."""
    client = find_client(request, to_change=True)
    if client.secret_digest is None or request.POST.get("version") != secret_version(client):
        return see_other(request.oidc.url("oidc.client", client_id=client.client_id))
    secret = rotate_client_secret(request.oidc.provider, request.oidc.dbsession, client)
    announce_change(request, "client_secret_rotated", client)
    return client_secret(request, client, secret)


@managed
@recently_signed_in
def ask_delete(request: Request) -> Response:
    """Ask before a client is deleted."""
    return render(request, "client_delete", {"client": find_client(request)})


@managed
@recently_signed_in
def delete(request: Request) -> Response:
    """Delete a client, with its authorizations, tokens and consents."""
    client = find_client(request, to_change=True)
    announce_change(request, "client_deleted", client)
    request.oidc.dbsession.delete(client)
    return see_other(request.oidc.url("oidc.clients"))


def secret_version(client: Client) -> str:
    """Return a text that changes with a client's secret and does not reveal it."""
    return digest(client.secret_digest or "")[:16]


def _page_number(request: Request) -> int:
    page = request.GET.get("page", "")
    return int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 else 1


def quote_client_id(
    request: Request, elements: tuple[str, ...], values: dict[str, Any]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Quote a client_id that is a URL for the path of a page, where a slash ends a segment."""
    if "client_id" in values:
        values = {**values, "client_id": quote(values["client_id"], safe="@+:")}
    return elements, values


def includeme(config: Configurator) -> None:
    """Offer the pages."""
    config.include("oidcserver.views.client_access")

    def register(config: Configurator) -> None:
        for name, pattern, shown, sent in (
            ("oidc.clients", "/clients", list_clients, None),
            ("oidc.create_client", "/create_client", show_new, create),
            ("oidc.client", "/clients/{client_id}", show, edit),
            ("oidc.client_secret", "/clients/{client_id}/secret", ask_secret, new_secret),
            ("oidc.client_delete", "/clients/{client_id}/delete", ask_delete, delete),
        ):
            config.add_oidc_route(name, pattern, pregenerator=quote_client_id)
            config.add_oidc_view(shown, route_name=name, request_method="GET")
            if sent is not None:
                config.add_oidc_view(sent, route_name=name, request_method="POST")

    config.add_oauth_page("clients", register)
