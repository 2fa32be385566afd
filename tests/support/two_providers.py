"""A user in front of two providers: one of ours, and the upstream where the user signs in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests
from support.fleet import Fleet
from support.person import PASSWORD, Form, Person, read_forms

REDIRECT_URI = "https://client.example/cb"
SCOPE = "openid profile email groups"
#: Takes the forms of a page; returns the one to send and what to enter, or None at the end.
FillIn = Callable[[dict[str, Form]], tuple[Form, dict[str, str]] | None]


@dataclass(frozen=True)
class Upstream:
    """The other provider: its issuer, the page where its users sign out, and its forms."""

    issuer: str
    end_session: str
    fill_in: FillIn


class LocalPerson(Person):
    """A user whose browser sends secure cookies to this machine over http, as Chromium does."""

    def send(self, method: str, url: str, data: Any = None) -> requests.Response:
        """Send one request without following its answer."""
        for cookie in self.http.cookies:
            cookie.secure = False
        return super().send(method, url, data)


def fill_in_ours(forms: dict[str, Form]) -> tuple[Form, dict[str, str]] | None:
    """Fill in the pages of another instance of ours, as alice."""
    if "login" in forms:
        return forms["login"], {"username": "alice", "password": PASSWORD}
    if "consent" in forms:
        return forms["consent"], {"decision": "allow"}
    return (forms["logout"], {}) if "logout" in forms else None


def walk(person: Person, upstream: Upstream, url: str, data: Any = None) -> requests.Response:
    """Open a page, or post to it; fill the upstream's pages in, up to a page of ours."""
    for _ in range(20):
        response = person.send("GET" if data is None else "POST", url, data)
        location = response.headers.get("Location")
        if location is not None:
            url, data = urljoin(url, location), None
            continue
        there = url.startswith(upstream.issuer)
        filled = upstream.fill_in(read_forms(response)) if there else None
        if filled is None:
            return response
        form, entered = filled
        url, data = form.action, {**form.fields, **entered}
    raise AssertionError("the two providers go round in a circle")


def sign_in(person: Person, fleet: Fleet, upstream: Upstream, name: str) -> requests.Response:
    """Press the button of the login page."""
    form = read_forms(person.send("GET", f"{fleet.issuer}/login"))[f"upstream-{name}"]
    return walk(person, upstream, form.action, form.fields)


def sign_out(person: Person, fleet: Fleet, upstream: Upstream) -> requests.Response:
    """Sign out on the page of ours, and go where that leads."""
    form = read_forms(person.send("GET", f"{fleet.issuer}/logout"))["logout"]
    return walk(person, upstream, form.action, form.fields)


def is_signed_in(person: Person, fleet: Fleet) -> bool:
    """Whether the user is signed in with us."""
    return person.send("GET", f"{fleet.issuer}/account").status_code == 200


def is_signed_out_in_time(person: Person, fleet: Fleet) -> bool:
    """Wait until the upstream has told us that the session ended."""
    deadline = time.monotonic() + 30
    while is_signed_in(person, fleet) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not is_signed_in(person, fleet)


def told_to_an_application(person: Person, fleet: Fleet) -> dict[str, Any]:
    """Sign in to an application of ours; return what UserInfo says."""
    client = fleet.provider.register(scope=SCOPE, redirect_uris=[REDIRECT_URI])
    query = urlencode(client.parameters(scope=SCOPE))
    answer = person.authorize(f"{fleet.issuer}/oauth/authorize?{query}", REDIRECT_URI)
    [code] = parse_qs(urlsplit(answer).query)["code"]
    claims: dict[str, Any] = client.userinfo(client.exchange(code)["access_token"]).json
    return claims
