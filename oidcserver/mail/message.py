"""Makes a message of a letter (RFC 5322), as text and as HTML."""

import json
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from pyramid.renderers import render

from oidcserver import clock
from oidcserver.interfaces.letter import Letter
from oidcserver.keys.strict_json import compact
from oidcserver.types import Provider, Request

#: The purpose of the seal on queued mail.
PURPOSE = "mail"


@dataclass(frozen=True, slots=True)
class MailContent:
    """The parts of a mail that was queued."""

    to: str
    subject: str
    text: str
    html: str
    service: str
    #: The URL of the letter's link, for the page that shows mail in development.
    link: str


def render_letter(request: Request, to: str, letter: Letter) -> MailContent:
    """Return a letter as text and as HTML, in the language of the request."""
    locale = request.oidc.locale
    # Filters of templates take texts, not sentences that are still to be translated.
    plain = replace(
        letter,
        sentences=tuple(map(locale.translate, letter.sentences)),
        link=(locale.translate(letter.link[0]), letter.link[1]) if letter.link else None,
        after=tuple(map(locale.translate, letter.after)),
    )
    text, html = (
        render(
            f"oidcserver:templates/mail/letter.{kind}.jinja2",
            {"letter": shown, "service": request.oidc.service_name, "locale": locale},
            request,
        )
        for kind, shown in (("txt", plain), ("html", letter))
    )
    link = letter.link[1] if letter.link else ""
    subject = locale.translate(letter.subject)
    return MailContent(to, subject, text, html, request.oidc.service_name, link)


def seal(provider: Provider, content: MailContent) -> str:
    """Return the content for the database."""
    sealed: str = provider.sealer(PURPOSE).seal(compact(astuple(content)).encode())
    return sealed


def unseal(provider: Provider, sealed: str) -> MailContent | None:
    """Return the content that :func:`seal` sealed; None if its key is gone."""
    content = provider.sealer(PURPOSE).unseal(sealed)
    return None if content is None else MailContent(*json.loads(content))


def make_message(content: MailContent, sender: str) -> EmailMessage:
    """Return the message; automatic replies to it are not wanted (RFC 3834 section 5)."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(content.service, addr_spec=sender)
    message["To"] = Address(addr_spec=content.to)
    message["Subject"] = content.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(clock.now(), UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    return message
