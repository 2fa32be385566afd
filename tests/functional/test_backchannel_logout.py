"""The provider tells applications of a logout (OpenID Connect Back-Channel Logout 1.0)."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.ending import end_everything
from support.processes import ServerProcess, free_port, write_ini

from oidcserver import clock as oidcserver_clock
from oidcserver.accounts.passwords import hash_password
from oidcserver.cli import main
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import update_client
from oidcserver.models import Client, LoginSessionClient, LogoutDelivery, User
from oidcserver.models.delivery import claim_delivery
from oidcserver.oauth.events import OAuthEvent
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import FetchCause

EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: Nobody waits as long as that: it is over as soon as the applications have answered.
LONG = 60


class Application:
    """An application on loopback that hears of logouts; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.posts: list[tuple[str, str, str]] = []
        self.heard = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                application.posts.append((self.path, self.headers["Content-Type"], body))
                application.heard.set()
                application.may_answer.wait(30)
                self.send_response(application.status)
                for name, value in application.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(application.body)))
                self.end_headers()
                self.wfile.write(application.body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/logout?tenant=1"

    @property
    def tokens(self) -> list[str]:
        """The logout tokens that came."""
        return [parse_qs(body)["logout_token"][0] for _, _, body in self.posts]

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def application() -> Iterator[Application]:
    running = Application()
    yield running
    running.close()


MakeProvider = Callable[..., Provider]


@pytest.fixture
def make(make_provider: MakeProvider, provider_url: str) -> MakeProvider:
    """Return a function that makes a provider whose background does nothing unasked."""

    def make(**settings: object) -> Provider:
        return make_provider(
            **{
                "oidcserver__database_url": provider_url,
                "oidc__logout_channels": "backchannel",
                "oidc__backchannel_logout_interval": "0",
                "oidc__backchannel_logout_wait": str(LONG),
                "oauth__outbound_allow_loopback": "true",
                **settings,
            }
        )

    return make


@pytest.fixture
def provider(make: MakeProvider) -> Provider:
    return make()


def register(provider: Provider, application: Application, **metadata: Any) -> RelyingParty:
    return provider.register(backchannel_logout_uri=application.url, **metadata)


def sign_out(browser: Browser) -> None:
    """Answer the question of the page with yes."""
    page = browser.get("/logout").forms["logout"].submit().follow()
    assert "You are signed out" in page


def verify(provider: Provider, token: str, client: RelyingParty, since: int = 0) -> dict[str, Any]:
    """Verify a logout token that came so many seconds from now, as section 2.6 says."""
    keys = KeySet.import_key_set(provider.browser().get("/oauth/jwks.json").json)
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    claims: dict[str, Any] = decoded.claims
    assert decoded.header["typ"] == "logout+jwt"
    assert claims["iss"] == provider.issuer
    assert claims["aud"] == client.client_id
    then = oidcserver_clock.now() + since
    assert claims["iat"] <= then < claims["exp"] <= claims["iat"] + 120
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    assert len(claims["jti"]) >= 22
    return claims


def deliveries(provider: Provider) -> list[LogoutDelivery]:
    with provider.database() as dbsession:
        rows = list(dbsession.scalars(select(LogoutDelivery).order_by(LogoutDelivery.created_at)))
        dbsession.expunge_all()
    return rows


def deliver_due(provider: Provider) -> None:
    provider.registry.oidc.logout_deliverer.deliver_due()


@pytest.mark.both_databases
def test_an_application_is_told_who_signed_out_of_which_session(
    provider: Provider, application: Application
) -> None:
    client, browser = register(provider, application), provider.browser()
    id_token = client.exchange(client.login(browser)["code"])["id_token"]
    sign_out(browser)
    [(path, content_type, body)] = application.posts
    assert path == "/logout?tenant=1"
    assert content_type == "application/x-www-form-urlencoded"
    assert parse_qs(body).keys() == {"logout_token"}
    claims = verify(provider, application.tokens[0], client)
    own = decode_id_token(provider, id_token)
    assert (claims["sub"], claims["sid"]) == (own["sub"], own["sid"])
    [delivery] = deliveries(provider)
    assert delivery.ended_at is not None
    assert delivery.problem == ""
    deliver_due(provider)
    assert len(application.posts) == 1


@pytest.mark.both_databases
def test_a_pairwise_client_is_told_the_subject_that_it_knows(
    provider: Provider, application: Application
) -> None:
    client, browser = register(provider, application, subject_type="pairwise"), provider.browser()
    own = decode_id_token(provider, client.exchange(client.login(browser)["code"])["id_token"])
    sign_out(browser)
    assert verify(provider, application.tokens[0], client)["sub"] == own["sub"]
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User.id)).one() != own["sub"]


@pytest.mark.both_databases
def test_every_way_of_signing_out_tells(make: MakeProvider, application: Application) -> None:
    provider = make(oidc__accounts_per_browser=1)
    client = register(provider, application, post_logout_redirect_uris=["https://client.example/"])

    def at_the_application(browser: Browser, id_token: str) -> None:
        browser.get("/oauth/end_session", {"id_token_hint": id_token})

    def by_another_person(browser: Browser, id_token: str) -> None:
        client.complete(client.authorize(browser, prompt="login"), "bob")

    def from_another_browser(browser: Browser, id_token: str) -> None:
        other = provider.browser()
        other.sign_in("alice")
        forms = other.get("/account").forms.values()
        next(form for form in forms if "Sign out there" in form.text).submit("session")

    for number, way in enumerate(
        (at_the_application, by_another_person, from_another_browser), start=1
    ):
        browser = provider.browser()
        tokens = client.exchange(client.login(browser, "alice")["code"])
        way(browser, tokens["id_token"])
        assert len(application.posts) == number, way
        verify(provider, application.tokens[-1], client)


@pytest.mark.both_databases
def test_who_took_no_part_in_the_session_hears_nothing(
    provider: Provider, application: Application
) -> None:
    client, other = register(provider, application), provider.register()
    browser, elsewhere = provider.browser(), provider.browser()
    client.login(elsewhere)
    other.login(browser)
    client.login(browser, scope="profile")  # no ID token, so no login there
    client.answer(client.authorize(provider.browser(), prompt="none"))
    sign_out(browser)
    assert application.posts == []
    assert deliveries(provider) == []


@pytest.mark.both_databases
def test_one_that_was_away_is_told_later_with_a_new_token(
    provider: Provider, application: Application, frozen: Any
) -> None:
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    application.status = 503
    sign_out(browser)
    deliver_due(provider)
    assert len(application.posts) == 1, "not at once again"
    application.status = 204
    frozen.advance(10)
    deliver_due(provider)
    first, second = (
        verify(provider, token, client, at)
        for token, at in zip(application.tokens, (-10, 0), strict=True)
    )
    assert first["jti"] != second["jti"]
    assert second["iat"] >= first["iat"] + 10
    assert first["sid"] == second["sid"]
    [delivery] = deliveries(provider)
    assert (delivery.attempts, delivery.ended_at is not None, delivery.problem) == (2, True, "")


@pytest.mark.both_databases
def test_it_is_tried_ever_more_rarely_and_at_last_given_up(
    make: MakeProvider, application: Application, frozen: Any
) -> None:
    provider = make(oidc__backchannel_logout_lifetime="100")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    application.status = 500
    sign_out(browser)
    pauses = []
    for _ in range(10):
        [delivery] = deliveries(provider)
        if delivery.ended_at is not None:
            break
        pause = delivery.next_attempt_at - oidcserver_clock.now()
        pauses.append(pause)
        frozen.advance(pause - 1)
        deliver_due(provider)
        assert len(application.posts) == len(pauses)
        frozen.advance(1)
        deliver_due(provider)
        assert len(application.posts) == len(pauses) + 1
    assert 3 <= len(pauses) <= 5
    for number, pause in enumerate(pauses):
        assert 3 * 2**number <= pause <= 7 * 2**number
    assert delivery.problem == "The client answered with status 500. No further attempt is made."


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"error": "invalid_request"}', " (invalid_request)"),
        (b'{"error": "a\\nb"}', ""),
        (b'{"error": 1}', ""),
        (b"[]", ""),
        (b"no JSON \xff", ""),
    ],
)
def test_one_that_refuses_the_token_is_not_asked_again_and_the_log_says_so(
    make_provider: MakeProvider,
    application: Application,
    clock: Any,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    problem: str,
) -> None:
    provider = make_provider(
        oidc__logout_channels="backchannel", oidc__backchannel_logout_interval="0",
        oidc__backchannel_logout_wait=LONG, oauth__outbound_allow_loopback="true",
    )  # fmt: skip
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    application.status, application.body = 400, body
    sign_out(browser)
    clock.advance(7200)
    deliver_due(provider)
    assert len(application.posts) == 1
    [delivery] = deliveries(provider)
    assert delivery.problem == f"The client rejected the logout token{problem}."
    assert f"{client.client_id} was not notified of a logout: {delivery.problem}" in caplog.text


@pytest.mark.both_databases
def test_one_that_hangs_holds_nobody_up(make: MakeProvider, application: Application) -> None:
    provider = make(oidc__backchannel_logout_wait="0")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    application.may_answer.clear()
    cookie = browser.cookies["oidcserver_6543_session"]
    sign_out(browser)
    browser.set_cookie("oidcserver_6543_session", cookie)
    assert "One account" in browser.get("/"), "the old cookie is dead"
    assert deliveries(provider)[0].ended_at is None
    provider.registry.oidc.logout_deliverer.deliver_due()
    [delivery] = deliveries(provider)
    assert delivery.ended_at is None
    assert delivery.problem == "The host did not answer in whole within 2 seconds."


@pytest.mark.both_databases
def test_one_that_hangs_does_not_keep_the_others_waiting(
    provider: Provider, application: Application
) -> None:
    quick = Application()
    try:
        browser = provider.browser()
        for uri in (application.url, quick.url):
            provider.register(backchannel_logout_uri=uri).login(browser)
        application.may_answer.clear()
        sign_out(browser)
        assert len(quick.posts) == 1
        ended = [row.ended_at is not None for row in deliveries(provider)]
        assert sorted(ended) == [False, True]
    finally:
        quick.close()


@pytest.mark.both_databases
def test_forty_that_hang_do_not_keep_others_waiting(make: MakeProvider) -> None:
    provider = make(oidc__backchannel_logout_wait="0", oidc__backchannel_logout_timeout="30")
    application, quick = Application(), Application()
    fetcher = provider.registry.oidc.logout_deliverer.fetcher
    fetcher.resolver = lambda host, port, **options: [(None, None, 0, "", ("127.0.0.1", port))]
    try:
        registered = register(provider, quick)
        hanging = [
            provider.register(
                backchannel_logout_uri=application.url.replace("127.0.0.1", f"a{n}.localhost")
            )
            for n in range(40)
        ]
        alice, bob = provider.browser(), provider.browser()
        registered.login(bob, "bob")
        sign_out(bob)
        assert quick.heard.wait(10)
        quick.heard.clear()
        for client in hanging:
            client.login(alice)
        registered.login(bob, "bob")
        application.may_answer.clear()
        sign_out(alice)
        assert application.heard.wait(10)
        sign_out(bob)
        assert quick.heard.wait(10)
        under_way = [row.ended_at is None for row in deliveries(provider)]
        assert under_way.count(True) >= 40, "those that hang are still waited for"
    finally:
        provider.registry.oidc.logout_deliverer.stop()
        application.may_answer.set()
        provider.registry.oidc.logout_deliverer.deliver_due()
        application.close()
        quick.close()


@pytest.mark.both_databases
def test_sign_outs_hold_no_more_threads_than_may_wait(
    make: MakeProvider, application: Application
) -> None:
    provider = make(oauth__outbound_places="1")
    client, first, second = register(provider, application), provider.browser(), provider.browser()
    for browser in (first, second):
        client.login(browser)
    application.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sign_out, first)
        assert application.heard.wait(10)
        sign_out(second)
        assert not waiting.done()
        application.may_answer.set()
        waiting.result(10)


@pytest.mark.both_databases
@pytest.mark.parametrize("known", [True, False])
def test_the_sign_out_of_a_client_that_registered_itself_takes_a_place_of_strangers(
    make: MakeProvider, application: Application, known: bool
) -> None:
    provider = make(oauth__outbound_places="2", oidc__backchannel_logout_timeout="20")
    client, browser = register(provider, application), provider.browser()
    with provider.database() as dbsession:
        dbsession.merge(client.client).self_registered = not known
    client.login(browser)
    application.may_answer.clear()
    stranger = FetchCause("keys", "stranger", "192.0.2.1", anybody=True)
    places = provider.registry.oidc.waiting_places
    with places.taken("https://slow.example/", stranger), ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(sign_out, browser)
        assert application.heard.wait(10)
        if known:
            assert not leaving.done()
            application.may_answer.set()
        leaving.result(10)
    application.may_answer.set()


@pytest.mark.both_databases
def test_a_sign_out_does_not_wait_for_a_token_that_was_sent_already(
    provider: Provider, application: Application
) -> None:
    """The background may send it between the commit and the wait."""
    browser = provider.browser()
    register(provider, application).login(browser)
    sign_out(browser)
    [sent] = deliveries(provider)
    assert sent.ended_at is not None
    deliverer = provider.registry.oidc.logout_deliverer
    with ThreadPoolExecutor(1) as pool:
        pool.submit(deliverer.deliver, [sent.id], LONG).result(LONG / 2)


def test_a_redirect_is_not_followed(provider: Provider, application: Application) -> None:
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    application.status, application.headers = 302, {"Location": "/elsewhere"}
    sign_out(browser)
    assert [path for path, _, _ in application.posts] == ["/logout?tenant=1"]
    assert "redirect" in deliveries(provider)[0].problem


@pytest.mark.both_databases
def test_an_internal_address_gets_no_packet(make: MakeProvider, application: Application) -> None:
    client = register(make(), application)
    provider = make(oauth__outbound_allow_loopback="false")
    with pytest.raises(InvalidClientMetadata, match="backchannel_logout_uri is not https"):
        register(provider, application)
    earlier, browser = RelyingParty(provider, client.client, client.secret), provider.browser()
    earlier.login(browser)
    sign_out(browser)
    assert application.posts == []
    assert deliveries(provider)[0].problem


def test_what_development_registers_is_told_without_a_setting(
    make_provider: MakeProvider, application: Application
) -> None:
    provider = make_provider(
        oidc__logout_channels="backchannel", oidc__backchannel_logout_interval="0",
        oidc__backchannel_logout_wait=LONG,
    )  # fmt: skip
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    sign_out(browser)
    verify(provider, application.tokens[0], client)


@pytest.mark.both_databases
def test_what_a_process_left_undone_the_next_one_does(
    make: MakeProvider, application: Application
) -> None:
    first = make(oidc__backchannel_logout_wait="0")
    client, browser = register(first, application), first.browser()
    client.login(browser)
    first.registry.oidc.logout_deliverer.stop()  # it dies between the commit and the delivery
    sign_out(browser)
    assert application.posts == []
    [delivery] = deliveries(first)
    assert delivery.ended_at is None
    second = make()
    deliver_due(second)
    assert len(application.posts) == 1
    verify(second, application.tokens[0], client)


@pytest.mark.both_databases
def test_a_server_that_starts_tells_what_was_left_undone(
    make: MakeProvider, application: Application, tmp_path: Path, provider_url: str,
    keys_directory: Path,
) -> None:  # fmt: skip
    port = free_port()
    provider = make(oidc__issuer=f"http://127.0.0.1:{port}", oidc__backchannel_logout_wait="0")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    provider.registry.oidc.logout_deliverer.stop()
    sign_out(browser)
    ini = write_ini(
        tmp_path / "server.ini", port, oidcserver__database_url=provider_url,
        oidcserver__keys_directory=keys_directory, oidc__logout_channels="backchannel",
        oauth__outbound_allow_loopback="true",
    )  # fmt: skip
    with ServerProcess(ini, port):
        assert application.heard.wait(30)
    verify(provider, application.tokens[0], client)


@pytest.mark.both_databases
def test_what_a_process_had_claimed_when_it_died_is_due_again(
    make: MakeProvider, application: Application, frozen: Any
) -> None:
    provider = make(oidc__backchannel_logout_wait="0")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    provider.registry.oidc.logout_deliverer.stop()
    sign_out(browser)
    with provider.database() as dbsession:
        assert claim_delivery(dbsession, LogoutDelivery, 30) is not None
    heir = make()
    deliver_due(heir)
    assert application.posts == [], "it may still be at it"
    frozen.advance(30)
    deliver_due(heir)
    assert len(application.posts) == 1


@pytest.mark.both_databases
def test_several_at_once_tell_each_once(make: MakeProvider, application: Application) -> None:
    provider = make(oidc__backchannel_logout_wait="0")
    client = register(provider, application)
    provider.registry.oidc.logout_deliverer.stop()
    for _ in range(6):
        browser = provider.browser()
        client.login(browser)
        sign_out(browser)
    others = [make() for _ in range(3)]
    threads = [threading.Thread(target=deliver_due, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claims = [verify(provider, token, client)["sid"] for token in application.tokens]
    assert len(claims) == len(set(claims)) == 6
    assert all(row.attempts == 1 and row.ended_at is not None for row in deliveries(provider))


@pytest.mark.both_databases
def test_one_that_registered_unsigned_id_tokens_gets_a_signed_token(
    make: MakeProvider, application: Application
) -> None:
    provider = make(oidc__unsigned_id_tokens="true")
    client = register(provider, application, id_token_signed_response_alg="none")
    browser = provider.browser()
    client.login(browser)
    sign_out(browser)
    verify(provider, application.tokens[0], client)


@pytest.mark.both_databases
def test_one_that_wants_to_hear_nothing_any_more_does_not(
    make: MakeProvider, application: Application
) -> None:
    provider = make(oidc__backchannel_logout_wait="0")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    provider.registry.oidc.logout_deliverer.stop()
    sign_out(browser)
    other = make()
    with other.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        metadata = {k: v for k, v in row.client_metadata.items() if "backchannel" not in k}
        update_client(other.registry.oidc.provider, dbsession, row, metadata)
    deliver_due(other)
    assert application.posts == []
    assert "no longer has" in deliveries(other)[0].problem


@pytest.mark.both_databases
def test_a_process_looks_by_itself_from_its_first_request_on(
    make: MakeProvider, application: Application
) -> None:
    provider = make(oidc__backchannel_logout_wait="0")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    provider.registry.oidc.logout_deliverer.stop()
    sign_out(browser)
    serving = make(oidc__backchannel_logout_interval="3600")
    serving.browser().get("/")
    try:
        assert application.heard.wait(10)
    finally:
        serving.registry.oidc.logout_deliverer.stop()
        serving.registry.oidc.logout_deliverer.deliver_due()
    assert len(application.posts) == 1


def test_what_is_not_selected_is_not_there(
    make_provider: MakeProvider, application: Application
) -> None:
    provider = make_provider()
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert not [name for name in document if "channel_logout" in name]
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    sign_out(browser)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(LoginSessionClient)).all() == []
    assert deliveries(provider) == []
    assert not hasattr(provider.registry, "logout_deliverer")


@pytest.mark.both_databases
def test_it_is_promised_where_it_is_selected(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
    assert "frontchannel_logout_supported" not in document


def test_a_channel_that_nobody_offers_stops_the_start(make_provider: MakeProvider) -> None:
    with pytest.raises(ConfigurationProblem, match="Did you mean 'backchannel'"):
        make_provider(oidc__logout_channels="backchanel")


@pytest.mark.both_databases
def test_the_command_line_tells_too(
    make: MakeProvider, application: Application, tmp_path: Path, provider_url: str,
    keys_directory: Path,
) -> None:  # fmt: skip
    provider = make(oidc__issuer="http://127.0.0.1:6543")
    client, browser = register(provider, application), provider.browser()
    client.login(browser)
    ini = write_ini(
        tmp_path / "logouts.ini", 6543, oidcserver__database_url=provider_url,
        oidcserver__keys_directory=keys_directory, oidc__logout_channels="backchannel",
        oauth__outbound_allow_loopback="true",
    )  # fmt: skip
    disabled = CliRunner().invoke(main, ["users", "disable", str(ini), "alice"])
    assert disabled.exit_code == 0, disabled.output
    assert application.posts == []
    delivered = CliRunner().invoke(main, ["deliver", str(ini), "--json"])
    assert delivered.exit_code == 0, delivered.output
    assert json.loads(delivered.output)["left"]["logout_tokens"] == 0
    verify(provider, application.tokens[0], client)


def heard(provider: Provider) -> list[str]:
    """Return a list that gets the name of each event of a session or an account."""
    names: list[str] = []
    provider.registry.registerHandler(lambda it: names.append(it.name), (OAuthEvent,))
    return names


@pytest.mark.both_databases
def test_a_new_password_and_leaving_tell_at_once_and_announce_each_session(
    make: MakeProvider, application: Application
) -> None:
    old, new = "the former words of ada", "other words of ada now"
    provider = make(
        oidc__pages="home login consent logout account password leave",
        oidc__user_directory="database",
    )
    with provider.database() as dbsession:
        dbsession.add(User("ada", password_hash=hash_password(old)))
    client, browsers = register(provider, application), [provider.browser() for _ in range(3)]
    for browser in browsers:
        form = client.authorize(browser).forms["login"]
        form["username"], form["password"] = "ada", old
        client.complete(follow_to_answer(form.submit()))
    own, *others = browsers
    names = heard(provider)
    form = own.get("/account/password").forms["password-form"]
    form["password"], form["new_password"] = old, new
    form.submit()
    assert names.count("session_ended") == len(others)
    assert len(application.tokens) == len(others)
    names.clear()
    own.get("/account/leave?remove=1").forms["confirm"].submit("remove")
    assert names == ["session_ended", "user_deleted"]
    assert len(application.tokens) == len(browsers)


@pytest.mark.both_databases
def test_the_end_of_everything_announces_each_session_and_a_command_sends_nothing(
    provider: Provider, application: Application
) -> None:
    client = register(provider, application)
    names = heard(provider)
    for commanded, told in ((False, 1), (True, 1)):
        client.login(provider.browser())
        names.clear()
        provider.registry.oidc.provider.commanded = commanded
        end_everything(provider)
        assert names == ["session_ended"]
        assert len(application.tokens) == told
    assert len(deliveries(provider)) == 2
    deliver_due(provider)
    assert len(application.tokens) == 2
