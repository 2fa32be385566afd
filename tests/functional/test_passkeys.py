"""Passkeys: made on the account page, used alone and as the second factor, and abused."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import webtest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import rsa
from fido2.cose import RS1
from fido2.utils import websafe_encode
from sqlalchemy import func, select
from support.app import Browser, Provider, decode_id_token, follow_to_answer
from support.authenticator import BE, BS, UP, UV, Authenticator, passkey_form, read
from support.ending import end_everything
from support.processes import write_ini

from oidcserver.accounts import passkeys
from oidcserver.accounts.passwords import hash_password
from oidcserver.cli import main
from oidcserver.models import Passkey, User
from oidcserver.models.user import find_user
from oidcserver.oauth.events import OAuthEvent
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

SETTINGS = {"oidc__second_factors": "passkey totp recovery_codes"}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    return provider


def enrol(
    provider: Provider, username: str = "alice", authenticator: Authenticator | None = None
) -> tuple[Browser, Authenticator]:
    """Create a passkey on the account page."""
    browser, key = provider.browser(), authenticator or Authenticator()
    browser.sign_in(username)
    form = key.make(passkey_form(browser.get("/account/passkeys")))
    form["name"] = "My telephone"
    assert "My telephone" in form.submit().follow()
    return browser, key


def at_login(browser: Browser) -> webtest.Form:
    return passkey_form(browser.get("/login"))


def stored_counter(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalars(select(Passkey.sign_count)).one()


def count(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(Passkey)) or 0


def test_a_passkey_signs_its_user_in(provider: Provider) -> None:
    _, key = enrol(provider)
    browser = provider.browser()
    key.use(at_login(browser)).submit()
    assert "alice" in browser.get("/account")


@pytest.mark.parametrize(("flags", "kind"), [(UP | UV | BE | BS, "swk"), (UP | UV, "hwk")])
def test_the_id_token_says_so(provider: Provider, flags: int, kind: str) -> None:
    _, key = enrol(provider, authenticator=Authenticator(flags))
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser)
    consent = follow_to_answer(key.use(passkey_form(page)).submit())
    answer = client.answer(client.complete(consent))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["amr"] == [kind, "user", "mfa"]
    assert claims["acr"] == "2"


def test_a_password_alone_is_not_enough_then(provider: Provider) -> None:
    _, key = enrol(provider)
    browser = provider.browser()
    page = follow_to_answer(browser.sign_in())
    assert "Use your passkey" in page
    assert "/login" in browser.get("/account").location
    key.use(passkey_form(page)).submit()
    assert browser.get("/account").status_code == 200


def test_a_user_has_several_with_names_and_removes_one(provider: Provider) -> None:
    browser, first = enrol(provider)
    second = Authenticator()
    form = second.make(passkey_form(browser.get("/account/passkeys")))
    form["name"] = "The <key> at work"
    page = form.submit().follow()
    assert "The &lt;key&gt; at work" in page
    assert count(provider) == 2
    names = [it.get_text() for it in page.html.main.find_all("strong")]
    assert "My telephone" in names
    page.click("Remove: My telephone").forms["confirm"].submit("remove")
    assert count(provider) == 1
    assert "notice=passkey" in first.use(at_login(provider.browser())).submit().location
    assert "notice" not in second.use(at_login(provider.browser())).submit().location


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://badlocalhost:6543"},
        {"origin": "http://sub.localhost:6543"},
        {"origin": "http://localhost:6544"},
        {"origin": "https://localhost:6543"},
        {"origin": "null"},
        {"origin": "android:apk-key-hash:xyz"},
        {"rp_id": "example.com"},
        {"challenge": b"x" * 32},
        {"type": "webauthn.create"},
        {"flags": UP},
        {"flags": UV},
        {"signature": b"nonsense"},
        {"handle": websafe_encode(b"somebody-else")},
    ],
)
def test_an_answer_that_does_not_fit_signs_nobody_in(
    provider: Provider, changes: dict[str, Any]
) -> None:
    _, key = enrol(provider)
    browser = provider.browser()
    answer = key.use(at_login(browser), **changes).submit()
    assert "notice=passkey" in answer.location
    assert "The passkey was not accepted." in answer.follow()
    assert "/login" in browser.get("/account").location


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"response": 1}', "x" * 4000, "[" * 4000, '{"":' * 1000],
    ids=lambda text: text[:15],
)
def test_an_answer_that_is_none_signs_nobody_in(provider: Provider, text: str) -> None:
    enrol(provider)
    form = at_login(provider.browser())
    form["credential"] = text
    assert "notice=passkey" in form.submit().location


def test_deep_nesting_inside_the_answer_signs_nobody_in(provider: Provider) -> None:
    _, key = enrol(provider)
    form = at_login(provider.browser())
    answer = json.loads(key.answer(read(form)))
    answer["response"]["clientDataJSON"] = websafe_encode(b"[" * 1500)
    form["credential"] = json.dumps(answer)
    assert "notice=passkey" in form.submit().location


@pytest.mark.parametrize("cbor", [b"\x81" * 1500, b"\xa1" * 1500, b"\x19\x01", b"\xdb", b""])
def test_a_broken_attestation_makes_no_passkey(provider: Provider, cbor: bytes) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = Authenticator().make(passkey_form(browser.get("/account/passkeys")))
    answer = json.loads(form["credential"].value)
    answer["response"]["attestationObject"] = websafe_encode(cbor)
    form["credential"] = json.dumps(answer)
    assert "The passkey was not created." in form.submit(status=400)
    assert count(provider) == 0


def test_a_challenge_is_used_once_also_by_a_failure(provider: Provider) -> None:
    _, key = enrol(provider)
    browser = provider.browser()
    form = at_login(browser)
    key.use(form, origin="https://evil.example").submit()
    assert "notice=passkey" in key.use(form).submit().location


def test_of_twelve_with_one_challenge_one_signs_in(provider: Provider) -> None:
    _, key = enrol(provider)
    browser = provider.browser()
    form = key.use(at_login(browser))
    cookies = dict(browser.cookies)
    fields = dict(form.submit_fields())

    def attempt(_number: int) -> str:
        twin = provider.browser()
        for name, value in cookies.items():
            twin.set_cookie(name, value.strip('"'))
        return str(twin.post("/login/passkey/sign-in", fields).location)

    with ThreadPoolExecutor(12) as pool:
        locations = list(pool.map(attempt, range(12)))
    assert sum("notice" not in location for location in locations) == 1


def test_an_old_challenge_and_that_of_another_browser_are_rejected(
    provider: Provider, clock: Any
) -> None:
    _, key = enrol(provider)
    form, stranger = key.use(at_login(provider.browser())), provider.browser()
    fields = {**dict(form.submit_fields())}
    token = at_login(stranger)["csrf_token"].value
    answer = stranger.post("/login/passkey/sign-in", {**fields, "csrf_token": token})
    assert "notice=passkey" in answer.location
    browser = provider.browser()
    form = at_login(browser)
    clock.advance(301)
    assert "notice=passkey" in key.use(form).submit().location


def test_a_challenge_is_for_one_ceremony(provider: Provider) -> None:
    browser, key = enrol(provider)
    made_for_another = passkey_form(browser.get("/account/passkeys"))["challenge"].value
    form = at_login(provider.browser())
    form["challenge"] = made_for_another
    assert "notice=passkey" in key.use(form).submit().location


def test_the_challenge_of_the_login_page_is_none_of_the_second_step(provider: Provider) -> None:
    _, key = enrol(provider)
    browser = provider.browser()
    of_login = at_login(browser)
    page = follow_to_answer(browser.sign_in())
    of_second = passkey_form(page)
    challenge, of_second["challenge"] = of_second["challenge"].value, of_login["challenge"].value
    key.use(of_second).submit(status=403)
    form = at_login(provider.browser())
    form["challenge"] = challenge
    assert "notice=passkey" in key.use(form).submit().location


def test_a_failed_second_step_uses_its_challenge_up_and_locks_nobody_out(
    make_provider: Any,
) -> None:
    provider = make_provider(**SETTINGS, oidc__second_factor_attempts="1")
    _, key = enrol(provider)
    page = follow_to_answer(provider.browser().sign_in())
    form = passkey_form(page)
    events: list[str] = []
    provider.registry.registerHandler(lambda it: events.append(it.name), (OAuthEvent,))
    again = key.use(form, origin="https://evil.example").submit(status=403)
    key.use(form).submit(status=403)
    assert "The passkey was not accepted." in again
    assert events == ["second_factor_failed", "second_factor_failed"]
    key.use(passkey_form(again)).submit(status=303)  # it cannot be guessed


def test_the_user_handle_of_another_account_is_rejected(provider: Provider) -> None:
    _, key = enrol(provider)
    _, bobs = enrol(provider, "bob")
    form = key.use(at_login(provider.browser()), handle=bobs.handle.decode())
    assert "notice=passkey" in form.submit().location
    page = follow_to_answer(provider.browser().sign_in())
    key.use(passkey_form(page), handle=bobs.handle.decode()).submit(status=403)


def test_the_browser_is_asked_for_what_is_checked(provider: Provider) -> None:
    browser, key = enrol(provider)
    asked = read(passkey_form(browser.get("/account/passkeys")))
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert [it["id"] for it in asked["excludeCredentials"]] == [websafe_encode(key.identifier)]
    assert asked["extensions"] == {"credProps": True}
    assert read(at_login(provider.browser()))["userVerification"] == "required"
    page = follow_to_answer(provider.browser().sign_in())
    assert read(passkey_form(page))["userVerification"] == "preferred"
    assert [it["id"] for it in read(passkey_form(page))["allowCredentials"]] == [
        websafe_encode(key.identifier)
    ]


@pytest.mark.parametrize("answer", [{"credProps": {"rk": False}}, {"credProps": 1}, []])
def test_a_key_that_cannot_be_found_again_is_not_stored(provider: Provider, answer: Any) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = Authenticator().make(passkey_form(browser.get("/account/passkeys")))
    content = json.loads(form["credential"].value)
    form["credential"] = json.dumps({**content, "clientExtensionResults": answer})
    assert "The passkey was not created." in form.submit(status=400)
    assert count(provider) == 0


def test_a_key_of_an_algorithm_that_was_not_asked_for_is_not_stored(provider: Provider) -> None:
    browser, key = provider.browser(), Authenticator()
    browser.sign_in()
    key.cose = RS1.from_cryptography_key(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    )
    asked = read(passkey_form(browser.get("/account/passkeys")))["pubKeyCredParams"]
    assert RS1.ALGORITHM not in [it["alg"] for it in asked]
    key.make(passkey_form(browser.get("/account/passkeys"))).submit(status=400)
    assert count(provider) == 0


def test_a_session_of_a_password_alone_removes_no_passkey(provider: Provider) -> None:
    earlier = provider.browser()
    earlier.sign_in()
    form = earlier.get("/account/passkeys").forms[0]
    browser, key = enrol(provider)
    fields = {
        "csrf_token": form["csrf_token"].value,
        "remove": websafe_encode(key.identifier),
    }
    assert "/login/second-factor?" in earlier.post("/account/passkeys", fields).location
    assert count(provider) == 1
    page = browser.get("/account/passkeys").click("Remove: My telephone")
    assert "one step, such as the password, is enough to sign in" in page
    page.forms["confirm"].submit("remove")
    assert count(provider) == 0


def test_another_users_passkey_cannot_be_removed_or_renamed(provider: Provider) -> None:
    _, key = enrol(provider)
    stranger, _ = enrol(provider, "bob")
    for action in ("remove", "rename"):
        token = passkey_form(stranger.get("/account/passkeys"))["csrf_token"].value
        fields = {"csrf_token": token, action: websafe_encode(key.identifier), "name": "Mine"}
        stranger.post("/account/passkeys", fields)
    with provider.database() as dbsession:
        names = dbsession.scalars(select(Passkey.name)).all()
    assert names == ["My telephone", "My telephone"]


def test_another_users_passkey_is_no_second_factor(provider: Provider) -> None:
    enrol(provider)
    _, bobs = enrol(provider, "bob")
    page = follow_to_answer(provider.browser().sign_in())
    bobs.use(passkey_form(page)).submit(status=403)


def test_a_known_credential_is_not_overwritten(provider: Provider) -> None:
    _, key = enrol(provider)
    thief = Authenticator()
    thief.identifier = key.identifier
    browser = provider.browser()
    browser.sign_in("bob")
    form = thief.make(passkey_form(browser.get("/account/passkeys")))
    assert "The passkey was not created." in form.submit(status=400)
    assert "notice" not in key.use(at_login(provider.browser())).submit().location


def test_an_identifier_is_not_too_long(provider: Provider) -> None:
    browser, key = provider.browser(), Authenticator()
    browser.sign_in()
    for length, status in ((300, 303), (1024, 400)):
        key.identifier = bytes([length % 256]) * length
        form = key.make(passkey_form(browser.get("/account/passkeys")))
        assert form.submit(expect_errors=True).status_int == status


@pytest.mark.parametrize("flags", [UP, UV])
def test_a_passkey_is_made_by_a_present_and_verified_user(provider: Provider, flags: int) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = Authenticator(flags).make(passkey_form(browser.get("/account/passkeys")))
    form.submit(status=400)
    assert count(provider) == 0


def test_a_counter_that_does_not_grow_is_that_of_a_copy(provider: Provider) -> None:
    _, key = enrol(provider, authenticator=Authenticator(UP | UV))
    key.counter = 10
    assert "notice" not in key.use(at_login(provider.browser())).submit().location
    key.counter = 5
    events: list[OAuthEvent] = []
    provider.registry.registerHandler(events.append, (OAuthEvent,))
    assert "notice=passkey" in key.use(at_login(provider.browser())).submit().location
    assert "passkey_copied" in [event.name for event in events]
    assert stored_counter(provider) == 11
    key.counter = 20
    browser = provider.browser()
    key.use(at_login(browser)).submit()
    assert "there may be a copy of it" in browser.get("/account/passkeys"), "the user is told"


def test_a_copy_as_the_second_factor_leaves_one_line(provider: Provider) -> None:
    browser, key = enrol(provider, authenticator=Authenticator(UP | UV))
    key.counter = 10
    key.use(at_login(provider.browser())).submit()
    key.counter = 5
    key.use(passkey_form(follow_to_answer(provider.browser().sign_in()))).submit(status=403)
    page = browser.get("/account/activity")
    found = [it.get_text().strip() for it in page.html.select("ul.rows > li") if "! " in it.text]
    assert len(found) == 1
    assert found[0].startswith("! A passkey was rejected")


def test_the_counter_of_a_synchronised_passkey_tells_nothing(provider: Provider) -> None:
    _, key = enrol(provider)
    for counter in (10, 5, 0):
        key.counter = counter
        assert "notice" not in key.use(at_login(provider.browser())).submit().location
        assert stored_counter(provider) == counter + 1


@pytest.mark.parametrize("column", ["disabled_at", "left_at"])
def test_a_disabled_user_or_one_who_left_does_not_sign_in(provider: Provider, column: str) -> None:
    _, key = enrol(provider)
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        setattr(user, column, 1)
    assert "notice=passkey" in key.use(at_login(provider.browser())).submit().location


def test_a_stolen_session_makes_none(provider: Provider, clock: Any) -> None:
    browser, _ = enrol(provider)
    clock.advance(301)
    assert "/login?" in browser.get("/account/passkeys").location


def test_none_is_made_while_all_sessions_of_the_user_end(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief, key = provider.browser(), Authenticator()
    thief.sign_in("alice")
    form = key.make(passkey_form(thief.get("/account/passkeys")))
    use_challenge = passkeys.use_identifier

    def overtaken(*arguments: Any) -> bool:
        end_everything(provider)
        return use_challenge(*arguments)

    monkeypatch.setattr(passkeys, "use_identifier", overtaken)
    form.submit(status="*")
    assert count(provider) == 0


def test_the_domain_is_that_of_the_issuer_or_above(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="neither the issuer's host localhost nor"):
        make_provider(oidc__passkey_rp_id="example.com")


def test_without_the_selection_nothing_is_there(make_provider: Any) -> None:
    provider = make_provider(oidc__second_factors="totp")
    browser = provider.browser()
    assert "passkey" not in browser.get("/login")
    browser.post("/login/passkey", status=404)


def test_the_last_way_in_stays(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__user_directory="database")
    with provider.database() as dbsession:
        dbsession.add(User("alice", password_hash=hash_password("valid")))
    browser, _ = enrol(provider)
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().password_hash = None

    def remove() -> webtest.TestResponse:
        page = browser.get("/account/passkeys").click("Remove: ", index=0)
        return page.forms["confirm"].submit("remove", status="*")

    refused = remove()
    assert refused.status_int == 409
    assert "only way to sign in" in refused
    assert count(provider) == 1
    second = Authenticator().make(passkey_form(browser.get("/account/passkeys")))
    second.submit()
    assert remove().status_int == 303
    assert remove().status_int == 409
    assert count(provider) == 1


def test_a_command_that_removes_the_last_way_in_warns(
    make_provider: Any, tmp_path: Path, provider_url: str, keys_directory: Path
) -> None:
    settings = {**SETTINGS, "oidc__user_directory": "database"}
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        **settings, oidc__pages="home login consent logout account",
        oidcserver__database_url=provider_url, oidcserver__keys_directory=str(keys_directory),
    )  # fmt: skip
    provider = make_provider(**settings)
    with provider.database() as dbsession:
        for name in ("alice", "bob"):
            dbsession.add(User(name, password_hash=hash_password("valid")))
    for name in ("alice", "bob"):
        enrol(provider, name)
    with provider.database() as dbsession:
        alice = find_user(dbsession, "alice")
        assert alice is not None
        alice.password_hash = None

    def reset(name: str) -> Result:
        words = ["users", "reset-factors", str(ini), name, "--json"]
        return CliRunner().invoke(main, words, catch_exceptions=False)

    alone = reset("alice")
    assert json.loads(alone.stdout) == {"username": "alice", "removed": True, "can_sign_in": False}
    assert "alice has no way to sign in: oidcserver users set-password" in alone.stderr
    with_password = reset("bob")
    assert json.loads(with_password.stdout)["can_sign_in"] is True
    assert with_password.stderr == ""


def test_the_export_has_the_factors_without_secrets(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__pages="home login consent logout account leave")
    browser, _ = enrol(provider)
    exported = browser.get("/account/export").json
    [passkey] = exported["second_factors"]["passkeys"]
    assert passkey["name"] == "My telephone"
    assert "public_key" not in passkey
    assert exported["second_factors"]["authenticator_app"] is None
    assert exported["second_factors"]["recovery_codes_left"] == 0
    assert exported["connected_sign_ins"] == []
    assert "factor_added" in [it["event"] for it in exported["activity"]]
