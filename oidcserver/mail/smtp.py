"""Hands messages to a mail server (RFC 5321, RFC 3207, RFC 4954)."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from oidcserver.http.addresses import is_this_machine
from oidcserver.operations.outbox import Undeliverable
from oidcserver.settings import reference

#: Seconds that each step of a connection may take.
TIMEOUT = 10
PORTS = {"smtp": 587, "smtps": 465}


class RejectedMail(Exception):
    """The mail server rejected a message finally. ``code`` is its answer."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server, and the credentials that it requires.

    :param implicit_tls: whether TLS begins with the first byte (RFC 8314 section 3.3). Otherwise
        STARTTLS is required, except on this machine.
    """

    host: str
    port: int
    implicit_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)
    ca_bundle: Path | None = None

    def send(self, message: EmailMessage) -> None:
        """Send a message on a connection of its own.

        :raises RejectedMail: if the server will not take it later either.
        :raises Undeliverable: if it cannot be sent at this moment.
        """
        try:
            with self._connect() as connection:
                if self.user:
                    connection.login(self.user, self.password)
                connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as problem:
            raise _failure(*(code for code, _ in problem.recipients.values())) from None
        except smtplib.SMTPAuthenticationError as problem:
            # The operator has to correct the password, and the mail can wait.
            raise Undeliverable(
                f"The mail server answered the login with {problem.smtp_code}."
            ) from None
        except (
            smtplib.SMTPSenderRefused,
            smtplib.SMTPConnectError,
            smtplib.SMTPHeloError,
        ) as problem:
            # It rejects the sender or this server, not the mail: the operator has to correct that.
            raise Undeliverable(
                f"The mail server answered {problem.smtp_code} before the recipient was named."
            ) from None
        except smtplib.SMTPResponseException as problem:
            raise _failure(problem.smtp_code) from None
        except smtplib.SMTPNotSupportedError:
            raise Undeliverable("The mail server does not offer STARTTLS or the login.") from None
        except smtplib.SMTPException as problem:
            raise Undeliverable(f"The mail server failed ({type(problem).__name__}).") from None
        except OSError as problem:
            reason = problem.strerror or type(problem).__name__
            raise Undeliverable(f"The mail server cannot be reached: {reason}.") from None

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_bundle)
        if self.implicit_tls:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
        connection = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        if not is_this_machine(self.host):
            try:
                connection.starttls(context=context)
            except BaseException:
                connection.close()
                raise
        return connection


def _failure(*codes: int) -> Exception:
    """Return the exception for answers of the server; those from 500 on are final."""
    code = max(codes)
    if code >= 500:
        return RejectedMail(code)
    return Undeliverable(f"The mail server answered {code}.")


def mail_server(raw: str) -> MailServer | None:
    """Return the mail server of a URL; the setting may be ``env:NAME`` or ``file:PATH``."""
    url = reference(raw)
    if not url:
        return None
    expected = "smtp://HOST or smtps://HOST, with user and password"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(expected)
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError:
        raise ValueError("a port up to 65535") from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname, port, parts.scheme == "smtps", user, password)
