"""The form of a client: between its fields and client metadata (RFC 7591 section 2)."""

import json
from collections.abc import Mapping
from typing import Any

from oidcserver.credentials import new_identifier
from oidcserver.models.client import DEFAULTS
from oidcserver.oauth.registration import InvalidClientMetadata
from oidcserver.oauth.registration.members import promised

TEXTS = ("client_name", "client_uri", "token_endpoint_auth_method", "application_type",
         "id_token_signed_response_alg", "jwks_uri", "logo_uri", "policy_uri",
         "tos_uri")  # fmt: skip
LINES = ("redirect_uris", "post_logout_redirect_uris")
CHOICES = ("grant_types", "response_types")

#: What most clients leave as it is: the form shows it when asked.
MORE = frozenset(
    {"id_token_signed_response_alg", "jwks", "jwks_uri", "logo_uri", "policy_uri", "tos_uri",
     "post_logout_redirect_uris"}
)  # fmt: skip

#: What a ticket is sealed for.
TICKET = "client form"

#: Words for people; what a plugin adds is shown by its own name.
WORDS = {
    "authorization_code": "Authorization code: people sign in",
    "implicit": "Implicit: tokens straight to the browser (not recommended)",
    "client_credentials": "Client credentials: the application acts for itself",
    "password": "Password: the application asks for it (not recommended)",
    "refresh_token": "Refresh token: stay signed in",
    "client_secret_basic": "Secret in the Authorization header (client_secret_basic)",
    "client_secret_post": "Secret in the body (client_secret_post)",
    "client_secret_jwt": "Assertion signed with the secret (client_secret_jwt)",
    "private_key_jwt": "Assertion signed with a private key (private_key_jwt)",
    "none": "None: a public application, such as one in the browser (none)",
    "web": "Web application",
    "native": "Native application, on a device",
}


def read_form(request: Any) -> dict[str, Any]:
    """Return the metadata that was typed; nothing else of the request is looked at.

    :raises InvalidClientMetadata: if the keys are not JSON.
    """
    form = request.POST
    metadata: dict[str, Any] = {name: form.get(name, "").strip() for name in TEXTS}
    metadata.update({name: form.get(name, "").split() for name in LINES})
    metadata.update({name: form.getall(name) for name in CHOICES})
    metadata["scope"] = " ".join(form.getall("scope"))
    typed = form.get("jwks", "").strip()
    if typed:
        try:
            metadata["jwks"] = json.loads(typed)
        except (ValueError, RecursionError):
            raise InvalidClientMetadata("jwks", "jwks is not JSON.") from None
    return {name: value for name, value in metadata.items() if value not in ("", [])} | {
        name: metadata[name] for name in (*CHOICES, "redirect_uris")
    }


def typed_values(request: Any) -> dict[str, Any]:
    """Return what was typed, as the form shows it again."""
    form = request.POST
    values: dict[str, Any] = {name: form.get(name, "") for name in (*TEXTS, *LINES, "jwks")}
    values.update({name: form.getall(name) for name in (*CHOICES, "scope")})
    return values


def stored_values(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client registered, as the form shows it."""
    complete = {**DEFAULTS, **metadata}
    values: dict[str, Any] = {name: complete.get(name, "") for name in TEXTS}
    values.update({name: "\n".join(complete.get(name, [])) for name in LINES})
    values.update({name: complete[name] for name in CHOICES})
    values["scope"] = complete["scope"].split()
    jwks = complete.get("jwks")
    values["jwks"] = json.dumps(jwks, indent=1) if jwks else ""
    return values


def hidden_members(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client registered that the form does not show."""
    shown = stored_values({})
    return {name: value for name, value in metadata.items() if name not in shown}


def new_ticket(request: Any) -> str:
    """Return what a form carries to make one client for one person, and no second.

    It names the client that will be made: whoever sends it again finds that there is one.
    """
    content = json.dumps([new_identifier(), request.login_session.user_id])
    ticket: str = request.provider.sealer(TICKET).seal(content.encode())
    return ticket


def read_ticket(request: Any, ticket: str) -> str | None:
    """Return the ``client_id`` of a ticket of the person who is signed in, or None."""
    content = request.provider.sealer(TICKET).unseal(ticket)
    if content is None:
        return None
    client_id, user_id = json.loads(content)
    return client_id if user_id == request.login_session.user_id else None


def new_values(provider: Any) -> dict[str, Any]:
    """Return what a new form proposes: people sign in, with what is selected here."""
    grants = [
        name for name in ("authorization_code", "refresh_token") if name in provider.grant_types
    ]
    scopes = [name for name in ("openid", "profile") if name in provider.scopes]
    return stored_values(
        {
            "grant_types": grants,
            "response_types": ["code"] if "code" in provider.response_types else [],
            "scope": " ".join(scopes),
        }
    )


def options(provider: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the choices of each field: what the provider selected, in words."""
    algorithms = promised(provider, "id_token_signing_alg_values_supported")
    return {
        "scope": [(s.name, f"{s.description} ({s.name})") for s in provider.scopes.values()],
        "grant_types": _worded(provider.grant_types),
        "response_types": [(name, name) for name in sorted(provider.response_types)],
        "token_endpoint_auth_method": _worded(provider.client_authentication_methods),
        "application_type": _worded(("web", "native")),
        "id_token_signed_response_alg": [(name, name) for name in algorithms],
    }


def _worded(names: Any) -> list[tuple[str, str]]:
    return [(name, WORDS.get(name, name)) for name in names]
