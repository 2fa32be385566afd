"""A relying party that speaks HTTP to one process, or to the proxy before them all."""

from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from support.app import REDIRECT_URI, RelyingParty
from support.families import make_refresh_tokens
from support.person import Person
from support.racing import Answer, Racer


class RemoteParty:
    """A client of the provider at one URL, over one connection; the end of a ``with`` closes it."""

    def __init__(self, url: str, party: RelyingParty) -> None:
        self.url = url
        self.party = party
        self.http = Racer(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.http.close()

    def token(self, **form: str) -> Answer:
        """Ask the token endpoint."""
        return self.http.post("/oauth/token", form, self.party.basic())

    def redeem(self, code: str) -> Answer:
        """Ask for the tokens of a code."""
        return self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=REDIRECT_URI,
            code_verifier=self.party.verifier,
        )

    def refresh(self, refresh_token: str) -> Answer:
        """Ask for the successor of a refresh token."""
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def new_tokens(self) -> tuple[str, str]:
        """Return the access token and the refresh token of a new authorization."""
        [first] = make_refresh_tokens(self.party, 1)
        members = self.refresh(first).json
        return members["access_token"], members["refresh_token"]

    def revoke(self, token: str) -> None:
        """Revoke an access token, or a refresh token and all that rests on its authorization."""
        answer = self.http.post("/oauth/revoke", {"token": token}, self.party.basic())
        assert answer.status == 200, answer

    def userinfo(self, access_token: str) -> Answer:
        """Ask UserInfo."""
        return self.http.get("/oauth/userinfo", {"Authorization": f"Bearer {access_token}"})

    def introspect(self, token: str) -> bool:
        """Ask introspection; return whether the token is active."""
        answer = self.http.post("/oauth/introspect", {"token": token}, self.party.basic())
        assert answer.status == 200, answer
        active: bool = answer.json["active"]
        return active

    def authorize(self, person: Person, **parameters: str) -> dict[str, str]:
        """Send the person here and through the forms; return the parameters of the answer."""
        query = urlencode(self.party.parameters(**parameters))
        answer = person.authorize(f"{self.url}/oauth/authorize?{query}", REDIRECT_URI)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}

    def authorize_silently(self, person: Person) -> str:
        """Ask without any page (``prompt=none``); return the error, or nothing for a code."""
        answer = self.authorize(person, prompt="none")
        assert person.seen == []
        return "" if "code" in answer else answer["error"]
