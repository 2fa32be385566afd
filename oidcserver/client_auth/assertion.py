"""Client assertions (RFC 7523): the one verifier of client_secret_jwt and private_key_jwt."""

from collections.abc import Iterable, Mapping
from functools import partial
from math import ceil
from typing import Any

from joserfc.jwk import KeySet, OctKey

from oidcserver import clock
from oidcserver.client_auth.assertion_checks import CHECKS, Assertion
from oidcserver.keys.jwt import (
    CLAIMS,
    HEADER,
    SECRET_ALGORITHMS,
    InvalidJWT,
    read_unverified,
    verify_client_jwt,
)
from oidcserver.models import RegisteredClient
from oidcserver.models.replay import use_identifier
from oidcserver.oauth.client_authentication import UNKNOWN_CLIENT, ClientAuthenticationFailed
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.server import AuthorizationServer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class AssertionMethod:
    """The base of the two methods, which differ in their algorithms and keys.

    The ``alg`` of an assertion decides which of the two methods a request presents.
    """

    #: ``client_secret_jwt`` or ``private_key_jwt``.
    name: str
    #: Values of ``token_endpoint_auth_signing_alg`` that belong to the method.
    algorithms: tuple[str, ...]

    def keys(
        self, server: AuthorizationServer, client: RegisteredClient | None, kid: str | None
    ) -> Iterable[KeySet | OctKey]:
        """Return the keys with which the client may have signed; they are tried in turn.

        :param client: None if the client does not exist.
        :param kid: the ``kid`` of the assertion, if it has one.
        :raises InvalidJWT: if there is no key.
        """
        raise NotImplementedError

    def presented(self, oauth_request: OAuthRequest) -> bool:
        """Return whether there is an assertion with an algorithm of this method's kind."""
        assertion = oauth_request.form.get("client_assertion")
        if assertion is None:
            return False
        try:
            by_secret = read_unverified(assertion, HEADER).get("alg") in SECRET_ALGORITHMS
        except ValueError:
            by_secret = False
        return by_secret == (self.algorithms[0] in SECRET_ALGORITHMS)

    def authenticate(
        self, oauth_request: OAuthRequest, server: AuthorizationServer
    ) -> RegisteredClient:
        """Return the client that made the assertion, which cannot be used again."""
        form = oauth_request.form
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise ClientAuthenticationFailed(
                "The client_assertion_type is missing or not that of a JWT.", "RFC 7523 section 2.2"
            )
        kid, claimed = _read_claimed(form["client_assertion"])
        failed = partial(ClientAuthenticationFailed, client_id=claimed)
        client: RegisteredClient | None = server.query_client(claimed)
        if client is not None and not client.check_endpoint_auth_method(self.name, "token"):
            raise failed(f"The client registered {client.token_endpoint_auth_method}.")
        settings = server.provider.settings_for(client) if client else server.provider.settings
        try:
            header, claims = self._verify(server, client, kid, form["client_assertion"], settings)
        except InvalidJWT as invalid:
            reason = f"The assertion is not accepted: {invalid}."
            raise failed(reason if client else UNKNOWN_CLIENT, "RFC 7523 section 3") from None
        assertion = Assertion(
            header, claims, claimed, oauth_request, server.provider, settings, clock.now()
        )
        for check, rule in CHECKS:
            if problem := check(assertion):
                raise failed(problem, rule)
        # Again, because the transaction ended while another host's keys were fetched.
        client = server.query_client(claimed)
        if client is None:
            raise failed(UNKNOWN_CLIENT)
        if not self._use(server, client, claims, settings):
            raise failed("The assertion was used before.", "RFC 7523 section 3")
        return client

    def _verify(
        self,
        server: AuthorizationServer,
        client: RegisteredClient | None,
        kid: Any,
        assertion: str,
        settings: Mapping[str, Any],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        allowed = settings["oauth.token_endpoint_auth_signing_algs"]
        registered = client and client.member("token_endpoint_auth_signing_alg")
        algorithms = [
            alg for alg in self.algorithms if alg in allowed and registered in (None, alg)
        ]
        reason = "the client has no key"
        for keys in self.keys(server, client, kid if isinstance(kid, str) else None):
            try:
                return verify_client_jwt(assertion, keys, algorithms)
            except InvalidJWT as problem:
                reason = str(problem)
        raise InvalidJWT(reason)

    def _use(
        self,
        server: AuthorizationServer,
        client: RegisteredClient,
        claims: dict[str, Any],
        settings: Mapping[str, Any],
    ) -> bool:
        return use_identifier(
            server.request.oidc.database,
            "client_assertion",
            client.client_id,
            claims["jti"],
            ceil(claims["exp"]) + settings["oauth.clock_skew"],
        )


def _read_claimed(assertion: str) -> tuple[Any, str]:
    """Return the ``kid`` and the ``sub`` of an assertion that is not yet verified."""
    try:
        kid = read_unverified(assertion, HEADER).get("kid")
        client_id = read_unverified(assertion, CLAIMS).get("sub")
    except ValueError as problem:
        raise ClientAuthenticationFailed(
            f"The assertion cannot be read: {problem}.", "RFC 7523 section 3"
        ) from None
    if not isinstance(client_id, str):
        raise ClientAuthenticationFailed("The assertion has no sub.", "RFC 7523 section 3")
    return kid, client_id
