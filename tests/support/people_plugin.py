"""A user directory of another author: a JSON file of people, by a number that never changes."""

import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oidcserver.interfaces import DirectoryUnavailable, DirectoryUser
from oidcserver.settings import path


class People:
    """Knows who is in the file ``people.file``; without the file it does not answer."""

    sign_in_hint = "Your name and the word that the office gave you."

    def authenticate(self, request: Any, username: str, password: str) -> DirectoryUser | None:
        """Compare the word of the person of that name."""
        for number, person in read(request).items():
            if person["name"] == username.lower():
                right = hmac.compare_digest(person["word"].encode(), password.encode())
                return DirectoryUser(number, person["name"]) if right else None
        return None

    def claims(self, request: Any, user: DirectoryUser) -> Mapping[str, Any]:
        """Return the claims that the file has at this moment."""
        claims: dict[str, Any] = read(request).get(user.id, {}).get("claims", {})
        return claims


class PeopleOfTheMorning:
    """Has no claims of its own: those that it returns at the sign-in are kept."""

    realm = "people"

    def authenticate(self, request: Any, username: str, password: str) -> DirectoryUser | None:
        """Return the claims together with the user."""
        user = People().authenticate(request, username, password)
        if user is None:
            return None
        return DirectoryUser(user.id, user.username, People().claims(request, user))


class AskedAgain(PeopleOfTheMorning):
    """Can also tell who is still there."""

    def find(self, registry: Any, identifiers: Sequence[str]) -> Mapping[str, DirectoryUser]:
        """Return those who are in the file, with the claims that it has."""
        people = people_of(registry.oidc.provider)
        return {
            number: DirectoryUser(number, people[number]["name"], people[number]["claims"])
            for number in identifiers
            if number in people
        }


class Careless:
    """Returns what is no user."""

    def __init__(self, returned: Any) -> None:
        self.returned = returned

    def authenticate(self, request: Any, username: str, password: str) -> Any:
        """Return it for whoever asks."""
        return self.returned()


def read(request: Any) -> dict[str, Any]:
    """Return the people by number."""
    return people_of(request.oidc.provider)


def people_of(provider: Any) -> dict[str, Any]:
    """Return the people in the file of a provider."""
    file: Path = provider.settings["people.file"]
    try:
        people: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise DirectoryUnavailable(f"{file} is not there", retry_after=7) from None
    return people


def includeme(config: Any) -> None:
    """Offer the directories."""
    config.add_oauth_setting("people.file", path, None, "Where the people are.")
    config.add_user_directory("people", People())
    config.add_user_directory("morning", PeopleOfTheMorning())
    config.add_user_directory("asked_again", AskedAgain())
    for name, returned in (
        ("row", lambda: {"id": 1}),
        ("number", lambda: DirectoryUser(1, "alice")),  # type: ignore[arg-type]
        ("nobody", lambda: DirectoryUser(" ", "alice")),
        ("endless", lambda: DirectoryUser("x" * 256, "alice")),
    ):
        config.add_user_directory(name, Careless(returned))
