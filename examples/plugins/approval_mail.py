"""A subscriber: a mail to the user whom an application asks for a decision (CIBA)."""

import logging
import smtplib
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

from oidcserver.models import User
from oidcserver.oauth.events import OAuthEvent
from oidcserver.settings import text
from oidcserver.types import Configurator

log = logging.getLogger(__name__)
#: The application waits for the subscriber, so the mail is sent by a thread of its own.
pool = ThreadPoolExecutor(1, "approval-mail")


def deliver(host: str, mail: EmailMessage) -> None:
    """Send a mail."""
    try:
        with smtplib.SMTP(host, timeout=10) as server:
            server.send_message(mail)
    except OSError:
        log.exception("A user was not told of a request.")


def notify(event: OAuthEvent) -> None:
    """Tell the user where to decide."""
    if event.name != "backchannel_authentication_requested":
        return
    request = event.request
    with request.oidc.database.transaction() as dbsession:
        user = dbsession.get_one(User, event.details["user_id"])
    mail = EmailMessage()
    mail["To"] = user.claims.get("email", user.username)
    mail["Subject"] = "An application waits for your decision"
    shown = event.details["binding_message"] or "no text"
    mail.set_content(
        f"The application shows: {shown}\nDecide at {request.oidc.url('oidc.approvals')}\n"
    )
    pool.submit(deliver, request.oidc.provider.settings["approval_mail.host"], mail)


def includeme(config: Configurator) -> None:
    """Subscribe."""
    config.add_oauth_setting("approval_mail.host", text, "localhost", "The mail server.")
    config.add_subscriber(notify, OAuthEvent)
