"""A user with a browser: signs in and consents wherever a server asks for that."""

from http.cookiejar import Cookie
from urllib.parse import parse_qs, urlsplit

import mechanicalsoup
import requests
from servers import PASSWORD, REDIRECT_URI, USERNAME, VERIFIER, Server


class Destination(requests.adapters.BaseAdapter):
    """Stands for the client, whose redirect URI nobody serves."""

    def send(self, request: requests.PreparedRequest, **_options: object) -> requests.Response:
        """Answer with an empty page."""
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response._content = b""
        return response

    def close(self) -> None:
        """There is nothing to close."""


class BehindTLS(requests.cookies.RequestsCookieJar):
    """Cookies as they are behind the proxy that adds TLS: sent though they are marked Secure."""

    def set_cookie(self, cookie: Cookie, *arguments: object, **options: object) -> None:
        """Keep a cookie."""
        cookie.secure = False
        super().set_cookie(cookie, *arguments, **options)


class User:
    """The one user of a server, with a browser of their own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.browser = mechanicalsoup.StatefulBrowser()
        self.browser.session.cookies = BehindTLS()
        self.browser.session.mount(REDIRECT_URI, Destination())
        for prefix, application in server.applications.items():
            self.browser.session.mount(prefix, application)
        if server.posts_login:
            self.browser.session.post(server.url + "/login", {"username": USERNAME}, timeout=30)

    def authorize(self, proof: str = "", **changes: str) -> dict[str, str]:
        """Go through an authorization request; return the tokens.

        :param proof: a DPoP proof for the token request.
        """
        page = self.browser.open(self.server.url + self.server.authorization_path(**changes))
        for _ in range(5):
            if page.url.startswith(REDIRECT_URI):
                answer = parse_qs(urlsplit(page.url).query)
                if "code" not in answer:
                    raise RuntimeError(f"{self.server.name} gives no code: {page.url}")
                return self.server.token(
                    grant_type="authorization_code", code=answer["code"][0],
                    redirect_uri=REDIRECT_URI, code_verifier=VERIFIER, proof=proof,
                )  # fmt: skip
            page = self._fill_in()
        raise RuntimeError(f"{self.server.name} does not come to an end: {page.url} {page.text}")

    def _fill_in(self) -> requests.Response:
        form = self.browser.select_form(self.browser.page.select("form[method=post]")[-1])
        for field_ in form.form.select("input[type=text]"):
            form.set(field_["name"], USERNAME)
        for field_ in form.form.select("input[type=password]"):
            form.set(field_["name"], PASSWORD)
        if form.form.select("input[name=remember]"):
            form.set("remember", True)
        if form.form.select("button[name=decision]"):
            form.choose_submit(form.form.select_one("button[value=allow]"))
        response: requests.Response = self.browser.submit_selected()
        return response

    @property
    def cookie(self) -> str:
        """The Cookie header of the browser now."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.browser.session.cookies)
