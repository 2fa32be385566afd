"""A grant: a voucher that the company has signed stands for a user, for a minute."""

import hashlib
import hmac
from typing import Any

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin
from pyramid.response import Response

from oidcserver.models.user import read_user
from oidcserver.oauth.errors import invalid_grant
from oidcserver.settings import reference, seconds, words
from oidcserver.types import Configurator, Request


class VoucherGrant(BaseGrant, TokenEndpointMixin):
    """``grant_type=urn:example:voucher`` with the parameter ``voucher``: NAME:TIME:SIGNATURE."""

    GRANT_TYPE = "urn:example:voucher"

    def validate_token_request(self) -> None:
        """Check the voucher of an authenticated client; nothing is written yet."""
        self.request.client = self.authenticate_token_endpoint_client()
        self.validate_requested_scope()
        oidc = self.request.request.oidc
        name, time = read_voucher(self.request.form.get("voucher", ""), oidc.provider.settings)
        if not 0 <= oidc.now - time <= oidc.provider.settings["voucher.lifetime"]:
            raise invalid_grant("The voucher has expired.")
        self.request.user = read_user(oidc.database, name)
        if self.request.user is None or self.request.user.disabled_at is not None:
            raise invalid_grant("The voucher is not valid.")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        """Prepare the tokens; the flow commits them."""
        token = self.generate_token(user=self.request.user, scope=self.request.payload.scope)
        return 200, token, self.TOKEN_RESPONSE_HEADER


def make_voucher(name: str, time: int, key: str) -> str:
    """Return the voucher for a user that a key signs at a time."""
    content = f"{name}:{time}"
    return f"{content}:{hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()}"


def read_voucher(voucher: str, settings: Any) -> tuple[str, int]:
    """Return the name and the time of a voucher that one of the keys has signed."""
    name, _, rest = voucher.partition(":")
    time = rest.partition(":")[0]
    if not (time.isascii() and time.isdigit() and len(time) < 12 and voucher.isascii()):
        raise invalid_grant("The voucher is not valid.")
    valid = (make_voucher(name, int(time), key) for key in settings["voucher.keys"])
    if not any(hmac.compare_digest(voucher, each) for each in valid):
        raise invalid_grant("The voucher is not valid.")
    return name, int(time)


def describe(request: Request) -> Response:
    """Tell clients how long a voucher is accepted."""
    lifetime = request.oidc.provider.settings["voucher.lifetime"]
    return Response(json_body={"lifetime": lifetime})


def keys(raw: str) -> tuple[str, ...]:
    """Return keys, separated by white space; ``env:NAME`` and ``file:PATH`` refer to them."""
    return words(reference(raw))


def includeme(config: Configurator) -> None:
    """Offer the grant, and an endpoint that discovery names."""
    config.add_oauth_setting("voucher.keys", keys, (), "The keys that sign vouchers.", secret=True)
    config.add_oauth_setting("voucher.lifetime", seconds, 60, "How long a voucher is accepted.")
    config.add_oauth_grant("voucher", VoucherGrant)
    config.add_oauth_endpoint(
        "voucher", "/vouchers", describe, methods=("GET",),
        metadata={"voucher_signing_supported": True},
    )  # fmt: skip
