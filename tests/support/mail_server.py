"""A real mail server of the tests, which keeps what it accepts."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from support.processes import free_port


class MailServer:
    """Accepts mail on a port of 127.0.0.1.

    :param answer: the response to each message; ``250`` accepts it.
    :param options: of aiosmtpd's ``SMTP``, such as ``tls_context``.
    """

    def __init__(self, answer: str = "250 OK", **options: Any) -> None:
        self.answer = answer
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self._controller = Controller(
            self, hostname="127.0.0.1", port=free_port(), authenticator=self._login, **options
        )
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message."""
        assert isinstance(envelope.content, bytes)
        if self.answer.startswith("250"):
            found = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(found, EmailMessage)
            self.messages.append(found)
            self.recipients.extend(envelope.rcpt_tos)
        return self.answer

    def _login(
        self, server: SMTP, session: Any, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    def stop(self) -> None:
        """Close the port."""
        self._controller.stop()
