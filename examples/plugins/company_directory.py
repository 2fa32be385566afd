"""A user directory: a service of the company knows the users and their passwords."""

import urllib3

from oidcserver.interfaces import DirectoryUnavailable, DirectoryUser
from oidcserver.settings import seconds, text
from oidcserver.types import Configurator, Registry, Request

HTTP = urllib3.PoolManager()


class CompanyDirectory:
    """``POST directory.url`` with name and password answers 200 with the user, or 401."""

    sign_in_hint = "Use your company account."

    def authenticate(self, request: Request, username: str, password: str) -> DirectoryUser | None:
        """Return the user whose password this is, or None."""
        settings = request.oidc.provider.settings
        try:
            response = HTTP.request(
                "POST",
                settings["directory.url"],
                json={"username": username, "password": password},
                timeout=settings["directory.timeout"],
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise DirectoryUnavailable(f"{settings['directory.url']}: {error}") from None
        if response.status == 401:
            return None
        if response.status != 200:
            raise DirectoryUnavailable(f"{settings['directory.url']} answers {response.status}")
        user = response.json()
        claims = {"name": user["name"], "email": user["email"], "email_verified": True}
        return DirectoryUser(user["id"], user["username"], claims)


def require_url(registry: Registry) -> str | None:
    """Stop the start where passwords would go nowhere, or travel in the clear."""
    provider = registry.oidc.provider
    url = provider.settings["directory.url"]
    if url.startswith("https://") or (
        url.startswith("http://") and provider.settings["oidcserver.mode"] == "development"
    ):
        return None
    return f"directory.url = {url!r} is not https."


def includeme(config: Configurator) -> None:
    """Offer the directory for ``oidc.user_directory``."""
    config.add_oauth_setting("directory.url", text, "", "The address that checks passwords.")
    config.add_oauth_setting("directory.timeout", seconds, 3, "How long it may take to answer.")
    config.add_startup_check("directory url", require_url)
    config.add_user_directory("company", CompanyDirectory())
