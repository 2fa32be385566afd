"""Delivery of mail by the :mod:`outbox <oidcserver.operations.outbox>`."""

import logging

from oidcserver.mail.message import make_message, unseal
from oidcserver.mail.smtp import TIMEOUT, MailServer, RejectedMail
from oidcserver.models import Mail
from oidcserver.operations.outbox import Outbox, Undeliverable
from oidcserver.types import Registry

#: Connections to the mail server at once in one process.
WORKERS = 4
#: The steps of a connection that may take the whole timeout.
STEPS = 12


class MailOutbox(Outbox[Mail]):
    """Sends mail; ``registry.oidc.mail_outbox``."""

    model = Mail
    log = logging.getLogger("oidcserver.mail")
    workers = WORKERS

    def __init__(self, registry: Registry, server: MailServer, interval: int) -> None:
        super().__init__(registry, TIMEOUT * STEPS, interval)
        self.server = server

    def describe(self, delivery: Mail, *, done: bool) -> str:
        """Return the beginning of a sentence of the log; it names no user."""
        return f"The mail {delivery.id} ({delivery.purpose}) was {'' if done else 'not '}sent"

    def attempt(self, delivery: Mail) -> None:
        """Send a mail."""
        provider = self.registry.oidc.provider
        content = unseal(provider, delivery.content_sealed)
        if content is None:
            self.end(delivery, "Its sealing key is gone.")
            return
        try:
            self.server.send(make_message(content, provider.settings["oidc.mail_from"]))
        except RejectedMail as problem:
            self.end(delivery, problem.reason)
        except Undeliverable as problem:
            self.postpone(delivery, problem.reason)
        else:
            self.end(delivery)

    def end(self, delivery: Mail, problem: str = "", **columns: str) -> None:
        """Record the end, and forget the content."""
        super().end(delivery, problem, content_sealed="", **columns)
