"""The form of a client: conversion between its inputs and the metadata."""

import json
from collections.abc import Mapping
from typing import Any

from oidcserver.clients.fields import (
    FLAG,
    JSON,
    MAYBE,
    NUMBER,
    ONE,
    SCOPES,
    SEVERAL,
    TEXTS,
    URIS,
    Field,
)
from oidcserver.clients.problems import InvalidClientMetadata, Problems
from oidcserver.credentials import new_identifier
from oidcserver.interfaces import Scope
from oidcserver.models.registered_client import DEFAULTS
from oidcserver.oauth.grant_types import CIBA, DEVICE_CODE, JWT_BEARER, TOKEN_EXCHANGE
from oidcserver.texts import _
from oidcserver.types import Fields, Provider, Request
from oidcserver.views.access import own_session

#: The names of grants that are URNs (RFC 8628, RFC 7523, RFC 8693).
#: The purpose of the seal on a ticket.
TICKET = "client form"

#: Descriptions of the options; an option of a plugin is shown by its own name.
WORDS = {
    "authorization_code": _("Authorization code: users sign in"),
    "implicit": _("Implicit: tokens straight to the browser (not recommended)"),
    "client_credentials": _("Client credentials: the application acts for itself"),
    "password": _("Password: the application asks users for it (not recommended)"),
    "refresh_token": _("Refresh token: stay signed in"),
    CIBA: _("CIBA: users decide on a device of their own"),
    DEVICE_CODE: _("Device code: users enter a code that a device shows"),
    JWT_BEARER: _("JWT bearer: the application presents an assertion of another issuer"),
    TOKEN_EXCHANGE: _("Token exchange: the application exchanges a token for another"),
    "client_secret_basic": _("Secret in the Authorization header (client_secret_basic)"),
    "client_secret_post": _("Secret in the body (client_secret_post)"),
    "client_secret_jwt": _("Assertion signed with the secret (client_secret_jwt)"),
    "private_key_jwt": _("Assertion signed with a private key (private_key_jwt)"),
    "tls_client_auth": _("TLS certificate of an authority (tls_client_auth)"),
    "self_signed_tls_client_auth": _("TLS certificate of its own (self_signed_tls_client_auth)"),
    "none": _("None: a public application, such as one in the browser (none)"),
    "web": _("Web application"),
    "native": _("Native application, on a device"),
    "requested": _("Only the claims that the claims parameter requests"),
    "scopes": _("Also the claims of the scopes"),
    "public": _("By the same subject as every other application (public)"),
    "pairwise": _("By a subject that no other application gets (pairwise)"),
    "poll": _("It asks regularly (poll)"),
    "ping": _("It is notified, and then asks (ping)"),
    "sealed": _("Opaque (sealed)"),
    "jwt": _("JWT"),
}
_MAYBE = (("true", _("Required")), ("false", _("Not required")))


def read_form(request: Request, fields: list[Field]) -> dict[str, Any]:
    """Return the values that the user entered; None for an empty one.

    :raises InvalidClientMetadata: if a value has to be JSON and is not.
    """
    problems = Problems()
    values = {field.name: problems.call(_read, request.POST, field) for field in fields}
    problems.reject()
    return values


def typed_values(request: Request, fields: list[Field]) -> dict[str, Any]:
    """Return the values as the user typed them, to show the form again."""
    form = request.POST
    return {
        field.name: form.getall(field.name)
        if field.kind in (SEVERAL, SCOPES)
        else field.name in form
        if field.kind == FLAG
        else form.get(field.name, "")
        for field in fields
    }


def stored_values(members: Mapping[str, Any], fields: list[Field]) -> dict[str, Any]:
    """Return the members of a client as the form shows them."""
    return {field.name: _shown(members.get(field.name), field) for field in fields}


def new_values(provider: Provider, fields: list[Field]) -> dict[str, Any]:
    """Return the proposals of a new form: users sign in, with the selected grants and scopes."""
    grants = [
        name for name in ("authorization_code", "refresh_token") if name in provider.grant_types
    ]
    scopes = [name for name in ("openid", "profile") if name in provider.scopes]
    proposed = {
        "grant_types": grants,
        "response_types": ["code"] if "code" in provider.response_types else [],
        "scope": " ".join(scopes),
        "application_type": None,
    }
    return stored_values({**DEFAULTS, **proposed}, fields)


def options(provider: Provider, field: Field) -> list[tuple[str, str]]:
    """Return the values of a field to choose from, each with its description."""
    if field.kind == MAYBE:
        return [("", field.unsaid), *_MAYBE]
    if field.kind == SCOPES:
        return [(scope.name, _name_scope(scope)) for scope in provider.scopes.values()]
    if field.options is None:
        return []
    # An algorithm may have the name none, as an authentication method does.
    words = {} if field.name.endswith("_alg") else WORDS
    chosen = [(name, words.get(name, name)) for name in field.options(provider)]
    return [("", field.unsaid), *chosen] if field.unsaid else chosen


def _name_scope(scope: Scope) -> str:
    words = {"description": scope.description, "name": scope.name}
    return _("${description} (${name})", words)


def new_ticket(request: Request) -> str:
    """Return a ticket: a hidden field that lets one user create one client, once.

    It holds the ``client_id`` of the new client, so a second submission finds that it exists.
    """
    content = json.dumps([new_identifier(), own_session(request).user_id])
    ticket: str = request.oidc.provider.sealer(TICKET).seal(content.encode())
    return ticket


def read_ticket(request: Request, ticket: str) -> str | None:
    """Return the ``client_id`` of a ticket of the signed-in user; None for any other text."""
    content = request.oidc.provider.sealer(TICKET).unseal(ticket)
    if content is None:
        return None
    client_id, user_id = json.loads(content)
    return client_id if user_id == own_session(request).user_id else None


def _read(form: Fields, field: Field) -> Any:
    if field.kind == SEVERAL:
        return form.getall(field.name)
    if field.kind == SCOPES:
        return " ".join(form.getall(field.name))
    if field.kind == FLAG:
        return True if field.name in form else None
    typed = form.get(field.name, "").strip()
    if field.kind == URIS:
        return typed.split() or ([] if field.name in DEFAULTS else None)
    if not typed:
        return None
    if field.kind == TEXTS:
        return [line.strip() for line in typed.splitlines() if line.strip()]
    if field.kind == MAYBE:
        return {"true": True, "false": False}.get(typed, typed)
    if field.kind == NUMBER:
        return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else typed
    if field.kind == JSON:
        try:
            return json.loads(typed)
        except (ValueError, RecursionError):
            raise InvalidClientMetadata(
                field.name, _("${member} is not JSON.", {"member": field.name})
            ) from None
    return typed


def _shown(value: Any, field: Field) -> Any:
    if field.kind == FLAG:
        return bool(value)
    if field.kind == SEVERAL:
        return value or []
    if field.kind == SCOPES:
        return (value or "").split()
    if value is None:
        return ""
    if field.kind in (URIS, TEXTS):
        return "\n".join(value)
    if field.kind == MAYBE:
        return "true" if value else "false"
    if field.kind == JSON:
        return json.dumps(value, indent=1, ensure_ascii=False)
    return value if field.kind == ONE else str(value)
