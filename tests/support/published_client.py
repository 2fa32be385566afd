"""Clients that publish their metadata at the URL that is their client_id."""

import json
from typing import Any

from joserfc.jwk import ECKey
from support.app import Browser, Provider, RelyingParty
from support.assertions import Signer
from support.client_web import ClientWeb

from oidcserver.models import Client

URL = "https://client.example/oauth/client.json"
REDIRECT_URI = "https://client.example/cb"
KEY = ECKey.generate_key("P-256", {"kid": "1"})
KEYS = {"keys": [KEY.as_dict(private=False)]}


def document(url: str = URL, **changes: Any) -> dict[str, Any]:
    """Return the document of a public client; ``...`` takes a member out."""
    members = {
        "client_id": url,
        "client_name": "The Published Application",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        **changes,
    }
    return {name: value for name, value in members.items() if value is not ...}


def publish(web: ClientWeb, provider: Provider, url: str = URL, **changes: Any) -> RelyingParty:
    """Publish a document, or another in its place; return the relying party that it describes."""
    members = document(url, **changes)
    web.documents[url] = "application/json", json.dumps(members).encode()
    described = {"token_endpoint_auth_method": "none", **members}
    return RelyingParty(provider, Client(client_id=url, client_metadata=described), None)


def rejected(client: RelyingParty, browser: Browser, **changes: Any) -> str:
    """Return the text of the error page, from which nothing is sent to the client."""
    page = client.authorize(browser, **changes)
    assert page.status_int == 400
    assert page.content_type == "text/html"
    assert "Location" not in page.headers
    text: str = page.text
    return text


def signer(provider: Provider, url: str = URL) -> Signer:
    """Return what signs with the published key."""
    return Signer(url, "ES256", KEY, provider.issuer)


#: Documents of the shapes that clients of the Model Context Protocol publish, and the redirect URI
#: with which each of them begins.
SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    # A hosted assistant: a public client that lists a grant of the enterprise extension.
    "assistant": (
        document(
            "https://assistant.example/oauth/mcp-oauth-client-metadata",
            client_uri="https://assistant.example",
            logo_uri="https://assistant.example/logo.png",
            redirect_uris=[
                "https://assistant.example/api/mcp/auth_callback",
                "https://assistant-preview.example/api/mcp/auth_callback",
            ],
            grant_types=[
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ],
        ),
        "https://assistant.example/api/mcp/auth_callback",
    ),
    # Its command: loopback without a port, by name and by address.
    "terminal": (
        document(
            "https://assistant.example/oauth/terminal-client-metadata",
            redirect_uris=["http://localhost/callback", "http://127.0.0.1/callback"],
        ),
        "http://localhost:3118/callback",
    ),
    # A hosted chat: several methods instead of one, keys by reference, an id for each connector.
    "chat": (
        document(
            "https://chat.example/oauth/connectors/0123456789abcdef0123456789abcdef/client.json",
            redirect_uris=["https://chat.example/connector/oauth/0123456789abcdef"],
            token_endpoint_auth_method=...,
            token_endpoint_auth_methods_supported=["none", "private_key_jwt"],
            jwks_uri="https://chat.example/oauth/jwks.json",
            contacts=["support@chat.example"],
        ),
        "https://chat.example/connector/oauth/0123456789abcdef",
    ),
    # An editor: a loopback address of its own port, and a page that leads back to the editor.
    "editor": (
        document(
            "https://editor.example/oauth/client-metadata.json",
            grant_types=[
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            redirect_uris=[
                "http://127.0.0.1/",
                "http://127.0.0.1:33418/",
                "https://editor.example/redirect",
            ],
            application_type="native",
        ),
        "http://127.0.0.1:54321/",
    ),
    # An agent of the command line, and a scheme that this server does not accept.
    "agent": (
        document(
            "https://agent.example/.well-known/oauth-client",
            redirect_uris=["http://127.0.0.1/callback", "agent://callback"],
            response_types=...,
            scope="openid offline_access mcp:connect",
        ),
        "http://127.0.0.1:1455/callback",
    ),
}
