"""Authorization responses as they reach a relying party: by a redirect or in a form."""

from urllib.parse import parse_qsl, urlsplit

import webtest


def read_redirect(
    response: webtest.TestResponse, redirect_uri: str, *, in_query: bool
) -> dict[str, str]:
    """Return the parameters that a redirect carries in the part where they belong."""
    assert response.status_int in {302, 303}, response
    parts = urlsplit(response.location)
    carrier, other = (parts.query, parts.fragment) if in_query else (parts.fragment, parts.query)
    registered = urlsplit(redirect_uri)
    assert parts[:3] == registered[:3]
    known = parse_qsl(registered.query, keep_blank_values=True)
    pairs = parse_qsl(carrier, keep_blank_values=True, strict_parsing=True)
    if in_query:
        assert pairs[: len(known)] == known
        pairs = pairs[len(known) :]
        assert not other
    else:
        assert other == registered.query
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def read_form_post(response: webtest.TestResponse, redirect_uri: str) -> dict[str, str]:
    """Return the parameters that the page posts (OAuth 2.0 Form Post Response Mode section 2)."""
    assert response.status_int == 200, response
    assert response.content_type == "text/html"
    assert "no-store" in response.headers["Cache-Control"]
    (form,) = set(response.forms.values())
    assert (form.action, form.method.lower()) == (redirect_uri, "post")
    pairs = form.submit_fields()
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def go_on(response: webtest.TestResponse) -> webtest.TestResponse:
    """Do what the user does whom a page asks before an error leads to a client of its own making.

    Return what comes then; an answer that is no such page goes through.
    """
    if response.status_int != 400:
        return response
    link = response.html.find("a", id="onward")
    if link is not None:
        return webtest.TestResponse(status=303, headerlist=[("Location", link["href"])])
    assert "onward" in response.forms
    response.status_int = 200
    return response
