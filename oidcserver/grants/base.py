"""What the built-in grants share."""

from typing import Any

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin

from oidcserver.oauth.errors import invalid_request


class TokenGrant(BaseGrant, TokenEndpointMixin):
    """A grant of the token endpoint, in Authlib's contract.

    ``validate_token_request`` refuses; ``create_token_response`` returns status, members and
    headers. ``self.server`` is the request's authorization server, ``self.http_request``
    Pyramid's request.
    """

    @property
    def http_request(self) -> Any:
        """Pyramid's request."""
        return self.request.request

    def parameter(self, name: str) -> str:
        """Return a parameter that has to be there."""
        value: str | None = self.request.form.get(name)
        if value is None:
            raise invalid_request(f"The request has no {name}.", "RFC 6749 section 5.2")
        return value
