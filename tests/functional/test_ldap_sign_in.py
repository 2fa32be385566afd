"""The directory ``ldap`` against OpenLDAP's server: who signs in, and what is never sent there."""

import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ldap", reason="OpenLDAP's server and python-ldap is not installed")

from ldap.ldapobject import SimpleLDAPObject
from support.app import Provider, RelyingParty
from support.processes import free_port
from support.silent_relay import SilentRelay
from support.slapd import POLICY, SUFFIX, Unit

WORD = "a long word"
MakeProvider = Callable[..., Provider]


@pytest.fixture
def provider(make_provider: MakeProvider, unit: Unit) -> Provider:
    """A provider with the people of the test's unit."""
    return make_provider(
        **unit.settings(oidc__ldap_user_filter="(|(uid={username})(mail={username}))")
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The DNs and passwords that were sent, in order."""
    sent: list[tuple[str, str]] = []
    bind = SimpleLDAPObject.simple_bind

    def note(self: Any, who: str = "", cred: str = "", *more: Any) -> Any:
        sent.append((who, cred))
        return bind(self, who, cred, *more)

    monkeypatch.setattr(SimpleLDAPObject, "simple_bind", note)
    return sent


def signs_in(provider: Provider, name: str, word: str = WORD) -> bool:
    """Whether a user signs in; the form is shown again otherwise."""
    response = provider.browser().sign_in(name, word, status="*")
    assert response.status_int in {303, 403}
    return response.status_int == 303


def claims_of(client: RelyingParty, name: str) -> Any:
    """Sign in and allow everything; return what UserInfo says."""
    form = client.authorize(client.provider.browser(), scope="openid profile email").forms["login"]
    form["username"], form["password"] = name, WORD
    consent = form.submit().maybe_follow().forms["consent"]
    code = client.answer(consent.submit("decision", value="allow").follow())["code"]
    return client.userinfo(client.exchange(code)["access_token"]).json


def test_a_user_signs_in_with_the_password_of_the_directory(provider: Provider, unit: Unit) -> None:
    unit.add_person("alice", mail="alice@example.com", givenName="Alice")
    client = provider.register()
    claims = claims_of(client, "ALICE")
    assert claims["preferred_username"] == "alice"
    assert (claims["name"], claims["given_name"]) == ("Alice", "Alice")
    assert claims["email"] == "alice@example.com"
    assert "email_verified" not in claims
    assert not signs_in(provider, "alice", "another word")
    assert not signs_in(provider, "bob")


@pytest.mark.parametrize("word", ["", "a long word\0", "\0", "x" * 4097])
def test_such_a_password_is_never_sent(
    provider: Provider, unit: Unit, asked: list[tuple[str, str]], word: str
) -> None:
    unit.add_person("alice")
    status = provider.browser().sign_in("alice", word, status="*").status_int
    assert status in {400, 403}
    assert asked == []


def test_characters_of_filters_and_names_stand_for_themselves(
    provider: Provider, unit: Unit
) -> None:
    unit.add_person("alice")
    awkward = 'a,+"\\<>;#=(*) b'
    unit.add_person(awkward)
    for name in ("*", "al*", "alice)(uid=*", "(alice)", "al\\69ce", "alice)(|(uid=*"):
        assert not signs_in(provider, name), name
    assert signs_in(provider, awkward)
    assert signs_in(provider, "alice")


def test_two_entries_of_one_name_sign_in_nobody(
    provider: Provider, unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("alice", "bob"):
        unit.add_person(name, mail="office@example.com")
    assert not signs_in(provider, "office@example.com")
    assert "finds more than one entry for 'office@example.com'." in caplog.text
    assert signs_in(provider, "bob")


def test_a_name_that_only_the_directory_takes_for_another_is_nobody(
    provider: Provider, unit: Unit
) -> None:
    """So an attacker has no more guesses than the names of the user."""
    unit.add_person("alice", mail="alice@example.com")
    for name in ("al\u00adice", "alice\u200b", "\u2460lice"):
        assert not signs_in(provider, name), name
    for name in ("Alice", " alice ", "ALICE@example.com", "\uff41lice"):
        assert signs_in(provider, name), name


def test_an_unknown_name_is_answered_by_the_same_exchange(
    provider: Provider,
    unit: Unit,
    asked: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from oidcserver.accounts.ldap import sign_in

    waited: list[float] = []
    monkeypatch.setattr(sign_in.time, "sleep", waited.append)
    monkeypatch.setattr(sign_in, "_refusals", [7.0])
    unit.add_person("alice")
    assert not signs_in(provider, "nobody-here", "the word that was entered")
    assert [dn.partition(",")[2] for dn, _ in asked] == [SUFFIX, unit.base]
    assert "the word that was entered" not in {word for _, word in asked}
    assert [round(seconds) for seconds in waited] == [7]


def test_a_referral_is_not_followed(provider: Provider, unit: Unit) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.settimeout(0)
        url = f"ldap://127.0.0.1:{other.getsockname()[1]}/dc=elsewhere,dc=com"
        unit.server.add(
            f"cn=elsewhere,{unit.base}",
            objectClass=["referral", "extensibleObject"],
            cn="elsewhere",
            ref=url,
        )
        unit.add_person("alice")
        assert signs_in(provider, "alice")
        assert not signs_in(provider, "bob")
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize("scheme", ["ldaps", "StartTLS"])
def test_the_certificate_is_verified(
    make_provider: MakeProvider, unit: Unit, scheme: str, asked: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setenv("LDAPTLS_REQCERT", "never")
    unit.add_person("alice")
    url = unit.server.tls_url if scheme == "ldaps" else unit.server.url
    assert signs_in(make_provider(**unit.settings(oidc__ldap_url=url)), "alice")
    asked.clear()
    another = make_provider(**unit.settings(oidc__ldap_url=url.replace("127.0.0.1", "localhost")))
    sentence = "The TLS certificate of the LDAP server was not accepted"
    another.browser().sign_in("alice", WORD, status=503)
    assert sentence in caplog.text
    assert f"for the host in oidc.ldap_url = {url.replace('127.0.0.1', 'localhost')}" in caplog.text
    caplog.clear()
    settings = unit.settings(oidc__ldap_url=url)
    del settings["oidc__ldap_ca_bundle"]
    make_provider(**settings).browser().sign_in("alice", WORD, status=503)
    assert WORD not in {word for _, word in asked}
    assert sentence in caplog.text


def test_without_starttls_on_this_machine(make_provider: MakeProvider, unit: Unit) -> None:
    unit.add_person("alice")
    assert signs_in(make_provider(**unit.settings(oidc__ldap_starttls="false")), "alice")


def test_the_first_server_that_accepts_a_connection_is_asked(
    make_provider: MakeProvider, unit: Unit
) -> None:
    unit.add_person("alice")
    down = f"ldap://127.0.0.1:{free_port()}"
    assert signs_in(
        make_provider(**unit.settings(oidc__ldap_url=f"{down} {unit.server.url}")), "alice"
    )


def test_a_mistake_of_the_operator_is_no_wrong_password(
    make_provider: MakeProvider, unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    unit.add_person("alice")
    provider = make_provider(**unit.settings(oidc__login_attempts="2"))
    settings = provider.registry.oidc.provider.settings
    kept = dict(settings)
    for change, sentence in (
        (
            {"oidc.ldap_bind_password": "another"},
            f"{unit.server.url} rejects oidc.ldap_bind_dn with oidc.ldap_bind_password",
        ),
        (
            {"oidc.ldap_base": f"ou=nowhere,{SUFFIX}"},
            f"{unit.server.url} has no entry oidc.ldap_base = 'ou=nowhere,{SUFFIX}'",
        ),
        (
            {"oidc.ldap_url": ("ldap://127.0.0.1:1",)},
            "ldap://127.0.0.1:1 cannot be reached: Can't contact LDAP server",
        ),
    ):
        caplog.clear()
        settings._values.update(kept | change)
        page = provider.browser().sign_in("alice", WORD, status=503)
        assert "Signing in is not possible right now" in page
        assert page.headers["Retry-After"] == "5"
        [line] = [it.getMessage() for it in caplog.records if it.name.endswith("views.login")]
        assert line.startswith("The user directory does not answer: The LDAP server ")
        assert sentence in line
        assert "Traceback" not in caplog.text
        assert WORD not in caplog.text
    settings._values.update(kept)
    assert signs_in(provider, "alice"), "none of the attempts counts"


def test_a_disabled_user_does_not_sign_in(make_provider: MakeProvider, unit: Unit) -> None:
    provider = make_provider(**unit.settings(oidc__ldap_disabled_filter="(employeeType=left)"))
    unit.add_person("alice", employeeType="left")
    unit.add_person("bob", employeeType="here")
    unit.add_person("carol")
    assert [signs_in(provider, name) for name in ("alice", "bob", "carol")] == [False, True, True]


def test_a_user_whom_the_directory_locked_does_not_sign_in(
    make_provider: MakeProvider, unit: Unit
) -> None:
    locked = "(pwdAccountLockedTime=*)"
    provider = make_provider(**unit.settings(oidc__ldap_disabled_filter=locked))
    dn = unit.add_person("alice", pwdPolicySubentry=POLICY)
    for _ in range(3):
        assert not signs_in(provider, "alice", "another word")
    assert unit.server.read(dn, "pwdAccountLockedTime")
    assert not signs_in(provider, "alice")


def test_odd_attributes_are_no_error(
    make_provider: MakeProvider, unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    claims = "name=CN email=MAIL picture=jpegPhoto nickname=DisplayName locale=preferredLanguage"
    settings = {
        "oidc__ldap_claims": claims,
        "oidc__ldap_id_attribute": "ENTRYUUID",
        "oidc__ldap_email_verified": "true",
    }
    provider = make_provider(**unit.settings(**settings))
    unit.add_person("alice", mail=["first@example.com", "second@example.com"])
    unit.add_person("bob", jpegPhoto=b"\xff\xd8\xff\x00", displayName="Zoë " + "x" * 3000)
    told = {}
    for name in ("alice", "bob"):
        told[name] = claims_of(provider.register(), name)
    assert told["alice"]["email"] == "first@example.com"
    assert told["alice"]["email_verified"] is True
    assert told["bob"]["name"] == "Bob"
    assert {"email", "email_verified", "picture", "nickname"}.isdisjoint(told["bob"])


def test_an_entry_without_an_identifier_or_a_name_does_not_sign_in(
    make_provider: MakeProvider, unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    unit.add_person("alice")
    unit.add_person("bob", employeeNumber=b"\x00\x01", displayName="x" * 255)
    for attribute in ("id", "username"):
        name = "employeeNumber" if attribute == "id" else "displayName"
        provider = make_provider(**unit.settings(**{f"oidc__ldap_{attribute}_attribute": name}))
        assert not signs_in(provider, "alice")
        assert not signs_in(provider, "bob")
        assert f"cannot sign in: it has no {name}" in caplog.text


def test_a_silent_server_holds_up_no_other_request(
    make_provider: MakeProvider, unit: Unit, serve: Any, tmp_path: Path
) -> None:
    """Two of the four threads wait for it. Sign-ins beyond that are answered at once."""
    unit.add_person("alice")
    with SilentRelay(unit.server.socket) as relay:
        port = free_port()
        provider = make_provider(
            **unit.settings(
                oidc__issuer=f"http://localhost:{port}",
                oidc__ldap_url=f"ldap://127.0.0.1:{relay.port}",
                oidc__ldap_timeout="60",
                oidc__ldap_places="2",
            )
        )
        relay.fall_silent()
        answered = threading.Semaphore(0)

        def sign_in() -> int:
            status: int = provider.browser().sign_in("alice", WORD, status="*").status_int
            answered.release()
            return status

        serve(provider.wsgi, port)
        with ThreadPoolExecutor(6) as executor:
            statuses = [executor.submit(sign_in) for _ in range(6)]
            for _ in range(4):
                assert answered.acquire(timeout=30)
            assert provider.browser().get("/oauth/jwks.json", status=200).json["keys"]
            client = provider.register(grant_types=["client_credentials"], redirect_uris=[],
                                       response_types=[])  # fmt: skip
            assert client.token(grant_type="client_credentials", scope="email").json
            assert sorted(it.done() for it in statuses) == [False, False, True, True, True, True]
            relay.resume()
            assert sorted(it.result(timeout=60) for it in statuses) == [303] * 2 + [503] * 4


def test_slow_hosts_of_clients_hold_up_no_sign_in(make_provider: MakeProvider, unit: Unit) -> None:
    unit.add_person("alice")
    provider = make_provider(**unit.settings(oauth__outbound_places="1"))
    with provider.registry.oidc.waiting_places.taken():
        assert signs_in(provider, "alice")


def test_a_server_that_stays_silent_is_given_up(
    make_provider: MakeProvider, unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    unit.add_person("alice")
    with SilentRelay(unit.server.socket) as relay:
        provider = make_provider(
            **unit.settings(
                oidc__ldap_url=f"ldap://127.0.0.1:{relay.port}",
                oidc__ldap_timeout="1",
            )
        )
        relay.fall_silent()
        with caplog.at_level(logging.ERROR):
            provider.browser().sign_in("alice", WORD, status=503)
        waited = "did not answer within oidc.ldap_timeout = 1 seconds."
        assert f"ldap://127.0.0.1:{relay.port} {waited}" in caplog.text
        assert "Traceback" not in caplog.text
        relay.resume()
        assert signs_in(provider, "alice")
