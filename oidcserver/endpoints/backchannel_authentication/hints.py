"""The user of a backchannel authentication request: exactly one hint (CIBA sections 7.1 and 7.2).

An unknown user, a disabled one, one of another directory and one who may not use the client get the
same answer by the same way, so that nobody finds out by it which users exist or may sign in.
"""

from oidcserver.endpoints.backchannel_authentication.request import (
    BackchannelAuthenticationRequest,
    malformed,
    unknown_user,
)
from oidcserver.interfaces import User
from oidcserver.models.pairwise_subject import find_user_of_subject
from oidcserver.models.user import read_user
from oidcserver.oauth.subjects import subject_of
from oidcserver.oidc.allowed_groups import may_use
from oidcserver.oidc.id_token_hint import read_id_token_hint

LOGIN_HINT, ID_TOKEN_HINT = "login_hint", "id_token_hint"
HINTS = (LOGIN_HINT, "login_hint_token", ID_TOKEN_HINT)


def read_hint(asking: BackchannelAuthenticationRequest) -> None:
    """Require exactly one hint."""
    given = [name for name in HINTS if name in asking.payload.data]
    if len(given) != 1:
        raise malformed(
            "The request has to have exactly one of login_hint, login_hint_token and "
            "id_token_hint.",
            "CIBA section 7.2",
            hints=given,
        )
    [asking.hint] = given


def find_user(asking: BackchannelAuthenticationRequest) -> None:
    """Find the user whom the hint names, unless a plugin has done so."""
    if asking.user is None:
        if asking.hint == LOGIN_HINT:
            asking.user = read_user(asking.request.oidc.database, asking.payload.data[LOGIN_HINT])
        elif asking.hint == ID_TOKEN_HINT:
            asking.user = _user_of_id_token(asking)
        else:
            raise malformed("login_hint_token is not supported.")
    user: User | None = asking.user
    if user is None or not user.may_sign_in or user.realm != asking.provider.realm:
        raise unknown_user()
    if not may_use(asking.request, asking.client, user):
        raise unknown_user()


def _user_of_id_token(asking: BackchannelAuthenticationRequest) -> User | None:
    """Return the user of an ID token that this client got; it may have expired."""
    hint = read_id_token_hint(asking.request, asking.payload.data[ID_TOKEN_HINT])
    if hint is None or hint.client_id != asking.client.client_id:
        raise malformed("The id_token_hint is not an ID token that was issued to this client.")
    user = find_user_of_subject(asking.request.oidc.database, hint.subject)
    if user is None or subject_of(asking.request, asking.client, user) != hint.subject:
        return None
    return user
