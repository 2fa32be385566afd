"""The message when the server is ready; in development it describes the first steps."""

import logging
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from oidcserver.texts import SOURCE
from oidcserver.types import Provider

log = logging.getLogger("oidcserver.serving")


def welcome(app: Any, ports: Collection[int] = ()) -> None:
    """Log that the provider is ready; in development print how to sign in and add a client.

    :param app: a Pyramid application. For any other application, and for one that embeds a
        provider, this does nothing.
    :param ports: those that the server listens at; none: it listens at none.
    """
    oidc = getattr(getattr(app, "registry", None), "oidc", None)
    provider = getattr(oidc, "provider", None)
    if provider is None or getattr(provider, "embedded", True):
        return
    log.info("ready at %s", provider.issuer)
    if provider.settings["oidcserver.mode"] == "development":
        print(introduction(provider, ports), flush=True)  # noqa: T201


def introduction(provider: Provider, ports: Collection[int] = ()) -> str:
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
    said = ["", "The provider is ready.", "", *lines, ""]
    url = urlsplit(provider.issuer)
    port = url.port or (443 if url.scheme == "https" else 80)
    if ports and port not in ports:
        listening = " and ".join(map(str, sorted(set(ports))))
        said += [
            f"The server listens at port {listening}, but oidc.issuer and every link name port "
            f"{port}: change oidc.issuer too.",
            "",
        ]
    return "\n".join(said)
