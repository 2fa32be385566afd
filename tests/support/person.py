"""A user with a browser without scripts: HTTP, cookies, redirects and forms."""

from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urljoin

import requests

PASSWORD = "valid"
#: The forms that a person fills in.
FORMS = {"login", "consent", "device", "decision", "form_post"}


class Form:
    """A form of a page: where it goes and what it holds."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: dict[str, str] = {}


class _Forms(HTMLParser):
    """Reads the forms."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.forms: dict[str, Form] = {}
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        attributes = dict(attrs)
        if tag == "form":
            self._form = Form(urljoin(self.url, attributes.get("action") or self.url))
            self.forms[attributes.get("id") or str(len(self.forms))] = self._form
        elif tag == "input" and self._form is not None and "name" in attributes:
            unchecked = attributes.get("type") == "checkbox" and "checked" not in attributes
            if not unchecked:
                self._form.fields[attributes["name"]] = attributes.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


class Person:
    """A user who signs in and allows each request. ``seen`` lists the forms filled in."""

    def __init__(self, username: str = "alice", *, remembers: bool = False) -> None:
        self.username = username
        self.remembers = remembers
        self.http = requests.Session()
        self.http.trust_env = False
        self.seen: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.http.close()

    def authorize(self, url: str, redirect_uri: str) -> str:
        """Open a relying party's link; return the URL with the answer, which nobody visits.

        ``seen`` then holds the forms that came on the way.
        """
        self.seen = []
        method, data = "GET", None
        for _ in range(20):
            response = self.send(method, url, data)
            location = response.headers.get("Location")
            if location is None:
                url, data = self._fill_in(response)
                method = "POST"
            else:
                url, method, data = urljoin(url, location), "GET", None
                if url.startswith(redirect_uri):
                    return url
        raise AssertionError("the provider goes round in a circle")

    def visit(self, url: str, data: Any = None) -> requests.Response:
        """Open a page, or post to it, and go where that leads; return the page at the end.

        ``seen`` then holds the provider's forms that came on the way.
        """
        self.seen = []
        for _ in range(20):
            response = self.send("GET" if data is None else "POST", url, data)
            location = response.headers.get("Location")
            if location is not None:
                url, data = urljoin(url, location), None
            elif read_forms(response).keys() & FORMS:
                url, data = self._fill_in(response)
            else:
                return response
        raise AssertionError("the provider and the application go round in a circle")

    def connect_device(self, verification_uri_complete: str) -> None:
        """Open the link that a device shows, and let the device have access."""
        page = self.visit(verification_uri_complete)
        assert "Your device is connected" in page.text, page.text

    def approve(self, issuer: str, binding_message: str) -> None:
        """Allow the one backchannel request that waits, which shows a text."""
        page = self.visit(f"{issuer}/approvals")
        assert binding_message in page.text, page.text
        [form] = (it for it in read_forms(page).values() if "request" in it.fields)
        page = self.visit(form.action, {**form.fields, "decision": "allow"})
        assert "No requests are waiting" in page.text, page.text

    def sign_out(self, issuer: str) -> None:
        """Sign out on the provider's own page."""
        form = read_forms(self.send("GET", f"{issuer}/logout"))["logout"]
        response = self.send("POST", form.action, form.fields)
        assert response.status_code == 303, response.text
        answer = self.send("GET", urljoin(form.action, response.headers["Location"]))
        assert "You are signed out" in answer.text

    def send(self, method: str, url: str, data: Any = None) -> requests.Response:
        """Send one request without following its answer."""
        return self.http.request(method, url, data=data, allow_redirects=False, timeout=30)

    def _fill_in(self, response: requests.Response) -> tuple[str, dict[str, str]]:
        assert response.status_code == 200, response.text
        forms = read_forms(response)
        if "login" in forms:
            self.seen.append("login")
            form = forms["login"]
            return form.action, {**form.fields, "username": self.username, "password": PASSWORD}
        if "form_post" in forms:  # which a script submits where there are scripts
            return forms["form_post"].action, forms["form_post"].fields
        if "device" in forms:  # with the code of a complete link
            self.seen.append("device")
            return forms["device"].action, forms["device"].fields
        [name] = forms.keys() & {"consent", "decision"}
        self.seen.append(name)
        remember = {"remember": "1"} if self.remembers else {}
        return forms[name].action, {**forms[name].fields, **remember, "decision": "allow"}


def read_forms(response: requests.Response) -> dict[str, Form]:
    """Return the forms of a page by their id, and those without one by their number."""
    reader = _Forms(response.url)
    reader.feed(response.text)
    return reader.forms
