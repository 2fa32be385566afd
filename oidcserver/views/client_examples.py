"""Commands that try a client: each grant that it registered, with curl."""

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from oidcserver.client_auth.assertion import ASSERTION_TYPE
from oidcserver.extensions.pushed_request import ENDPOINT, is_selected, required_by
from oidcserver.models import RegisteredClient
from oidcserver.texts import _
from oidcserver.types import Request
from oidcserver.views.access import own_session

#: Text that needs neither quotes in a shell nor encoding in a form.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_CHALLENGE = """\
code_verifier=$(openssl rand -hex 32)
code_challenge=$(printf %s "$code_verifier" | openssl dgst -sha256 -binary \\
  | openssl base64 | tr '+/' '-_' | tr -d '=')
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A step: its title and its commands. ``$name`` stands for a value from an earlier step."""

    title: str
    command: str


def examples(
    request: Request, client: RegisteredClient, secret: str | None = None
) -> list[Example]:
    """Return the steps for a client, with its secret; with ``$client_secret`` if it is not known.

    A client that uses no built-in grant, or an authentication method of a plugin, has no steps.
    Neither has a client that signs proofs (RFC 9449), which curl cannot.
    """
    credentials = _credentials(client, secret)
    routes = request.oidc.provider.route_names
    if "oidc.token_endpoint" not in routes or credentials is None:
        return []
    if client.member("dpop_bound_access_tokens"):
        return []
    command = f"curl {credentials} \\\n  {_token_endpoint(request, client)}"
    grants = {name for name in request.oidc.provider.grant_types if client.check_grant_type(name)}
    scope = " ".join(name for name in client.scopes if name in request.oidc.provider.scopes)
    personal, steps = False, []
    if "client_credentials" in grants:
        own = _form(command, grant_type="client_credentials")
        steps.append(Example(_("Get a token for the application itself"), own))
    if "password" in grants:
        personal = True
        form = {
            "grant_type": "password",
            "username": own_session(request).user.username,
            "password": None,
            "scope": scope,
        }
        steps.append(Example(_("Get a token with a password"), _form(command, **form)))
    if "oidc.authorization_endpoint" in routes and client.check_response_type("code"):
        personal = True
        redirect_uri = client.redirect_uris[0]
        form = {
            "grant_type": "authorization_code",
            "code": None,
            "redirect_uri": redirect_uri,
            "code_verifier": None,
        }
        steps += [
            *_authorize(request, client, credentials, redirect_uri, scope),
            Example(_("Exchange the code in the browser's address bar"), _form(command, **form)),
        ]
    if personal and "refresh_token" in grants:
        form = {"grant_type": "refresh_token", "refresh_token": None}
        steps.append(Example(_("Get a fresh token later"), _form(command, **form)))
    if personal and (url := _resource(request, client)):
        command = f'curl -H "Authorization: Bearer $access_token" \\\n  {url}'
        steps.append(Example(_("Use the token"), command))
    return steps


def _token_endpoint(request: Request, client: RegisteredClient) -> str:
    """Return the URL of the token endpoint, for a client with a certificate that of its alias."""
    url: str = request.oidc.url("oidc.token_endpoint")
    if "tls_client_auth" not in client.token_endpoint_auth_method:
        return url
    aliases: dict[str, str] = request.oidc.provider.discovery().get("mtls_endpoint_aliases", {})
    return aliases.get("token_endpoint", url)


def _credentials(client: RegisteredClient, secret: str | None) -> str | None:
    """Return the arguments of curl that authenticate the client (RFC 6749 section 2.3.1)."""
    value, own = secret or "$client_secret", urlencode({"client_id": client.client_id})
    by_assertion = (
        f'-d client_assertion_type={ASSERTION_TYPE} -d "client_assertion=$client_assertion"'
    )
    by_certificate = f"--cert client.pem --key client.key -d {own}"
    return {
        "client_secret_basic": f'-u "{quote(client.client_id, safe="@+")}:{value}"',
        "client_secret_post": f'-d {own} -d "client_secret={value}"',
        "client_secret_jwt": by_assertion,
        "private_key_jwt": by_assertion,
        "tls_client_auth": by_certificate,
        "self_signed_tls_client_auth": by_certificate,
        "none": f"-d {own}",
    }.get(client.token_endpoint_auth_method)


def _authorize(
    request: Request, client: RegisteredClient, credentials: str, redirect_uri: str, scope: str
) -> list[Example]:
    """Return commands that make a challenge (RFC 7636 section 4) and print a URL.

    A client that has to push its requests (RFC 9126) does so first.
    """
    title = _("Print a URL, open it in a browser, and allow access")
    url = request.oidc.url("oidc.authorization_endpoint")
    parameters = {
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": scope,
        "code_challenge_method": "S256",
    }
    own = urlencode({"client_id": client.client_id})
    provider = request.oidc.provider
    if required_by(provider, client) is not None and is_selected(provider):
        endpoint = request.oidc.url(f"oidc.{ENDPOINT}_endpoint")
        push = f"curl {credentials} \\\n  {endpoint}"
        return [
            Example(
                _("Push the request"), _CHALLENGE + _form(push, **parameters, code_challenge=None)
            ),
            Example(title, f'echo "{url}?{own}&request_uri=$request_uri"'),
        ]
    query = urlencode({name: value for name, value in parameters.items() if value})
    return [
        Example(title, f'{_CHALLENGE}echo "{url}?{own}&{query}&code_challenge=$code_challenge"')
    ]


def _resource(request: Request, client: RegisteredClient) -> str | None:
    """Return the URL of a resource that accepts the token of a user."""
    for route_name, scope in (("oidc.api_me", "profile"), ("oidc.userinfo_endpoint", "openid")):
        if route_name in request.oidc.provider.route_names and scope in client.scopes:
            url: str = request.oidc.url(route_name)
            return url
    return None


def _form(command: str, **parameters: str | None) -> str:
    """Add form parameters, one a line. None stands for a shell variable; "" is left out."""
    lines = [command]
    for name, value in parameters.items():
        if value is None:
            lines.append(f'--data-urlencode "{name}=${name}"')
        elif _PLAIN.fullmatch(value):
            lines.append(f"-d {name}={value}")
        elif value:
            lines.append(f"--data-urlencode {shlex.quote(f'{name}={value}')}")
    return " \\\n  ".join(lines)
