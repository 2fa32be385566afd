"""The pages of clients: list, create, edit, new secret, delete."""

import json
from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
from pyramid.renderers import render_to_response
from pyramid.response import Response
from sqlalchemy import select

from oidcserver.credentials import digest, new_identifier
from oidcserver.models import Client
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.registration import (
    InvalidClientMetadata,
    register_client,
    rotate_client_secret,
    update_client,
)
from oidcserver.oauth.responses import see_other
from oidcserver.settings import choice, words
from oidcserver.views.access import signed_in
from oidcserver.views.client_form import new_values, options, read_form, stored_values, typed_values

TEMPLATES = "oidcserver:templates/"
STALE = "This form was open for too long, or is not yours: please send it again."


def is_administrator(request: Any) -> bool:
    """Whether the person who is signed in looks after every client."""
    administrators = request.provider.settings["oidc.administrators"]
    return request.login_session.user.username in administrators


def _managed(view: Any) -> Any:
    """Decorate a view for those who may manage clients; others sign in, or get 403."""

    def allowed(request: Any) -> Any:
        if request.provider.settings["oidc.client_pages"] != "anyone" and not is_administrator(
            request
        ):
            raise HTTPForbidden()
        return view(request)

    return signed_in(allowed)


@_managed
def list_clients(request: Any) -> Response:
    """List one's own clients; an administrator sees all."""
    statement = select(Client).order_by(Client.client_id_issued_at, Client.client_id)
    if not is_administrator(request):
        statement = statement.where(Client.owner_id == request.login_session.user_id)
    clients = request.dbsession.scalars(statement).all()
    return _render(request, "clients", {"clients": clients})


@_managed
def show_new(request: Any) -> Response:
    """Show an empty form. Its ticket names the client that it will make, once."""
    return _form(request, new_values(request.provider), _new_ticket(request))


@_managed
def create(request: Any) -> Response:
    """Register a client and show its secret, this once; a reload leads to the client's page."""
    ticket = request.POST.get("ticket", "")
    client_id = _read_ticket(request, ticket)
    if client_id is None:
        return _form(request, typed_values(request), _new_ticket(request), error=("", STALE))
    if request.dbsession.get(Client, client_id) is not None:
        return see_other(request.provider_url("client", client_id=client_id, _query={"again": "1"}))
    try:
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
    _notify(request, "client_created", client)
    return _render(request, "client_created", {"client": client, "secret": secret, "created": True})


@_managed
def show(request: Any) -> Response:
    """Show a client's form, what it gets, and what else can be done to it."""
    client = _find(request)
    return _form(request, stored_values(client.client_metadata), "", client=client)


@_managed
def edit(request: Any) -> Response:
    """Store a client's form; members that the form does not show stay as they are."""
    client = _find(request)
    try:
        typed = read_form(request)
        shown = stored_values({}).keys()
        hidden = {n: v for n, v in client.client_metadata.items() if n not in shown}
        secret = update_client(request.provider, request.dbsession, client, {**hidden, **typed})
    except InvalidClientMetadata as problem:
        error = (problem.field, problem.description)
        return _form(request, typed_values(request), "", client=client, error=error)
    _notify(request, "client_changed", client)
    if secret is not None:
        return _render(request, "client_created", {"client": client, "secret": secret})
    return see_other(
        request.provider_url("client", client_id=client.client_id, _query={"saved": "1"})
    )


@_managed
def new_secret(request: Any) -> Response:
    """Give a client a new secret and show it, this once; a reload does not make another."""
    client = _find(request)
    if client.secret_digest is None or request.POST.get("version") != secret_version(client):
        return see_other(request.provider_url("client", client_id=client.client_id))
    secret = rotate_client_secret(request.provider, request.dbsession, client)
    _notify(request, "client_secret_rotated", client)
    return _render(request, "client_created", {"client": client, "secret": secret})


@_managed
def ask_delete(request: Any) -> Response:
    """Ask before a client goes."""
    return _render(request, "client_delete", {"client": _find(request)})


@_managed
def delete(request: Any) -> Response:
    """Delete a client and all that rests on it."""
    client = _find(request)
    _notify(request, "client_deleted", client)
    request.dbsession.delete(client)
    return see_other(request.provider_url("clients"))


def secret_version(client: Client) -> str:
    """Return what changes with a client's secret and tells nothing of it."""
    return digest(client.secret_digest or "")[:16]


def _find(request: Any) -> Client:
    """Return the client of the URL, if it is one's own; every other does not exist."""
    client: Client | None = request.dbsession.get(Client, request.matchdict["client_id"])
    own = client is not None and client.owner_id == request.login_session.user_id
    if client is None or not (own or is_administrator(request)):
        raise HTTPNotFound()
    return client


def _new_ticket(request: Any) -> str:
    content = json.dumps([new_identifier(), request.login_session.user_id])
    ticket: str = request.provider.sealer("client form").seal(content.encode())
    return ticket


def _read_ticket(request: Any, ticket: str) -> str | None:
    content = request.provider.sealer("client form").unseal(ticket)
    if content is None:
        return None
    client_id, user_id = json.loads(content)
    return client_id if user_id == request.login_session.user_id else None


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
            "problem": sentence if sentence and shown not in values else "",
            "saved": "saved" in request.GET and not sentence,
            "again": "again" in request.GET,
            "version": secret_version(client) if client is not None else "",
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
            ("client_secret", "/clients/{client_id}/secret", None, new_secret),
            ("client_delete", "/clients/{client_id}/delete", ask_delete, delete),
        ):
            config.add_route(name, pattern)
            if shown is not None:
                config.add_view(shown, route_name=name, request_method="GET")
            if sent is not None:
                config.add_view(sent, route_name=name, request_method="POST")

    config.add_oauth_page("clients", register)
