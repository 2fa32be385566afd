"""A third party's package: a grant with a setting, a page and metadata of its own, and a custom
client authentication method, through public directives alone."""

import hashlib
import hmac
from typing import Any

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin
from pyramid.response import Response

from oidcserver.models.user import read_user
from oidcserver.oauth.errors import invalid_grant
from oidcserver.settings import seconds, words


class VoucherGrant(BaseGrant, TokenEndpointMixin):
    """A voucher of the shape NAME:SIGNATURE stands for the person of that name."""

    GRANT_TYPE = "urn:example:voucher"

    def validate_token_request(self) -> None:
        self.authenticate_token_endpoint_client()
        self.validate_requested_scope()
        name, _, signature = self.request.form.get("voucher", "").partition(":")
        issuers = self.request.request.oidc.provider.settings["voucher.signers"]
        if not any(hmac.compare_digest(sign(name, issuer), signature) for issuer in issuers):
            raise invalid_grant("The voucher is not valid.")
        self.request.user = read_user(self.request.request.oidc.database, name)
        if self.request.user is None:
            raise invalid_grant("The voucher is not valid.")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        token = self.generate_token(user=self.request.user, scope=self.request.payload.scope)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class HeaderAuthentication:
    """The client names itself and its secret in a header of its own."""

    def presented(self, request: Any) -> bool:
        return "X-Client" in request.headers

    def authenticate(self, request: Any, server: Any) -> Any:
        client_id, _, secret = request.headers["X-Client"].partition("/")
        client = server.query_client(client_id)
        return client if client is not None and client.check_client_secret(secret) else None


def sign(name: str, key: str) -> str:
    return hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()


def vouchers(request: Any) -> Response:
    return Response(json_body={"lifetime": request.oidc.provider.settings["voucher.lifetime"]})


def includeme(config: Any) -> None:
    config.add_oauth_setting("voucher.signers", words, (), "The keys that sign vouchers.")
    config.add_oauth_setting("voucher.lifetime", seconds, 60, "How long a voucher holds.")
    config.add_oauth_grant("voucher", VoucherGrant)
    config.add_client_authentication_method("x_header", HeaderAuthentication())
    config.add_oauth_endpoint(
        "voucher", "/vouchers", vouchers, methods=("GET",),
        metadata={"voucher_signing_supported": True},
    )  # fmt: skip
