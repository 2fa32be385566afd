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


#: What a server may lack, by a word of smtplib's sentence: the rest of a sentence.
_MISSING = {
    "STARTTLS": "does not offer STARTTLS: write smtps:// in oidc.mail_url if it begins with TLS.",
    "AUTH": "does not offer a login: oidc.mail_url needs no user and password, or another port.",
    "SMTPUTF8": "takes no address with other characters than ASCII.",
}


class RejectedMail(Exception):
    """The mail server rejected a message finally. ``reason`` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


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
            codes = [code for code, _ in problem.recipients.values()]
            raise self._failure("the recipient", max(codes)) from None
        except smtplib.SMTPAuthenticationError as problem:
            # The operator has to correct the password, and the mail can wait.
            raise Undeliverable(
                f"{self} answered the login with {problem.smtp_code}: correct the user or the "
                "password in oidc.mail_url."
            ) from None
        except smtplib.SMTPSenderRefused as problem:
            # The operator has to correct that, too.
            raise Undeliverable(
                f"{self} rejected the sender with {problem.smtp_code}: correct oidc.mail_from, or "
                "the user and the password in oidc.mail_url."
            ) from None
        except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as problem:
            raise Undeliverable(f"{self} rejected this server with {problem.smtp_code}.") from None
        except smtplib.SMTPDataError as problem:
            raise self._failure("the content", problem.smtp_code) from None
        except smtplib.SMTPResponseException as problem:
            raise self._failure("the mail", problem.smtp_code) from None
        except (smtplib.SMTPException, OSError) as problem:
            raise Undeliverable(f"{self} {_reason(problem)}") from None

    def __str__(self) -> str:
        return f"The mail server {self.host}:{self.port}"

    def _failure(self, what: str, code: int) -> Exception:
        """Return the exception for an answer of the server; those from 500 on are final."""
        if code >= 500:
            return RejectedMail(f"{self} rejected {what} with {code}.")
        return Undeliverable(f"{self} answered {code} to {what}.")

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


def _reason(problem: Exception) -> str:
    """Return the rest of a sentence that begins with the server, with the setting to change."""
    # smtplib says that a server disconnected when its time is over.
    if isinstance(problem, TimeoutError) or isinstance(problem.__context__, TimeoutError):
        return f"did not answer within {TIMEOUT} seconds."
    if isinstance(problem, ssl.SSLCertVerificationError):
        return (
            f"has a TLS certificate that was not accepted ({problem.verify_message}): "
            "oidc.mail_ca_bundle names the certificates that verify it."
        )
    if isinstance(problem, ssl.SSLError) and problem.reason == "WRONG_VERSION_NUMBER":
        return "does not begin with TLS: write smtp:// in oidc.mail_url for STARTTLS."
    if isinstance(problem, smtplib.SMTPNotSupportedError):
        return next(
            (text for it, text in _MISSING.items() if it in str(problem)), "lacks an extension."
        )
    if isinstance(problem, smtplib.SMTPException):
        return f"failed ({type(problem).__name__})."
    reason = getattr(problem, "strerror", None) or type(problem).__name__
    return f"cannot be reached: {reason}."


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
