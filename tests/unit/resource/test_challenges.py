"""The parameters that a protected view adds to each challenge."""

import pytest

from oidcserver.oauth.errors import Rejection
from oidcserver.resource.challenges import add_parameters
from oidcserver.resource.protected_resources import ProtectedResource

RESOURCE = ProtectedResource("https://api.example/x")
METADATA = 'resource_metadata="https://api.example/.well-known/oauth-protected-resource/x"'
SAID = 'error="invalid_token", error_description="Bad."'


@pytest.mark.parametrize(
    ("challenge", "scope", "extended"),
    [
        ("Bearer", "", f"Bearer {SAID}, {METADATA}"),
        ("Bearer", "a b", f'Bearer {SAID}, scope="a b", {METADATA}'),
        (f"Bearer {SAID}", "a", f'Bearer {SAID}, scope="a", {METADATA}'),
        (f'Bearer {SAID}, scope="a"', "a b", f'Bearer {SAID}, scope="a", {METADATA}'),
        ('DPoP algs="ES256"', "", f'DPoP algs="ES256", {SAID}, {METADATA}'),
    ],
)
def test_missing_parameters_are_added(challenge: str, scope: str, extended: str) -> None:
    other = ("Retry-After", "5")
    headers = (("WWW-Authenticate", challenge), other, ("WWW-Authenticate", challenge))
    rejection = Rejection("invalid_token", "Bad.", status_code=401, headers=headers)
    add_parameters(rejection, RESOURCE, scope)
    said = ("WWW-Authenticate", extended)
    assert rejection.headers == (said, other, said)
