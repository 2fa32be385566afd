"""A text that is longer than its column never comes as far: a limit stands where it enters.

PostgreSQL raises where SQLite takes any length.
"""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import String, Text
from support.app import Provider, RelyingParty
from support.ciba import CibaClient
from support.devices import ask, register_device

from oidcserver.cli import main
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import Base

LONG = "x" * 5000
#: Grows threefold when normalised.
GROWING = "\ufb2c" * 64

#: Endpoints and grants at which such texts enter.
SETTINGS = {
    "oauth__grants": "authorization_code refresh_token device_code ciba",
    "oauth__endpoints": (
        "authorization token jwks openid_configuration registration device_authorization "
        "backchannel_authentication"
    ),
    "oidc__pages": "home login consent logout account device approvals register",
}

#: Columns that hold what the provider made or what its ini, its code and its operator name:
#: identifiers, digests, references, names of formats, methods and classes, and what is cut.
OWN = {
    "activity": {"id", "user_id", "event"},
    "authorization": {"id", "client_id", "user_id", "subject", "session_id"},
    "authorization_code": {"code_digest", "authorization_id", "client_id"},
    "backchannel_request": {"request_digest", "client_id", "user_id", "authorization_id"},
    "client": {
        "owner_id", "secret_digest", "previous_secret_digest", "access_token_format",
        "registration_token_digest",
    },
    "consent": {"user_id", "client_id"},
    "device_authorization": {
        "id", "device_code_digest", "user_code_digest", "client_id", "claimed_by",
        "authorization_id",
    },
    "initial_access_token": {"id", "token_digest"},
    "login_session": {"id", "token_digest", "user_id", "acr"},
    "mail": {"id", "purpose"},
    "mailed_link": {
        "id", "request_id", "token_digest", "code_digest", "purpose", "user_id", "browser_digest",
    },
    "pending_sign_in": {"id", "token_digest", "user_id", "upstream_session_id"},
    "authenticator_app": {"user_id"},
    "remembered_device": {"id", "token_digest", "user_id"},
    "recovery_code": {"id", "user_id", "code_digest"},
    "login_session_client": {"session_id", "client_id", "subject"},
    "logout_delivery": {"id", "client_id", "subject", "session_id"},
    "pairwise_subject": {"subject", "user_id"},
    "ping_delivery": {"id", "client_id"},
    "refresh_token": {"token_digest", "authorization_id", "client_id"},
    "rejection": {"reference", "endpoint", "error"},
    "revoked_access_token": {"token_id"},
    "suspended_request": {
        "reference_digest", "client_id", "browser_digest", "authenticated_session_id",
        "selected_session_id", "decided_by",
    },
    "throttle": {"key", "whose"},
    "used_identifier": {"identifier_digest"},
    "upstream_end": {"key_digest"},
    "upstream_link": {"id", "upstream", "user_id"},
    "upstream_request": {"state_digest", "upstream", "browser_digest", "session_id"},
    "upstream_session": {"id", "session_id", "upstream"},
    "upstream_group": {"link_id"},
    "membership": {"user_id"},
    "user_account": {"id", "realm"},
}  # fmt: skip


def register_long_host(provider: Provider, ini: str) -> None:
    for uri in (f"https://{'a' * 254}/cb", f"com.example.app://{'a' * 254}/cb"):
        with pytest.raises(InvalidClientMetadata, match="host of more than 253 characters"):
            provider.register(
                redirect_uris=[uri], application_type="native", subject_type="pairwise"
            )
    longest = provider.register(
        redirect_uris=[f"https://{'.'.join(['a' * 50] * 5)[:253]}/cb"], subject_type="pairwise"
    )
    assert "code" in longest.login(provider.browser())


def sign_in_from_anywhere(provider: Provider, ini: str) -> None:
    browser = provider.browser()
    browser.extra_environ["REMOTE_ADDR"] = LONG
    browser.sign_in("alice")
    assert "alice" in browser.get("/account")


def name_a_token(provider: Provider, ini: str) -> None:
    words = ["registration-tokens", "create", ini, "--name"]
    result = CliRunner().invoke(main, [*words, "x" * 256])
    assert result.exit_code == 2
    assert "longer than 255" in result.output
    assert CliRunner().invoke(main, [*words, "x" * 255]).exit_code == 0


def sign_in_by_a_long_name(provider: Provider, ini: str) -> None:
    for name, status in ((LONG, 400), ("x" * 4000, 403), (GROWING, 303)):
        form = provider.browser().get("/login").forms["login"]
        form["username"], form["password"] = name, "valid"
        assert form.submit(status="*").status_int == status


def create_a_user_of_a_long_name(provider: Provider, ini: str) -> None:
    words = ["users", "create", ini, LONG, "--password-stdin"]
    result = CliRunner().invoke(main, words, input="a long password indeed\n")
    assert result.exit_code in {1, 2}
    assert "characters" in result.output


def challenge(provider: Provider, ini: str) -> None:
    client = provider.register()
    for change in ({"code_challenge": "x" * 129}, {"code_challenge_method": "S256" * 5}):
        answer = client.authorize(provider.browser(), **change)
        assert "error=invalid_request" in answer.location


def come_as_a_document(provider: Provider, ini: str) -> None:
    url = "https://client.example/".ljust(256, "x")
    answer = provider.browser().get(
        "/oauth/authorize", {"client_id": url, "response_type": "code"}, status=400
    )
    assert "longer than 255 characters" in answer


def request_a_sign_in(provider: Provider, ini: str) -> None:
    client = CibaClient(provider)
    provider.browser().sign_in()
    assert client.refused(binding_message="x" * 65) == "invalid_binding_message"
    client.rp.http.extra_environ["REMOTE_ADDR"] = LONG
    assert client.ask(binding_message="x" * 64)


def request_codes(provider: Provider, ini: str) -> None:
    device = register_device(provider)
    device.http.extra_environ["REMOTE_ADDR"] = LONG
    assert ask(device)["user_code"]


def register_at_a_long_address(provider: Provider, ini: str) -> None:
    """The normalised form may be longer: this letter becomes three."""
    address = f"{chr(0xFB03) * 64}@{'.'.join(['a' * 60] * 3)}.example"
    for long in (address, f"{chr(0xFB03) * 64}@{'.'.join(['ß' * 10] * 6)}.example"):
        form = provider.browser().get("/register").forms["register"]
        form["address"], form["password"] = long, "four unrelated words of ada"
        assert form.submit(expect_errors=True).status_int in {303, 400}


#: Where a text from outside enters, by the columns that would hold it.
ENTRANCES: dict[tuple[str, str], list[Callable[[Provider, str], None]]] = {
    ("pairwise_subject", "sector"): [register_long_host],
    ("login_session", "remote_address"): [sign_in_from_anywhere],
    ("activity", "remote_address"): [sign_in_from_anywhere],
    ("initial_access_token", "name"): [name_a_token],
    ("user_account", "username"): [sign_in_by_a_long_name, create_a_user_of_a_long_name],
    ("user_account", "username_key"): [],
    ("upstream_link", "issuer"): [],  # it is that of the ini
    ("upstream_link", "subject"): [],  # see test_upstream_sign_in.py
    ("upstream_session", "issuer"): [],
    ("upstream_session", "subject"): [],
    ("upstream_session", "sid"): [],  # see test_upstream_logout.py
    ("upstream_group", "group_name"): [],  # see test_upstream_groups.py
    ("user_group", "name"): [],  # see test_groups.py
    ("membership", "group_name"): [],
    ("user_account", "address_key"): [register_at_a_long_address],
    ("remembered_device", "remote_address"): [],  # see test_remembered_devices.py
    ("passkey", "user_id"): [],
    ("passkey", "credential_id"): [],  # see test_passkeys.py
    ("user_account", "external_id"): [],  # see test_user_directories.py
    ("authorization_code", "code_challenge"): [challenge],
    ("authorization_code", "code_challenge_method"): [],
    ("client", "client_id"): [come_as_a_document],
    ("backchannel_request", "binding_message"): [request_a_sign_in],
    ("backchannel_request", "remote_address"): [request_a_sign_in],
    ("device_authorization", "remote_address"): [request_codes],
}

INI = """[app:main]
use = egg:oidcserver
oidcserver.mode = development
oidc.issuer = http://localhost:6543
oidcserver.database_url = {provider_url}
oidcserver.keys_directory = {keys}
oidc.user_directory = database
"""


def test_each_column_of_a_limited_length_is_ours_or_has_its_entrance_here() -> None:
    limited = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String) and not isinstance(column.type, Text)
    }
    own = {(table, column) for table, columns in OWN.items() for column in columns}
    assert own.isdisjoint(ENTRANCES)
    assert limited == own | ENTRANCES.keys()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "enter", dict.fromkeys(enter for entrances in ENTRANCES.values() for enter in entrances)
)
def test_a_text_that_is_too_long_is_answered_where_it_enters(
    make_provider: Any, provider_url: str, keys_directory: Any, tmp_path: Any,
    enter: Callable[[Provider, str], None],
) -> None:  # fmt: skip
    provider = make_provider(**SETTINGS)
    ini = tmp_path / "long.ini"
    escaped = provider_url.replace("%", "%%")
    ini.write_text(INI.format(provider_url=escaped, keys=keys_directory))
    enter(provider, str(ini))


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["client_id", "state", "nonce", "login_hint", "redirect_uri"])
def test_no_parameter_is_too_long_for_the_database(make_provider: Any, name: str) -> None:
    provider = make_provider()
    client: RelyingParty = provider.register()
    value = f"https://client.example/{LONG}"[:4000]
    client.authorize(provider.browser(), **{name: value})
    client.token(grant_type="authorization_code", code=value, status=400)
    client.post("/oauth/revoke", token=value, headers=client.basic())
