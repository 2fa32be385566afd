"""The base of the built-in grants."""

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin

from oidcserver.oauth.requests import OAuthRequest


class TokenGrant(BaseGrant, TokenEndpointMixin):
    """A grant of the token endpoint, in Authlib's contract.

    ``validate_token_request`` rejects; ``create_token_response`` returns status, members and
    headers. Neither writes to the database: they hand writes to ``token_request.outcome``.
    """

    @property
    def token_request(self) -> OAuthRequest:
        """The request that the grant answers; Authlib calls it ``request``."""
        token_request: OAuthRequest = self.request
        return token_request
