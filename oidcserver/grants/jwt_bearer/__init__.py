"""The JWT bearer grant (RFC 7523 section 2.1), and the identity assertion grant (ID-JAG) on it.

A trusted issuer says who the user is. The user is the account of the issuer's realm whose external
identifier is the ``sub``; no other claim, such as an email address, names an account, and no
account is made.
"""

import logging
from math import ceil
from typing import Any

from oidcserver.clients import metadata_documents
from oidcserver.clients.document_fetching import DocumentRejected
from oidcserver.clients.document_urls import is_document_url
from oidcserver.extensions.resource_indicators import are_declared, find_resources
from oidcserver.grants.base import TokenGrant
from oidcserver.grants.jwt_bearer.assertions import RULE, Accepted, accept, names_client
from oidcserver.grants.jwt_bearer.issuers import ID_JAG, SETTING, trusted_issuers
from oidcserver.models.replay import use_identifier
from oidcserver.models.user import read_account
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.grant_types import JWT_BEARER
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.scopes import PERSONAL, registered_scopes, scope_words
from oidcserver.types import Configurator, Provider, Registry

log = logging.getLogger(__name__)

NAME = "jwt_bearer"
#: The kind of the identifiers that are used up.
KIND = "authorization grant"


class JWTBearerGrant(TokenGrant):
    """Issues an access token for an assertion of a trusted issuer, and no refresh token."""

    GRANT_TYPE = JWT_BEARER

    def validate_token_request(self) -> None:
        """Check the assertion, and find the account of its subject."""
        token_request = self.token_request
        self.authenticate_token_endpoint_client()
        text = token_request.parameter("assertion", "RFC 7523 section 2.1")
        accepted = accept(token_request, text)
        if accepted.kind != ID_JAG:
            self._require_known_client()
        database = token_request.request.oidc.database
        user = read_account(database, accepted.issuer.realm, accepted.subject)
        if user is None or not user.may_sign_in:
            raise invalid_grant(
                "There is no account for the subject of the assertion, or it is disabled.", RULE
            )
        self.scope = self._narrowed_scope(accepted)
        self._restrict_audience(accepted)
        self.accepted, token_request.user = accepted, user

    def _require_known_client(self) -> None:
        """Reject a client that anybody could be or register, for an assertion that names no client.

        Everybody who has such an assertion could use it by such a client.
        """
        token_request = self.token_request
        if token_request.auth_method == "none" or token_request.client.self_registered:
            raise Rejection(
                "unauthorized_client",
                "A client that is public, or that registered itself, cannot use an assertion that "
                "does not name it.",
                rule="RFC 7521 section 4.1",
            )

    def spend(self) -> None:
        """Use the identifier of the assertion up.

        :raises Rejection: ``invalid_grant`` if it was used before.
        """
        request, accepted = self.token_request.request, self.accepted
        kept_until = (
            ceil(accepted.claims["exp"]) + request.oidc.provider.settings["oauth.clock_skew"]
        )
        if not use_identifier(
            request.oidc.database, KIND, accepted.issuer.issuer, accepted.claims["jti"], kept_until
        ):
            raise invalid_grant("The assertion was used before.", RULE)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare the token, with a new authorization."""
        token_request = self.token_request
        token = self.generate_token(
            user=token_request.user, scope=self.scope, include_refresh_token=False
        )
        return 200, token, []

    def _narrowed_scope(self, accepted: Accepted) -> str:
        """Return the requested scope, within that of the client and of the assertion.

        ``openid`` and ``offline_access`` are not given: the user did not sign in here. An assertion
        without ``scope`` allows what the client registered, and nothing to a client that
        registered itself: nobody else would have decided about it.
        """
        token_request = self.token_request
        asked = scope_words(token_request.payload.scope)
        self.validate_requested_scope()
        registered = registered_scopes(token_request.provider, token_request.client)
        unlimited = [] if token_request.client.self_registered else registered
        allowed = unlimited if accepted.scope is None else scope_words(accepted.scope)
        if not set(asked) <= set(allowed):
            raise Rejection(
                "invalid_scope",
                "The scope is wider than that of the assertion.",
                rule="RFC 6749 section 3.3",
                received={"scope": asked},
            )
        given = [name for name in asked or registered if name in allowed and name not in PERSONAL]
        if asked and not given:
            raise Rejection(
                "invalid_scope",
                "openid and offline_access are not given for an assertion.",
                rule="RFC 6749 section 3.3",
            )
        return " ".join(given)

    def _restrict_audience(self, accepted: Accepted) -> None:
        """Let the token be for the resources of an ID-JAG, or for those of them that were asked.

        An assertion without ``resource`` leaves the choice to the request; for a client that
        registered itself it is for the provider alone.

        :raises Rejection: ``invalid_target`` also if resources are declared here, and one of these
            is not among them or not for the client.
        """
        token_request = self.token_request
        asked = list(dict.fromkeys(token_request.payload.datalist.get("resource", ())))
        provider, client = token_request.provider, token_request.client
        granted = accepted.resources
        if not granted and client.self_registered and are_declared(provider):
            granted = (provider.issuer,)
        if not granted:
            return
        if are_declared(provider):
            asked = list(find_resources(provider, client, asked))
            granted = find_resources(provider, client, granted)
        if not set(asked) <= set(granted):
            raise Rejection(
                "invalid_target",
                "The assertion is not for the requested resource.",
                rule="RFC 8707 section 2.2",
                received={"resource": asked},
            )
        token_request.audience = tuple(asked) or granted


def fetch_client(token_request: OAuthRequest) -> None:
    """Fetch the document of a client that publishes its metadata: an ID-JAG may come first.

    Nothing is fetched for a client that no trusted issuer names. A document that is not accepted
    makes no client, so that the authentication fails.
    """
    form = token_request.form
    client_id, assertion = form.get("client_id", ""), form.get("assertion", "")
    if (
        token_request.payload.grant_type != JWTBearerGrant.GRANT_TYPE
        or not is_document_url(token_request.provider, client_id)
        or not names_client(token_request, assertion, client_id)
    ):
        return
    try:
        metadata_documents.fetch_document(token_request)
    except DocumentRejected as problem:
        log.info("%r: %s", client_id, problem.description)


def fetches_clients(provider: Provider) -> bool:
    """Whether clients that publish their metadata may send ID-JAGs."""
    return bool(_profiles(provider)) and metadata_documents.is_selected(provider)


def spend_assertion(token_request: OAuthRequest) -> None:
    """Use an assertion up, after all checks. It is spent also if the request fails later."""
    if isinstance(token_request.grant, JWTBearerGrant):
        token_request.grant.spend()


def is_selected(provider: Provider) -> bool:
    """Whether the grant is selected."""
    return NAME in provider.grants


def _profiles(provider: Provider) -> list[str]:
    """Return the profiles of assertions (section 6.2 of the draft of ID-JAG)."""
    accepted = any(ID_JAG in issuer.accepts for issuer in provider.settings[SETTING])
    return (
        ["urn:ietf:params:oauth:grant-profile:id-jag"] if is_selected(provider) and accepted else []
    )


def require_issuers(registry: Registry) -> str | None:
    """Require an issuer where the grant is selected, and none that is this provider.

    A provider that accepted its own ID-JAGs could widen what its users allowed
    (draft-ietf-oauth-identity-assertion-authz-grant, "Cross-Domain Use").
    """
    provider = registry.oidc.provider
    issuers = [issuer.issuer for issuer in provider.settings[SETTING]]
    if not is_selected(provider):
        return (
            f"{SETTING} names issuers, but oauth.grants does not select {NAME}: add it there, or "
            f"remove {SETTING}."
            if issuers
            else None
        )
    if not issuers:
        return f"oauth.grants selects {NAME}, but {SETTING} is empty: no assertion is accepted."
    if provider.issuer in issuers:
        return f"{SETTING} names {provider.issuer}, which is this provider itself."
    return None


def includeme(config: Configurator) -> None:
    """Offer the grant, its setting and its metadata."""
    config.add_oauth_grant(NAME, JWTBearerGrant)
    config.add_oauth_setting(
        SETTING,
        trusted_issuers,
        (),
        "The issuers whose assertions are accepted as grants, one a line: the issuer, the https "
        "URL or the file of its JWK Set, and options. accepts= names the kinds of assertions (jwt, "
        "id-jag), algs= the algorithms, and realm= the realm of the accounts whose external "
        "identifier is the sub of an assertion, by default the issuer.",
    )
    config.add_server_metadata("authorization_grant_profiles_supported", _profiles)
    config.add_startup_check("trusted issuers", require_issuers)
