"""The page that asks for the code of a second factor, for every method that has codes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.accounts.second_factors import (
    Begun,
    announce_failure,
    count_attempt,
    find_begun,
    forget_attempts,
)
from oidcserver.http.throttling import TooManyAttempts, waiting_time
from oidcserver.interfaces import User
from oidcserver.interfaces.authentication import AuthenticationMethod
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Request
from oidcserver.views.access import with_query
from oidcserver.views.pages import render, try_later
from oidcserver.views.second_factor import (
    ROUTE,
    after_second_factor,
    begin_again,
    other_factors,
    remember_label,
)
from oidcserver.views.suspended import read_request, reject

WRONG = _("This code is wrong, or was used before.")


def too_many(problem: TooManyAttempts) -> str:
    """Return a sentence for a user who has tried too many codes."""
    wait = waiting_time(problem.retry_after)
    return _("Too many codes were tried. Please wait ${time}.", {"time": wait})


@dataclass(frozen=True, slots=True)
class CodePage:
    """The page of one method.

    :param question: the sentence above the field.
    :param numeric: whether a code has digits only.
    :param use: uses a code of a user up; returns whether it was right.
    """

    method: AuthenticationMethod
    question: str
    numeric: bool
    use: Callable[[Request, User, str], bool]

    def show(self, request: Request) -> Response:
        """Show the form."""
        begun = find_begun(request)
        if begun is None or not self.method.enrolled(request, begun.user):
            return see_other(with_query(request, ROUTE))
        return self._page(request, begun)

    def submit(self, request: Request) -> Response:
        """Check the code, and go on."""
        begun = find_begun(request)
        if begun is None or not self.method.enrolled(request, begun.user):
            return see_other(with_query(request, ROUTE))
        counted = begun.user.id
        try:
            count_attempt(request, begun.user)
        except TooManyAttempts as problem:
            return try_later(problem, partial(self._page, request, begun), too_many(problem))
        # Before the code is used up: a request that is rejected costs the user none.
        try:
            asking = read_request(request)
        except OAuth2Error as error:
            return reject(request, error)
        begun = find_begun(request)  # the transaction has ended
        if begun is None or begun.user.id != counted:
            return begin_again(request)
        if not self.use(request, begun.user, request.POST.get("code", "")):
            announce_failure(request, begun.user, self.method)
            return self._page(request, begun, WRONG, 403)
        forget_attempts(request, begun.user)
        return after_second_factor(request, asking, begun, self.method)

    def _page(self, request: Request, begun: Begun, error: str = "", status: int = 200) -> Response:
        values = {
            "page": self,
            "username": begun.user.username,
            "others": other_factors(request, begun, self.method),
            "start_again": with_query(request, "oidc.login") if begun.pending else "",
            "error": error,
            "remember": remember_label(request, begun),
        }
        # From here the user may go on to an application.
        request.oidc.content_security_policy.let_forms_leave()
        return render(request, "code_factor", values, status)
