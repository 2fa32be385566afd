"""The request of a flow: Authlib's, made from Pyramid's."""

from authlib.oauth2.rfc6749 import OAuth2Request
from pyramid.testing import DummyRequest

from oidcserver.oauth.requests import OAuthRequest


class Provider:
    """The part of a provider that names URLs."""

    def url(self, path: str) -> str:
        """Return the public URL of a path."""
        return f"https://op.example{path}"


class Attributes:
    """``request.oidc``."""

    provider = Provider()


def test_a_request_has_every_attribute_of_authlibs_request() -> None:
    """The constructor of Authlib is not called, so a new attribute of it would be missing."""
    request = OAuthRequest(DummyRequest(environ={"PATH_INFO": "/oauth/token"}, oidc=Attributes()))
    assert vars(OAuth2Request("GET", "https://op.example/")).keys() <= vars(request).keys()
    assert request.uri == "https://op.example/oauth/token"
    request.scope = "openid"
    assert request.scope == "openid"
