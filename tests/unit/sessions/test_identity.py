"""Pyramid's security policy over the login session."""

from types import SimpleNamespace
from typing import Any

from pyramid.authorization import Allow, Authenticated, Deny, Everyone

from oidcserver.sessions.identity import LoginSessionPolicy

POLICY = LoginSessionPolicy()


def signed_in(session: Any) -> Any:
    """Return a request of a browser with a login session, or with none."""
    return SimpleNamespace(oidc=SimpleNamespace(access_token=None, login_session=session))


ALICE = signed_in(SimpleNamespace(user_id="a1", user="the user"))
NOBODY = signed_in(None)


def test_the_identity_is_the_person_of_the_session() -> None:
    assert POLICY.identity(ALICE) == "the user"
    assert POLICY.authenticated_userid(ALICE) == "a1"
    assert POLICY.identity(NOBODY) is None
    assert POLICY.authenticated_userid(NOBODY) is None


def test_rights_come_from_the_context() -> None:
    context = SimpleNamespace(
        __acl__=[(Allow, "a1", "edit"), (Allow, Authenticated, "view"), (Deny, Everyone, "edit")]
    )
    assert POLICY.permits(ALICE, context, "edit")
    assert POLICY.permits(ALICE, context, "view")
    assert not POLICY.permits(NOBODY, context, "view")
    other = signed_in(SimpleNamespace(user_id="b2", user=None))
    assert not POLICY.permits(other, context, "edit")
    assert not POLICY.permits(ALICE, SimpleNamespace(), "view")


def test_cookies_are_the_business_of_sign_in_and_sign_out() -> None:
    assert POLICY.remember(ALICE, "a1") == []
    assert POLICY.forget(ALICE) == []
