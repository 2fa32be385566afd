"""A second factor of another author: a word that each user agreed on with the desk."""

import hmac
from typing import Any

from oidcserver.interfaces import User
from oidcserver.types import Configurator, Request
from oidcserver.views.code_factor import CodePage

WORDS = {"alice": "marmalade"}


class Word:
    """Knows the words of some users; nobody sets one up alone."""

    label = "The word of the desk"
    amr = ("kba",)
    counts = True
    route_name = "word"
    setup_route_name = "oidc.account"

    def enrolled(self, request: Request, user: User) -> bool:
        """Whether the desk knows a word."""
        return user.username in WORDS

    def register(self, config: Configurator) -> None:
        """Add the page."""
        config.add_oidc_route(self.route_name, "/login/word")
        page = CodePage(self, "Which word?", False, right)
        config.add_oidc_view(page.show, route_name=self.route_name, request_method="GET")
        config.add_oidc_view(page.submit, route_name=self.route_name, request_method="POST")


def right(request: Request, user: User, code: str) -> bool:
    """Compare the word."""
    return hmac.compare_digest(WORDS[user.username].encode(), code.encode())


def includeme(config: Any) -> None:
    """Offer the method."""
    config.add_authentication_method("word", Word())
