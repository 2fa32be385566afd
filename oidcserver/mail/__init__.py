"""Mail to users: queued in the transaction that causes it, and sent from the outbox.

``oidc.mail_url`` names the mail server. In development without one, mail is shown at ``/mail``
instead of being sent.
"""

import logging
from dataclasses import replace

from pyramid.events import NewRequest

from oidcserver.interfaces.letter import Letter
from oidcserver.mail.message import render_letter, seal
from oidcserver.mail.outbox import MailOutbox
from oidcserver.mail.smtp import mail_server
from oidcserver.mailboxes import address_problem
from oidcserver.models import Mail
from oidcserver.plugins.selection import SELECT
from oidcserver.settings import ca_bundle, seconds, text
from oidcserver.types import Configurator, Provider, Registry, Request

log = logging.getLogger("oidcserver.mail")

URL, SENDER, INTERVAL, CA_BUNDLE = (
    f"oidc.mail_{name}" for name in ("url", "from", "interval", "ca_bundle")
)


def send_mail(
    request: Request, to: str, letter: Letter, *, lifetime: int, held: bool = False
) -> None:
    """Queue a mail; it is sent once the transaction is committed.

    :param to: one address, such as ``ada@example.com``.
    :param lifetime: seconds after which the mail is of no use, and is not sent any more.
    :param held: whether it is made and stored like any other, but never sent: a page without a
        recipient then takes the same time.
    :raises ValueError: if the address cannot receive mail.
    :raises RuntimeError: if mail can neither be sent nor shown, since ``oidc.mail_url`` is missing.
    """
    provider = request.oidc.provider
    if not can_send(provider):
        raise RuntimeError(f"Mail cannot be sent: {URL} is missing.")
    if (problem := address_problem(to)) is not None:
        raise ValueError(problem)
    now = request.oidc.now
    content = render_letter(request, to, letter)
    mail = Mail(
        purpose=letter.purpose,
        content_sealed=seal(provider, content),
        expires_at=now + lifetime,
        next_attempt_at=now,
    )
    if held:
        mail.content_sealed, mail.ended_at = "", now
    request.oidc.dbsession.add(mail)
    if held:
        return
    if not is_shown(provider):
        request.oidc.database.after_commit(request.registry.oidc.mail_outbox.look)
    elif "oidc.mail" in provider.route_names:
        log.info("A mail (%s) is shown at %s", letter.purpose, request.oidc.url("oidc.mail"))
    else:
        log.info("A mail (%s) is not sent. The page mail of oidc.pages shows it.", letter.purpose)


def is_shown(provider: Provider) -> bool:
    """Whether mail is shown on a page instead of being sent."""
    settings = provider.settings
    return settings["oidcserver.mode"] == "development" and settings[URL] is None


def can_send(provider: Provider) -> bool:
    """Whether mail can be sent or shown."""
    return provider.settings[URL] is not None or is_shown(provider)


def _check(registry: Registry) -> str | None:
    """Require the address of the sender."""
    settings = registry.oidc.provider.settings
    if settings[URL] is None:
        return None
    if not settings[SENDER]:
        return f"{SENDER} is missing: {URL} needs the address that mail comes from."
    problem = address_problem(settings[SENDER])
    return None if problem is None else f"{SENDER} names the sender of mail: {problem}"


def _start(event: NewRequest) -> None:
    event.request.registry.oidc.mail_outbox.start()


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.send_mail``, the settings and the outbox."""
    config.add_oidc_method(send_mail)
    setting = config.add_oauth_setting
    setting(URL, mail_server, None,
            "The mail server, such as env:SMTP_URL with smtp://user:password@mail.example.com:587. "
            "smtp uses STARTTLS, smtps TLS from the first byte. In development without a server, "
            "mail is shown at /mail.", secret=True)  # fmt: skip
    setting(SENDER, text, "", "The address that mail comes from.")
    setting(INTERVAL, seconds, 15,
            "How often a process looks for mail to send; 0: `oidcserver deliver`.")  # fmt: skip
    setting(CA_BUNDLE, ca_bundle, None,
            "The certificates that verify the mail server's; by default the system's.")  # fmt: skip
    config.add_startup_check("mail", _check)

    def make_outbox() -> None:
        registry = config.registry
        settings = registry.oidc.provider.settings
        if settings[URL] is not None:
            server = replace(settings[URL], ca_bundle=settings[CA_BUNDLE])
            registry.oidc.mail_outbox = MailOutbox(registry, server, settings[INTERVAL])
            config.add_subscriber(_start, NewRequest)

    config.action(("oauth", "mail outbox"), make_outbox, order=SELECT)
