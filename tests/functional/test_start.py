"""Problems that stop the start, each with the sentence that says why."""

import logging
from pathlib import Path
from typing import Any

import pytest
from pyramid.paster import get_appsettings

import oidcserver
from oidcserver.cli.configuration import explanation
from oidcserver.keys.store import KeyStore
from oidcserver.settings import ConfigurationProblem, is_secret

ROOT = Path(oidcserver.__file__).parent.parent


@pytest.fixture(scope="module")
def production_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("production") / "keys"
    KeyStore(directory, create_missing=True, publish_before=0, keep_after=0)
    return directory


@pytest.fixture
def start(production_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start production.ini as it is committed, with some settings changed."""
    url = f"sqlite:///{tmp_path / 'production.sqlite'}"
    monkeypatch.setenv("OIDCSERVER_DATABASE_URL", url)

    def start(**changes: str | None) -> Any:
        settings = get_appsettings(str(ROOT / "production.ini"))
        settings["oidcserver.keys_directory"] = str(production_keys)
        for name, value in changes.items():
            settings[name.replace("__", ".", 1)] = value
            if value is None:
                del settings[name.replace("__", ".", 1)]
        return oidcserver.main({}, **settings)

    return start


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oidc__issuer": "http://login.example.com"}, "is http: in production it has to be https"),
        ({"oidc__issuer": "http://localhost:6543"}, "is http: in production it has to be https"),
        ({"oidc__issuer": "login.example.com"}, "it takes a URL"),
        ({"oidc__user_directory": "demo"}, "oidc.user_directory = demo"),
        ({"oauth__profile": "oauth21", "oauth__grants": "authorization_code password"},
         "does not allow the password grant: remove password from oauth.grants"),
        ({"oauth__profile": "oauth21", "oauth__grants": "authorization_code implicit",
          "oauth__response_types": "code\ntoken"}, "does not allow an access token"),
        ({"oauth__profile": "oauth21", "oauth__grants": "authorization_code implicit",
          "oauth__response_types": "code"}, "does not allow oauth.grants = implicit where"),
        ({"oauth__profile": "oauth21", "oauth__pkce_required": "public"},
         "requires PKCE of every client: remove oauth.pkce_required"),
        ({"oauth__profile": "oauth21", "oauth__pkce_exemptions": "true"},
         "requires PKCE of every client: remove oauth.pkce_exemptions"),
        ({"oauth__profile": "mcp", "oauth__grants": "authorization_code password"},
         "oauth.profile = mcp does not allow the password grant"),
        ({"oauth__profile": "mcp", "oauth__grants": "client_credentials",
          "oauth__response_types": ""}, "requires authorization_code among oauth.grants"),
        ({"oauth__profile": "mcp", "oauth__pkce_required": "public"},
         "oauth.profile = mcp requires PKCE of every client: remove oauth.pkce_required"),
        ({"oauth__profile": "mcp", "oauth__client_id_metadata_documents": "false"},
         "remove oauth.client_id_metadata_documents"),
        ({"oauth__profile": "mcp", "oauth__token_endpoint_auth_methods": "private_key_jwt"},
         "requires none among oauth.token_endpoint_auth_methods"),
        ({"oauth__profile": "mcp", "oauth__endpoints": "authorization token jwks"},
         "requires openid_configuration and oauth_authorization_server among oauth.endpoints"),
        ({"oauth__profile": "mcp", "oauth__access_token_lifetime": "5m"},
         "requires oauth.access_token_lifetime of more than 300 seconds"),
        ({"oauth__profile": "mcp", "oauth__registration_unused_lifetime": "0",
          "oauth__endpoints": "authorization token jwks openid_configuration registration "
          "oauth_authorization_server"}, "set oauth.registration_unused_lifetime"),
        ({"oauth__pkce_required": "false"}, "one of public, without_nonce, all"),
        ({"oidcserver__database_url": "postgresql://u:secret@localhost/x"},
         "holds a secret"),
        ({"oidcserver__database_url": "env:NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE"),
        ({"oidcserver__database_url": "file:/does/not/exist"}, "cannot be read"),
        ({"oidcserver__keys_directory": "/does/not/exist"}, "no active key"),
        ({"oauth__outbound_allow_loopback": "true"}, "not in production"),
        ({"oidc__key_publish_before": "5m"}, "has to exceed 300 seconds"),
        ({"oidc__key_keep_after": "1m"}, "oidc.key_keep_after = 60 seconds is shorter than "),
        ({"oauth__grant": "code"}, "Did you mean 'oauth.grants'?"),
    ],
)  # fmt: skip
def test_production_refuses_what_is_not_safe(
    start: Any, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        start(**changes)
    assert sentence in str(problem.value)
    assert "secret@" not in str(problem.value)


def test_a_profile_names_the_lines_that_contradict_it(start: Any) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        start(oauth__profile="fapi2_security", oidc__signing_algs="RS256 ES256")
    first, second, *others = str(problem.value).splitlines()
    assert first == (
        "oauth.profile = fapi2_security does not allow oauth.token_endpoint_auth_methods = "
        "client_secret_basic client_secret_post none: remove these words, or "
        "oauth.token_endpoint_auth_methods, which the profile sets."
    )
    assert "does not allow oidc.signing_algs = RS256: remove this word" in second
    assert any(
        "require_pushed_authorization_requests = true (set by oauth.profile = fapi2_security), but "
        in it
        for it in others
    )
    assert "Did you mean" not in str(problem.value)


def test_the_guide_says_which_lines_of_production_ini_a_profile_needs_changed(start: Any) -> None:
    """The database alone is missing then."""
    present = get_appsettings(str(ROOT / "production.ini"))["oauth.endpoints"]
    endpoints = f"{present} pushed_authorization_request"
    for profile in ("fapi2_security", "fapi2_message_signing"):
        with pytest.raises(ConfigurationProblem) as problem:
            start(
                oauth__profile=profile,
                oauth__token_endpoint_auth_methods=None,
                oauth__endpoints=endpoints,
            )
        assert str(problem.value).startswith("The database has no schema")


#: Every secret setting, with a value that has one in the clear and a value that has none.
CLEAR = {
    "oidcserver.database_url": ("postgresql://u:hunter2@localhost/x", "sqlite:////x"),
    "oidc.mail_url": ("smtps://mailer:hunter2@mail.example", "smtps://mail.example"),
    "oidc.ldap_bind_password": ("hunter2", "file:/dev/null"),
    "oidc.upstream.them.client_secret": ("hunter2", "file:/dev/null"),
}


@pytest.mark.parametrize("name", CLEAR)
def test_production_refuses_a_secret_in_the_ini(start: Any, name: str) -> None:
    upstream = {
        "oidc.upstreams": "them",
        "oidc.upstream.them.issuer": "https://them.example",
        "oidc.upstream.them.client_id": "x",
        "oidc.upstream.them.client_secret": "file:/dev/null",
        "oidc.mail_from": "login@example.com",
    }
    sentence = f"{name} holds a secret: in production it comes from env:NAME or file:PATH."
    for value, stops in zip(CLEAR[name], (True, False), strict=True):
        with pytest.raises(ConfigurationProblem) as problem:
            start(**upstream | {name: value})
        assert (sentence in str(problem.value)) is stops
        assert "hunter2" not in str(problem.value)


def test_a_password_may_be_in_the_query_of_a_url(start: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="database_url holds a secret"):
        start(oidcserver__database_url="postgresql://localhost/x?password=hunter2")


def test_no_secret_setting_is_forgotten(make_provider: Any) -> None:
    """Nor does one in the clear stop the start of development."""
    provider = make_provider(
        oidc__upstreams="them",
        **{"oidc.upstream.them.issuer": "https://them.example",
           "oidc.upstream.them.client_id": "x", "oidc.upstream.them.client_secret": "x"},
    )  # fmt: skip
    declared = provider.registry.oidc.provider.catalog.offers("setting")
    secret = {name for name, offer in declared.items() if is_secret(offer.value, "")}
    assert secret == set(CLEAR)


def test_production_refuses_a_database_without_the_schema_and_says_the_command(start: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="oidcserver initdb"):
        start()


def test_development_speaks_http_on_loopback_only(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="that is for localhost only"):
        make_provider(oidc__issuer="http://login.example.com")
    assert make_provider(oidc__issuer="http://127.0.0.1:8000").issuer == "http://127.0.0.1:8000"


def test_development_ini_starts_as_it_is_committed(tmp_path: Path) -> None:
    ini = tmp_path / "development.ini"
    ini.write_text((ROOT / "development.ini").read_text())
    application = oidcserver.main({}, **get_appsettings(str(ini)))
    provider = application.registry.oidc.provider
    assert provider.issuer == "http://localhost:6543"
    assert "password" in provider.grants
    assert list((tmp_path / "keys").glob("sig-RS256-*.json"))
    application.registry.oidc.database.engine.dispose()


def test_the_start_says_that_nobody_may_use_the_pages_of_clients(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sentence = (
        "oidc.pages selects clients, but no user may open these pages: oidc.administrators is "
        "empty. It takes user names."
    )
    for settings, expected in (
        ({"oidc__client_pages": "administrators"}, [sentence]),
        ({"oidc__client_pages": "administrators", "oidc__administrators": "alice"}, []),
        ({"oidc__client_pages": "administrators", "oidc__pages": "login consent logout"}, []),
        ({"oidc__client_pages": "anyone"}, []),
    ):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="oidcserver"):
            provider = make_provider(**settings)
        assert [record.getMessage() for record in caplog.records] == expected
        assert explanation(provider.registry)["warnings"] == expected
