"""The page that asks before a second factor or a connected account is changed.

A user who has just signed in again, because of a button on the page before, comes to it.
"""

from pyramid.response import Response

from oidcserver.types import Request
from oidcserver.views.pages import render


def ask(request: Request, question: str, button: str, back: str, **field: str) -> Response:
    """Ask the question. The form is sent to the URL of this page.

    :param back: the URL of the page where nothing is changed.
    :param field: the name of the field that the button sends, and its value.
    """
    [(name, value)] = field.items()
    values = {"question": question, "button": button, "back": back, "name": name, "value": value}
    return render(request, "confirmation", values)
