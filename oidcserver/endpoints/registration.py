"""The client registration endpoint (RFC 7591 section 3, OpenID Connect Registration 1.0)."""

from typing import Any

from pyramid.response import Response

from oidcserver.clients.dynamic import (
    RegistrationRequest,
    apply_software_statement,
    check_metadata,
    check_sector_identifier,
    count_registration,
    describe_client,
    read_metadata,
    secret_expires_at,
)
from oidcserver.clients.registration import new_client
from oidcserver.clients.software_statement import is_vouched_for, reject_malformed_issuers
from oidcserver.credentials import REGISTRATION_TOKEN, digest, new_credential
from oidcserver.database.writes import NewRow, inserting
from oidcserver.http.cors import allow_any_origin
from oidcserver.http.throttling import network_of
from oidcserver.interfaces import Step
from oidcserver.models import Client
from oidcserver.models.initial_access_token import USE, find_initial_access_token, use
from oidcserver.oauth.bearer import invalid_token, read_bearer_token
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import run
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import error_response, json_response
from oidcserver.oauth.steps import announce, commit, respond
from oidcserver.settings import boolean, integer, lines, seconds, text, words
from oidcserver.types import Configurator, Request

CONFIGURATION = "client_configuration"

_TOO_MANY = "Too many clients were registered from this network."


def registration(request: Request) -> Response:
    """Register a client."""
    return run("registration", RegistrationRequest(request), reject)


def reject(registration_request: RegistrationRequest, rejection: Rejection) -> Response:
    """Record a rejection and return it as JSON (RFC 7591 section 3.2.2)."""
    reference = record_rejection(registration_request.request, rejection, None)
    return error_response(rejection, reference)


def read_token(registration_request: RegistrationRequest) -> None:
    """Read the initial access token, which a client needs unless anybody may register one."""
    if registration_request.provider.settings["oauth.registration"] != "open":
        registration_request.token = read_bearer_token(registration_request.request)


def admit(registration_request: RegistrationRequest) -> None:
    """Count the attempt, whatever becomes of the request; reject a token that is not valid.

    There is a limit for each network, since each client is stored for a long time. Attempts with
    wrong tokens count separately from those with each valid token.
    """
    request, token = registration_request.request, registration_request.token
    network = network_of(request.remote_addr or "")
    if token is None:
        count_registration(request, f"registration:{network}", _TOO_MANY)
        return
    token_id = find_initial_access_token(request.oidc.database, token)
    key = f"registration:{token_id or 'wrong token'} {network}"
    count_registration(request, key, _TOO_MANY)
    if token_id is None:
        raise _invalid_initial_access_token()


def prepare_client(registration_request: RegistrationRequest) -> None:
    """Prepare the client, its credentials and the response; the use of the token decides."""
    request, provider = registration_request.request, registration_request.provider
    outcome, token = registration_request.outcome, registration_request.token
    columns, secret = new_client(provider, registration_request.metadata)
    # The operator trusts the holder of a token, and the issuer of a statement what that names.
    trusted = token is not None or is_vouched_for(registration_request.metadata)
    columns |= {"last_used_at": request.oidc.now, "self_registered": not trusted}
    credentials: dict[str, Any] = {}
    if secret is not None:
        credentials["client_secret"] = secret
        columns["secret_expires_at"] = secret_expires_at(provider)
    if CONFIGURATION in provider.endpoints:  # RFC 7592 section 3
        registration_token = new_credential(REGISTRATION_TOKEN)
        columns["registration_token_digest"] = digest(registration_token)
        credentials["registration_access_token"] = registration_token
        credentials["registration_client_uri"] = request.oidc.url(
            f"oidc.{CONFIGURATION}_endpoint", client_id=columns["client_id"]
        )
    row = NewRow(Client, **columns)
    client = registration_request.client = row.record()
    if token is not None:
        outcome.decide(USE, _lose_use, **use(token))
    outcome.also(inserting(Client), **row.values)
    outcome.announce("client_created", client_id=client.client_id)
    members = {**describe_client(client), **credentials}
    registration_request.response = allow_any_origin(json_response(201, members))


def _lose_use() -> None:
    raise _invalid_initial_access_token()


def _invalid_initial_access_token() -> Rejection:
    return invalid_token("The initial access token is not valid, was used up or has expired.")


STEPS: tuple[Step[RegistrationRequest], ...] = (
    Step(read_token),  # RFC 7591 section 3: an initial access token, unless anybody may register
    Step(admit),  # the limit of the network; the one step that writes before the commit
    Step(read_metadata),  # section 3.1
    Step(apply_software_statement),  # section 2.3
    Step(check_metadata),  # section 2
    Step(check_sector_identifier),  # OpenID Connect Registration section 5
    Step(prepare_client),  # RFC 7591 section 3.2.1: identifier, secret and response
    Step(commit),  # the use of the initial access token decides, and the client is stored with it
    Step(announce),  # events; a subscriber that fails is logged
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint, its flow and its policies."""
    setting = config.add_oauth_setting
    setting(
        "oauth.registration",
        text,
        "initial_access_token",
        "Who may register clients: those with an initial access token, or everybody.",
        allowed=("initial_access_token", "open"),
    )
    setting(
        "oauth.registration_grant_types",
        words,
        ("authorization_code", "implicit", "refresh_token"),
        "The grant types that a client may register by itself.",
    )
    setting(
        "oauth.registration_scopes",
        words,
        (),
        "The scopes that a client may register by itself, and has if it names none; empty: all.",
    )
    setting(
        "oauth.registration_secret_lifetime",
        seconds,
        0,
        "How long the secret of such a client works; 0: for good.",
    )
    setting(
        "oauth.registration_limit",
        integer,
        20,
        "How many clients one network, with one token, may register in oauth.registration_window, "
        "and how often one client may change its registration.",
    )
    setting("oauth.registration_window", seconds, 3600,
            "The time in which oauth.registration_limit counts.")  # fmt: skip
    setting(
        "oauth.software_statement_issuers",
        lines,
        (),
        "Lines of a trusted issuer of software statements and the https URI of its JWK Set.",
    )
    setting(
        "oauth.software_statement_required",
        boolean,
        False,
        "Whether a client registers only with a software statement.",
    )
    config.add_startup_check("software statements", reject_malformed_issuers)
    config.add_oauth_flow("registration", STEPS)
    config.add_oauth_endpoint(
        "registration", "/oauth/register", registration, cors=True, transaction=False
    )
