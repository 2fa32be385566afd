"""The pages of clients: list, create, edit, new secret, delete."""

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from oidcserver.credentials import digest
from oidcserver.models import Client, User
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.registration import (
    InvalidClientMetadata,
    register_client,
    rotate_client_secret,
    update_client,
)
from oidcserver.oauth.responses import see_other
from oidcserver.settings import choice, words
from oidcserver.views.client_access import find_client, is_administrator, managed
from oidcserver.views.client_examples import examples
from oidcserver.views.client_form import (
    MORE,
    hidden_members,
    new_ticket,
    new_values,
    options,
    read_form,
    read_ticket,
    stored_values,
    typed_values,
)
from oidcserver.views.client_preview import duration, preview
from oidcserver.views.recent_login import recently_signed_in

TEMPLATES = "oidcserver:templates/"
PAGE_SIZE = 100
STALE = "This form was open for too long, or is not yours: please send it again."


@managed
def list_clients(request: Any) -> Response:
    """List one's own clients, the newest first; an administrator sees all, and whose they are."""
    page = _page_number(request)
    everybodys = is_administrator(request)
    statement = (
        select(Client, User.username)
        .outerjoin(User, User.id == Client.owner_id)
        .order_by(Client.client_id_issued_at.desc(), Client.client_id)
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    if not everybodys:
        statement = statement.where(Client.owner_id == request.login_session.user_id)
    rows = request.dbsession.execute(statement).all()
    values = {
        "rows": rows[:PAGE_SIZE],
        "owners": everybodys,
        "newer": page - 1,
        "older": page + 1 if len(rows) > PAGE_SIZE else 0,
    }
    return _render(request, "clients", values)


@managed
def show_new(request: Any) -> Response:
    """Show an empty form. Its ticket names the client that it will make, once."""
    return _form(request, new_values(request.provider), new_ticket(request))


@managed
def create(request: Any) -> Response:
    """Register a client and show its secret, this once; a reload leads to the client's page."""
    ticket = request.POST.get("ticket", "")
    client_id = read_ticket(request, ticket)
    if client_id is None:
        return _form(request, typed_values(request), new_ticket(request), error=("", STALE))
    try:
        with request.dbsession.begin_nested():
            client, secret = register_client(
                request.provider,
                request.dbsession,
                read_form(request),
                owner_id=request.login_session.user_id,
                client_id=client_id,
            )
    except InvalidClientMetadata as problem:
        error = (problem.field, problem.description)
        return _form(request, typed_values(request), ticket, error=error)
    except IntegrityError:  # the ticket was used: a reload, or a double click
        return see_other(request.provider_url("client", client_id=client_id, _query={"again": "1"}))
    _notify(request, "client_created", client)
    return _show_secret(request, client, secret, created=True)


@managed
def show(request: Any) -> Response:
    """Show a client's form, what it gets, and what else can be done to it."""
    client = find_client(request)
    return _form(request, stored_values(client.client_metadata), "", client=client)


@managed
def edit(request: Any) -> Response:
    """Store a client's form; members that the form does not show stay as they are."""
    client = find_client(request, to_change=True)
    try:
        metadata = {**hidden_members(client.client_metadata), **read_form(request)}
        secret = update_client(request.provider, request.dbsession, client, metadata)
    except InvalidClientMetadata as problem:
        error = (problem.field, problem.description)
        return _form(request, typed_values(request), "", client=client, error=error)
    _notify(request, "client_changed", client)
    if secret is not None:
        return _show_secret(request, client, secret)
    return see_other(
        request.provider_url("client", client_id=client.client_id, _query={"saved": "1"})
    )


@managed
@recently_signed_in
def ask_secret(request: Any) -> Response:
    """Ask before a client's secret is replaced."""
    client = find_client(request)
    if client.secret_digest is None:
        return see_other(request.provider_url("client", client_id=client.client_id))
    overlap = duration(request.provider.settings["oauth.client_secret_overlap"])
    values = {"client": client, "version": secret_version(client), "overlap": overlap}
    return _render(request, "client_secret", values)


@managed
@recently_signed_in
def new_secret(request: Any) -> Response:
    """Give a client a new secret and show it, this once; a reload does not make another."""
    client = find_client(request, to_change=True)
    if client.secret_digest is None or request.POST.get("version") != secret_version(client):
        return see_other(request.provider_url("client", client_id=client.client_id))
    secret = rotate_client_secret(request.provider, request.dbsession, client)
    _notify(request, "client_secret_rotated", client)
    return _show_secret(request, client, secret)


@managed
@recently_signed_in
def ask_delete(request: Any) -> Response:
    """Ask before a client goes."""
    return _render(request, "client_delete", {"client": find_client(request)})


@managed
@recently_signed_in
def delete(request: Any) -> Response:
    """Delete a client and all that rests on it."""
    client = find_client(request, to_change=True)
    _notify(request, "client_deleted", client)
    request.dbsession.delete(client)
    return see_other(request.provider_url("clients"))


def secret_version(client: Client) -> str:
    """Return what changes with a client's secret and tells nothing of it."""
    return digest(client.secret_digest or "")[:16]


def _page_number(request: Any) -> int:
    page = request.GET.get("page", "")
    return int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 else 1


def _show_secret(
    request: Any, client: Client, secret: str | None, *, created: bool = False
) -> Response:
    request.content_security_policy.allow("script-src", "'self'")  # the button that copies
    values = {
        "client": client,
        "secret": secret,
        "created": created,
        "examples": examples(request, client, secret),
    }
    return _render(request, "client_created", values)


def _form(
    request: Any,
    values: dict[str, Any],
    ticket: str,
    *,
    client: Client | None = None,
    error: tuple[str, str] = ("", ""),
) -> Response:
    field, sentence = error
    shown = field.partition("#")[0]
    response = _render(
        request,
        "client",
        {
            "client": client,
            "values": values,
            "ticket": ticket,
            "options": options(request.provider),
            "errors": {shown: sentence} if shown in values else {},
            "problem": sentence if shown not in values else "",
            "more": shown in MORE,
            "saved": "saved" in request.GET and not sentence,
            "again": "again" in request.GET,
            "examples": examples(request, client) if client is not None else [],
            "preview": preview(request, client) if client is not None else None,
        },
    )
    if sentence:
        response.status_int = 400
    return response


def _render(request: Any, template: str, values: dict[str, Any]) -> Response:
    return render_to_response(f"{TEMPLATES}{template}.jinja2", values, request=request)


def _notify(request: Any, name: str, client: Client) -> None:
    details = {"client_id": client.client_id, "user_id": request.login_session.user_id}
    request.registry.notify(OAuthEvent(request, name, details))


def includeme(config: Any) -> None:
    """Offer the pages."""
    config.include("oidcserver.views.client_access")
    config.add_oauth_setting(
        "oidc.client_pages", choice("anyone", "administrators"), "administrators",
        "Who may register and manage clients in the browser.",
    )  # fmt: skip
    config.add_oauth_setting(
        "oidc.administrators", words, (), "The user names of those who look after every client."
    )

    def register(config: Any) -> None:
        for name, pattern, shown, sent in (
            ("clients", "/clients", list_clients, None),
            ("create_client", "/create_client", show_new, create),
            ("client", "/clients/{client_id}", show, edit),
            ("client_secret", "/clients/{client_id}/secret", ask_secret, new_secret),
            ("client_delete", "/clients/{client_id}/delete", ask_delete, delete),
        ):
            config.add_route(name, pattern)
            config.add_view(shown, route_name=name, request_method="GET")
            if sent is not None:
                config.add_view(sent, route_name=name, request_method="POST")

    config.add_oauth_page("clients", register)
