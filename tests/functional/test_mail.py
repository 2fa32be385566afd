"""Mail: queued in a transaction, sent from the outbox, and shown in development."""

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from pyramid.config import Configurator
from pyramid.response import Response
from sqlalchemy import select
from support.app import Provider
from support.mail_server import MailServer
from support.processes import free_port
from support.tls_server import make_certificate

from oidcserver.cli import main
from oidcserver.interfaces.letter import Letter
from oidcserver.mail import smtp
from oidcserver.models import Mail
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Request

pytestmark = pytest.mark.both_databases

TO, FROM = "ada@example.com", "login@provider.example"
LINK = "https://login.example.com/verify?token=secret-of-the-link"
LETTER = Letter(
    "verify",
    "Confirm your address",
    ("Somebody entered this address at Ünïcode & <Söhne>.",),
    link=("Confirm the address", LINK),
    code="4711",
    after=("If it was not you, do nothing.",),
)
PAGES = "home login consent logout account mail"


def send(request: Request) -> Response:
    """Send a letter, and fail afterwards where the query says so."""
    request.oidc.send_mail(request.GET.get("to", TO), LETTER, lifetime=3600)
    if "fail" in request.GET:
        raise RuntimeError("after the letter was queued")
    return Response("queued")


def includeme(config: Configurator) -> None:
    """Add a page that sends a letter."""
    config.add_route("send", "/send")
    config.add_view(send, route_name="send")


@pytest.fixture
def server() -> Iterator[MailServer]:
    running = MailServer()
    yield running
    running.stop()


def sending(make_provider: Any, url: str, **settings: Any) -> Provider:
    """Return a provider that sends by a mail server, and does so when it is told to."""
    provider: Provider = make_provider(
        oidcserver__includes="functional.test_mail",
        oidc__mail_url=url,
        oidc__mail_from=FROM,
        **{"oidc__mail_interval": "0", "oidc__service_name": "Ünïcode & <Söhne>", **settings},
    )
    return provider


def rows(provider: Provider) -> list[Mail]:
    with provider.database() as dbsession:
        found = list(dbsession.scalars(select(Mail)))
        dbsession.expunge_all()
    return found


def deliver(provider: Provider) -> None:
    provider.registry.oidc.mail_outbox.deliver_due()


def test_a_letter_arrives_as_text_and_as_html(make_provider: Any, server: MailServer) -> None:
    provider = sending(make_provider, server.url)
    provider.browser().get("/send")
    deliver(provider)
    [message] = server.messages
    assert server.recipients == [TO]
    assert message["Subject"] == LETTER.subject
    assert message["From"].addresses[0].addr_spec == FROM
    assert message["From"].addresses[0].display_name == "Ünïcode & <Söhne>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    assert message["Message-ID"].endswith("@provider.example>")
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert LINK in text.get_content()
    assert "4711" in text.get_content()
    assert "<Söhne>" in text.get_content()
    assert f'href="{LINK}"' in html.get_content()
    assert "&lt;Söhne&gt;" in html.get_content()


def test_the_database_holds_no_content(make_provider: Any, server: MailServer) -> None:
    provider = sending(make_provider, server.url)
    provider.registry.oidc.mail_outbox.stop()
    provider.browser().get("/send")
    [queued] = rows(provider)
    assert queued.content_sealed
    for column in Mail.__table__.columns:
        text = str(getattr(queued, column.name))
        assert TO not in text
        assert "secret-of-the-link" not in text


def test_what_was_sent_is_forgotten(make_provider: Any, server: MailServer) -> None:
    provider = sending(make_provider, server.url)
    provider.browser().get("/send")
    deliver(provider)
    [sent] = rows(provider)
    assert (sent.content_sealed, sent.problem) == ("", "")
    assert sent.ended_at is not None
    deliver(provider)
    assert len(server.messages) == 1


def test_a_transaction_that_fails_sends_nothing(make_provider: Any, server: MailServer) -> None:
    provider = sending(make_provider, server.url)
    provider.browser().get("/send?fail=1", status=500)
    deliver(provider)
    assert server.messages == []
    assert rows(provider) == []


def test_a_server_that_is_down_gets_it_later(
    make_provider: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider = sending(make_provider, f"smtp://127.0.0.1:{free_port()}")
    provider.browser().get("/send")
    deliver(provider)
    [waiting] = rows(provider)
    assert waiting.attempts == 1
    assert waiting.ended_at is None
    assert "cannot be reached" in waiting.problem
    assert f":{provider.registry.oidc.mail_outbox.server.port}" in waiting.problem
    assert "secret-of-the-link" not in caplog.text
    assert TO not in caplog.text


def test_late_mail_is_not_sent(
    make_provider: Any, server: MailServer, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider = sending(make_provider, server.url)
    provider.registry.oidc.mail_outbox.stop()
    provider.browser().get("/send")
    clock.advance(3601)
    provider.registry.oidc.mail_outbox._stopped.clear()
    with caplog.at_level(logging.WARNING, "oidcserver.mail"):
        deliver(provider)
    assert server.messages == []
    assert "No attempt was made in time." in caplog.text
    assert rows(provider)[0].content_sealed == ""


@pytest.mark.parametrize(("answer", "final"), [("550 no such user", True), ("451 later", False)])
def test_the_answer_of_the_server_decides(make_provider: Any, answer: str, final: bool) -> None:
    rejecting = MailServer(answer)
    provider = sending(make_provider, rejecting.url)
    provider.browser().get("/send")
    deliver(provider)
    [row] = rows(provider)
    rejecting.stop()
    assert (row.ended_at is not None) is final
    assert answer[:3] in row.problem
    assert "the content" in row.problem
    assert "no such user" not in row.problem, "the text of another host is not repeated"


def test_the_login_of_the_server_is_used(make_provider: Any) -> None:
    asking = MailServer(auth_require_tls=False)
    provider = sending(make_provider, asking.url.replace("//", "//mailer:right@"))
    provider.browser().get("/send")
    deliver(provider)
    asking.stop()
    assert asking.logins == [(b"mailer", b"right")]
    assert len(asking.messages) == 1


def test_a_wrong_password_keeps_the_mail(make_provider: Any) -> None:
    asking = MailServer(auth_require_tls=False)
    provider = sending(make_provider, asking.url.replace("//", "//mailer:wrong@"))
    provider.browser().get("/send")
    deliver(provider)
    asking.stop()
    [row] = rows(provider)
    assert row.ended_at is None
    assert "login" in row.problem
    assert "oidc.mail_url" in row.problem
    assert "wrong" not in row.problem


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_server_that_requires_a_login_keeps_the_mail(make_provider: Any) -> None:
    asking = MailServer(auth_required=True, auth_require_tls=False)
    provider = sending(make_provider, asking.url)
    provider.browser().get("/send")
    deliver(provider)
    asking.stop()
    [row] = rows(provider)
    assert row.ended_at is None
    assert row.content_sealed
    assert "530" in row.problem


def test_a_server_that_takes_no_connection_keeps_the_mail(make_provider: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as refusing:
        provider = sending(make_provider, f"smtp://127.0.0.1:{refusing.getsockname()[1]}")
        provider.registry.oidc.mail_outbox.stop()

        def refuse() -> None:
            connection, _ = refusing.accept()
            with connection:
                connection.sendall(b"554 not from there\r\n")
                connection.recv(100)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(refuse)
            provider.browser().get("/send")
            provider.registry.oidc.mail_outbox._stopped.clear()
            deliver(provider)
    [row] = rows(provider)
    assert row.ended_at is None
    assert "554" in row.problem


def test_a_server_that_hangs_holds_up_nobody(make_provider: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        provider = sending(make_provider, f"smtp://127.0.0.1:{port}", oidc__mail_interval="1")
        browser = provider.browser()
        began = time.monotonic()
        browser.get("/send")
        assert browser.get("/login").status_code == 200
        assert time.monotonic() - began < 5
        provider.registry.oidc.mail_outbox.stop()
    deliver(provider)  # waits until the attempt has failed


def test_a_hanging_server_is_said_to_hang(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        provider = sending(make_provider, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        provider.browser().get("/send")
        deliver(provider)
    assert "did not answer within 1 seconds." in rows(provider)[0].problem


def test_tls_where_there_is_none_is_said(make_provider: Any, server: MailServer) -> None:
    provider = sending(make_provider, server.url.replace("smtp:", "smtps:"))
    provider.browser().get("/send")
    deliver(provider)
    assert "write smtp:// in oidc.mail_url" in rows(provider)[0].problem


def test_an_untrusted_certificate_names_the_setting(make_provider: Any, tmp_path: Any) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(make_certificate(tmp_path))
    secured = MailServer(ssl_context=context)
    provider = sending(make_provider, secured.url.replace("smtp://127.0.0.1", "smtps://localhost"))
    provider.browser().get("/send")
    deliver(provider)
    secured.stop()
    assert "oidc.mail_ca_bundle" in rows(provider)[0].problem
    assert "self-signed certificate" in rows(provider)[0].problem


@pytest.mark.parametrize(
    ("missing", "setting"), [("STARTTLS", "smtps://"), ("a login", "no user and password")]
)
def test_what_the_server_lacks_is_said(
    make_provider: Any, server: MailServer, monkeypatch: pytest.MonkeyPatch,
    missing: str, setting: str,
) -> None:  # fmt: skip
    if missing == "STARTTLS":
        monkeypatch.setattr(smtp, "is_this_machine", lambda host: False)
    provider = sending(make_provider, server.url.replace("//", "//mailer:right@"))
    provider.browser().get("/send")
    deliver(provider)
    assert f"does not offer {missing}" in rows(provider)[0].problem
    assert setting in rows(provider)[0].problem


def test_development_shows_mail_on_a_page(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make_provider(oidcserver__includes="functional.test_mail", oidc__pages=PAGES)
    browser = provider.browser()
    assert "There is no mail yet." in browser.get("/mail")
    with caplog.at_level(logging.INFO, "oidcserver.mail"):
        browser.get("/send")
    assert "/mail" in caplog.text
    page = browser.get("/mail")
    assert TO in page
    assert "&lt;Söhne&gt;" in page
    assert page.html.find("a", string="Open the link")["href"] == LINK


def test_without_the_page_the_log_names_it(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    browser = make_provider(oidcserver__includes="functional.test_mail").browser()
    with caplog.at_level(logging.INFO, "oidcserver.mail"):
        browser.get("/send")
    assert "The page mail of oidc.pages shows it." in caplog.text
    assert "http" not in caplog.text.partition("A mail")[2]


def test_without_a_server_the_error_names_the_setting(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make_provider(oidcserver__includes="functional.test_mail")
    provider.registry.oidc.provider.settings._values["oidcserver.mode"] = "production"
    provider.browser().get("/send", status=500)
    assert "RuntimeError: Mail cannot be sent: oidc.mail_url is missing." in caplog.text
    assert rows(provider) == []


def test_the_page_is_for_development_alone(make_provider: Any, server: MailServer) -> None:
    settings = {"oidc__mail_url": server.url, "oidc__mail_from": FROM, "oidc__pages": PAGES}
    with pytest.raises(ConfigurationProblem, match=r"oidc\.pages selects mail"):
        make_provider(**settings)


@pytest.mark.parametrize(
    ("url", "sender", "sentence"),
    [
        ("http://mail.example.com", FROM, "it takes smtp://HOST"),
        ("smtp://[::1", FROM, "it takes smtp://HOST"),
        ("smtp://mail.example.com:99999", FROM, "it takes a port up to 65535"),
        ("smtp://mail.example.com", "", "oidc.mail_from is missing"),
        ("smtp://mail.example.com", "login", "oidc.mail_from names the sender of mail"),
    ],
)
def test_a_mistake_stops_the_start(
    make_provider: Any, url: str, sender: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(oidc__mail_url=url, oidc__mail_from=sender)


def test_a_command_sends_what_is_due(
    make_provider: Any, server: MailServer, tmp_path: Any, provider_url: str, keys_directory: Any
) -> None:
    provider = sending(make_provider, f"smtp://127.0.0.1:{free_port()}")
    provider.registry.oidc.mail_outbox.stop()
    provider.browser().get("/send")
    ini, url = tmp_path / "mail.ini", provider_url.replace("%", "%%")
    ini.write_text(
        "[app:main]\nuse = egg:oidcserver\noidcserver.mode = development\n"
        f"oidc.issuer = {provider.issuer}\noidcserver.database_url = {url}\n"
        f"oidcserver.keys_directory = {keys_directory}\noidc.user_directory = demo\n"
        f"oidc.mail_url = {server.url}\noidc.mail_from = {FROM}\noidc.mail_interval = 0\n"
    )
    sent = CliRunner().invoke(main, ["deliver", str(ini)])
    assert sent.exit_code == 0, sent.output
    assert "Mail left for later attempts: 0." in sent.output
    assert len(server.messages) == 1


def test_a_command_that_sends_nothing_fails_and_says_why(
    make_provider: Any, server: MailServer, tmp_path: Any, provider_url: str, keys_directory: Any
) -> None:
    """Also while no attempt is due."""
    provider = sending(make_provider, server.url)
    provider.registry.oidc.mail_outbox.stop()
    provider.browser().get("/send")
    ini, url = tmp_path / "mail.ini", provider_url.replace("%", "%%")
    port = free_port()
    ini.write_text(
        "[app:main]\nuse = egg:oidcserver\noidcserver.mode = development\n"
        f"oidc.issuer = {provider.issuer}\noidcserver.database_url = {url}\n"
        f"oidcserver.keys_directory = {keys_directory}\noidc.user_directory = demo\n"
        f"oidc.mail_url = smtp://127.0.0.1:{port}\noidc.mail_from = {FROM}\n"
        "oidc.mail_interval = 0\n"
    )
    reason = f"The mail server 127.0.0.1:{port} cannot be reached: Connection refused."
    for _ in range(2):
        ended = CliRunner().invoke(main, ["deliver", str(ini)])
        assert ended.exit_code == 1, ended.output
        assert f"Mail left for later attempts: 1. None was sent: {reason}" in ended.output
    assert rows(provider)[0].attempts == 1
