"""The client configuration endpoint (RFC 7592): a client reads, changes, ends its registration."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from hmac import compare_digest

from pyramid.response import Response

from oidcserver.clients.dynamic import (
    SERVER_MEMBERS,
    RegistrationRequest,
    apply_software_statement,
    check_metadata,
    check_sector_identifier,
    count_registration,
    describe_client,
    read_metadata,
    secret_expires_at,
)
from oidcserver.clients.registration import update_client
from oidcserver.clients.software_statement import is_vouched_for
from oidcserver.credentials import digest
from oidcserver.http.cors import allow_any_origin
from oidcserver.interfaces import Step
from oidcserver.models import Client
from oidcserver.models.client import END_REGISTRATION, ClientRecord
from oidcserver.oauth.bearer import invalid_token, read_bearer_token
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.flow import run
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import NO_STORE, error_response, json_response
from oidcserver.oauth.steps import announce, commit, respond
from oidcserver.types import Configurator, Registry, Request

_NOBODY = digest("")
#: The members of the server that a client repeats (RFC 7592 section 2.2).
_REPEATED = frozenset({"client_id", "client_secret"})


@dataclass(slots=True)
class ConfigurationRequest(RegistrationRequest):
    """A request of a client about its registration."""

    #: The secret that a PUT gave the client, if it did.
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        """The client of the URL; any text."""
        return self.request.matchdict["client_id"]

    @property
    def registered(self) -> ClientRecord:
        """The client, for the steps after ``find_client``."""
        assert self.client is not None
        return self.client


def client_configuration(request: Request) -> Response:
    """Answer a request of section 2."""
    return run("client_configuration", ConfigurationRequest(request), reject)


def reject(configuration_request: ConfigurationRequest, rejection: Rejection) -> Response:
    """Record a rejection and return it as JSON."""
    reference = record_rejection(
        configuration_request.request, rejection, configuration_request.client_id
    )
    return error_response(rejection, reference)


def only(
    method: str, step: Callable[[ConfigurationRequest], None]
) -> Callable[[ConfigurationRequest], None]:
    """Return a step that requests of other methods pass; HEAD is like GET."""

    @wraps(step)
    def of_method(configuration_request: ConfigurationRequest) -> None:
        if configuration_request.request.method.replace("HEAD", "GET") == method:
            step(configuration_request)

    return of_method


def read_token(configuration_request: ConfigurationRequest) -> None:
    """Read the registration access token."""
    configuration_request.token = read_bearer_token(configuration_request.request)


def find_client(configuration_request: ConfigurationRequest) -> None:
    """Find the client of the URL; without its token nobody learns whether there is one."""
    request = configuration_request.request
    client: ClientRecord | None = request.oidc.server.query_client(configuration_request.client_id)
    _require_token(configuration_request, client)
    configuration_request.client = client


def count_change(configuration_request: ConfigurationRequest) -> None:
    """Count a change for the client: to check its keys takes the server some time."""
    request, client_id = configuration_request.request, configuration_request.client_id
    problem = "The registration was changed too often."
    count_registration(request, f"change of the registration of {client_id}", problem)


def check_repeated_members(configuration_request: ConfigurationRequest) -> None:
    """Require that the client repeats its identifier, and sets no member of the server."""
    client, sent = configuration_request.registered, configuration_request.sent
    if sent.get("client_id") != client.client_id:
        raise invalid_request("The client_id is missing or another.", "RFC 7592 section 2.2")
    if SERVER_MEMBERS.difference(_REPEATED).intersection(sent):
        raise invalid_request("A member is not the client's to set.", "RFC 7592 section 2.2")
    secret = sent.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and client.check_client_secret(secret)):
        raise invalid_request("The client_secret is another.", "RFC 7592 section 2.2")


def prepare_change(configuration_request: ConfigurationRequest) -> None:
    """Let the commit change the client."""
    outcome = configuration_request.outcome
    outcome.first(_change, configuration_request)
    outcome.announce("client_changed", client_id=configuration_request.client_id)


def prepare_end(configuration_request: ConfigurationRequest) -> None:
    """Let the commit end the registration, and with it all that the client was granted."""
    client, outcome = configuration_request.registered, configuration_request.outcome
    outcome.decide(
        END_REGISTRATION,
        _lose_client,
        ended_client=client.client_id,
        ended_token=client.registration_token_digest,
    )
    outcome.announce("client_deleted", client_id=client.client_id)
    response = Response(status=204, headerlist=list(NO_STORE))
    configuration_request.response = allow_any_origin(response)


def describe(configuration_request: ConfigurationRequest) -> None:
    """Write the response of section 3."""
    client = configuration_request.registered
    members = {
        **describe_client(client),
        **configuration_request.secrets,
        "registration_access_token": configuration_request.token,
        "registration_client_uri": configuration_request.request.oidc.url(
            "oidc.client_configuration_endpoint", client_id=client.client_id
        ),
    }
    configuration_request.response = allow_any_origin(json_response(200, members))


def _change(configuration_request: ConfigurationRequest) -> None:
    """Change the client while no other request does, and write the response."""
    provider = configuration_request.provider
    dbsession = configuration_request.request.oidc.dbsession
    client = dbsession.get(
        Client, configuration_request.client_id, with_for_update=True, populate_existing=True
    )
    _require_token(configuration_request, client)
    assert client is not None
    vouched_for = is_vouched_for(client.client_metadata)
    secret = update_client(provider, dbsession, client, configuration_request.metadata)
    if vouched_for and not is_vouched_for(client.client_metadata):
        client.self_registered = True  # by another statement of the issuer
    if secret is not None:
        client.secret_expires_at = secret_expires_at(provider)
        configuration_request.secrets["client_secret"] = secret
    dbsession.flush()
    server = configuration_request.request.oidc.server
    configuration_request.client = server.query_client(client.client_id)
    describe(configuration_request)


def _require_token(
    configuration_request: ConfigurationRequest, client: Client | ClientRecord | None
) -> None:
    """Require the registration access token of a client, which may have another by now."""
    token = configuration_request.token
    assert token is not None
    known = client.registration_token_digest if client is not None else None
    if not compare_digest(digest(token), known or _NOBODY) or known is None:
        raise _invalid_registration_token()


def _lose_client() -> None:
    raise _invalid_registration_token()


def _invalid_registration_token() -> Rejection:
    return invalid_token("The registration access token is not valid.")


def _require_registration(registry: Registry) -> str | None:
    endpoints = registry.oidc.provider.endpoints
    if "client_configuration" in endpoints and "registration" not in endpoints:
        return "oauth.endpoints selects client_configuration, which needs registration."
    return None


#: Each request passes the steps that are for its method.
STEPS: tuple[Step[ConfigurationRequest], ...] = (
    Step(read_token),  # RFC 7592 section 2: the registration access token
    Step(find_client),  # the client of the URL, if the token is its own
    Step(only("GET", describe)),  # section 2.1
    Step(only("DELETE", prepare_end)),  # section 2.3
    Step(only("PUT", count_change)),  # the one step that writes before the commit
    Step(only("PUT", read_metadata)),  # section 2.2
    Step(only("PUT", check_repeated_members)),
    Step(only("PUT", apply_software_statement)),  # RFC 7591 section 2.3
    Step(only("PUT", check_metadata)),  # section 2
    Step(only("PUT", check_sector_identifier)),  # OpenID Connect Registration section 5
    Step(only("PUT", prepare_change)),
    Step(commit),  # one transaction; of several requests at once the client passes one at a time
    Step(announce),  # events; a subscriber that fails is logged
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its flow."""
    config.add_startup_check("registration of client_configuration", _require_registration)
    config.add_oauth_flow("client_configuration", STEPS)
    config.add_oauth_endpoint(
        "client_configuration",
        "/oauth/register/{client_id}",
        client_configuration,
        methods=("GET", "PUT", "DELETE"),
        cors=True,
        transaction=False,
        metadata_field=None,
    )
