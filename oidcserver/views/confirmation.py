"""The page that asks before a second factor, a connected account or the account is changed.

A user who has just signed in again, because of a button on the page before, comes to it.
"""

from collections.abc import Sequence

from pyramid.response import Response

from oidcserver.types import Request
from oidcserver.views.pages import render


def ask(
    request: Request,
    question: str,
    button: str,
    back: str,
    *,
    consequences: Sequence[str] = (),
    **field: str,
) -> Response:
    """Ask the question. The form is sent to the URL of this page.

    :param back: the URL of the page where nothing is changed.
    :param consequences: sentences below the question.
    :param field: the name of the field that the button sends, and its value.
    """
    [(name, value)] = field.items()
    values = {
        "question": question,
        "consequences": consequences,
        "button": button,
        "back": back,
        "name": name,
        "value": value,
    }
    return render(request, "confirmation", values)
