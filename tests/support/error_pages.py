"""Answers that are for the person alone."""

from webtest import TestResponse


def is_error_page(response: TestResponse) -> bool:
    """Whether a person reads what is wrong, and is neither sent anywhere nor asked anything."""
    is_page = (response.status_int, response.content_type) == (400, "text/html")
    forms = response.html.find_all("form", class_=lambda it: it != "languages")
    return is_page and not forms
