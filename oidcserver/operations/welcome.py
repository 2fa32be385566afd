"""The message when the server is ready; in development it describes the first steps."""

import logging
from typing import Any

from oidcserver.texts import SOURCE
from oidcserver.types import Provider

log = logging.getLogger("oidcserver.serving")


def welcome(app: Any) -> None:
    """Log that the provider is ready; in development print how to sign in and add a client.

    :param app: a Pyramid application. For any other application, and for one that embeds a
        provider, this does nothing.
    """
    oidc = getattr(getattr(app, "registry", None), "oidc", None)
    provider = getattr(oidc, "provider", None)
    if provider is None or getattr(provider, "embedded", True):
        return
    log.info("ready at %s", provider.issuer)
    if provider.settings["oidcserver.mode"] == "development":
        print(introduction(provider), flush=True)  # noqa: T201


def introduction(provider: Provider) -> str:
    """Return the first steps with a provider in development."""
    directory = provider.user_directory
    hint = getattr(directory, "sign_in_hint", "`oidcserver users create INI NAME` adds a user.")
    steps = [("Open", provider.issuer), ("Sign in", SOURCE.translate(hint))]
    if "oidc.create_client" in provider.route_names:
        steps.append(("Add a client", provider.url("/create_client")))
    else:
        steps.append(("Add a client", "See `oidcserver clients create --help`."))
    steps.append(("Stop", "Ctrl-C"))
    if "oidc.mail" in provider.route_names:
        steps.insert(-1, ("Read its mail", provider.url("/mail")))
    lines = (f"  {step:<14}{instruction}" for step, instruction in steps)
    return "\n".join(["", "The provider is ready.", "", *lines, ""])
