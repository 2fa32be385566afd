"""A user with the second factor of the examples, who signs in with a password first."""

from typing import Any

import webtest
from second_factor import code_at, key_of
from support.app import Provider, follow_to_answer

from oidcserver import clock
from oidcserver.models.user import find_user

SECRET = "a-secret-of-thirty-two-characters"
INCLUDED = {"oidcserver__includes": "second_factor", "second_factor__secret": SECRET}


def code_of(provider: Provider, username: str = "alice") -> str:
    """Return the code that the authenticator application of a user shows now."""
    with provider.database() as dbsession:
        user = find_user(dbsession, username)
        assert user is not None
        return code_at(key_of(SECRET, user.id), clock.now())


def give_code(page: Any) -> webtest.TestResponse:
    """Fill in the page of the second factor for alice; return where it leads."""
    form = page.forms["code"]
    form["code"] = code_of(page.test_app.provider)
    return follow_to_answer(form.submit())


def decline(page: Any) -> webtest.TestResponse:
    """Press the button for users who have no code; return where it leads."""
    return follow_to_answer(page.forms["code"].submit("decline"))
