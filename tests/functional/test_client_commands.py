"""`oidcserver clients`: every member is set by an option or a file, changed and removed again."""

import json
import logging
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pyramid.paster import get_app
from support.processes import write_ini
from webtest import TestApp

from oidcserver.cli import main
from oidcserver.cli.client_options import option_name
from oidcserver.clients.fields import FIELDS, sections
from oidcserver.models import Client

pytestmark = pytest.mark.both_databases

Run = Callable[..., Result]
SHOP = ("--name", "Shop", "--redirect-uri", "https://shop.example/cb", "--scope", "openid")


@pytest.fixture
def ini(tmp_path: Path, provider_url: str, keys_directory: Path) -> Path:
    return write_ini(
        tmp_path / "provider.ini",
        6543,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=str(keys_directory),
        oauth__grants="authorization_code client_credentials refresh_token",
        oauth__token_endpoint_auth_methods=(
            "client_secret_basic client_secret_post client_secret_jwt private_key_jwt none"
        ),
        oidc__logout_channels="frontchannel backchannel",
    )


@pytest.fixture
def run(ini: Path) -> Run:
    def run(command: str, *arguments: str, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(main, ["clients", command, str(ini), *arguments], input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    return run


def show(run: Run, client_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(run("show", client_id, "--json").stdout)
    return shown


@pytest.fixture
def client_id(run: Run) -> str:
    created: str = json.loads(run("create", *SHOP, "--json").stdout)["client_id"]
    return created


def test_commands_announce_what_they_change(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "oidcserver.audit"):
        client_id = json.loads(run("create", *SHOP, "--json").stdout)["client_id"]
        run("update", client_id, "--logo-uri", "https://shop.example/logo.png")
        run("update", client_id, "--redirect-uri", "no URI")
        run("new-secret", client_id)
        run("delete", client_id, "--yes")
    lines = [json.loads(it.message) for it in caplog.records if it.name == "oidcserver.audit"]
    assert [line["event"] for line in lines] == [
        "client_created", "client_changed", "client_secret_rotated", "client_deleted",
    ]  # fmt: skip
    assert {line["client_id"] for line in lines} == {client_id}


def test_a_client_is_changed_member_by_member(run: Run, client_id: str) -> None:
    before = show(run, client_id)
    changed = run(
        "update", client_id, "--redirect-uri", "https://shop.example/a", "--redirect-uri",
        "https://shop.example/b", "--logo-uri", "https://shop.example/logo.png",
        "--default-max-age", "60", "--require-auth-time", "--no-require-pkce",
        "--id-token-claims", "scopes", "--contact", "ops@shop.example",
        "--backchannel-logout-uri", "https://shop.example/logout",
        "--access-token-format", "jwt", "--resource-server",
    )  # fmt: skip
    assert (changed.exit_code, changed.stdout) == (0, f"client_id: {client_id}\n")
    expected = {
        "redirect_uris": ["https://shop.example/a", "https://shop.example/b"],
        "logo_uri": "https://shop.example/logo.png",
        "default_max_age": 60,
        "require_auth_time": True,
        "require_pkce": False,
        "id_token_claims": "scopes",
        "contacts": ["ops@shop.example"],
        "backchannel_logout_uri": "https://shop.example/logout",
        "access_token_format": "jwt",
        "resource_server": True,
    }
    assert show(run, client_id) == {**before, **expected}
    removed = [word for name in expected if name != "redirect_uris" for word in ("--unset", name)]
    assert run("update", client_id, *removed).exit_code == 0
    assert show(run, client_id) == {**before, "redirect_uris": expected["redirect_uris"]}


@pytest.mark.parametrize(
    ("words", "stdin"),
    [(("--resource-server",), None), (("--metadata", "-"), '{"grant_types": []}')],
)
def test_a_resource_server_needs_no_grant(
    run: Run, words: tuple[str, ...], stdin: str | None
) -> None:
    """The ini may select none that needs no redirect URI."""
    created = run("create", "--name", "Orders", *words, "--json", stdin=stdin)
    shown = show(run, json.loads(created.stdout)["client_id"])
    assert (shown["grant_types"], shown["response_types"]) == ([], [])
    named = run("create", *SHOP, "--resource-server", "--json")
    assert json.loads(named.stdout)["grant_types"] == ["authorization_code"]


def test_a_file_changes_what_it_names_and_null_removes(
    run: Run, client_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "members.json"
    file.write_text(json.dumps({"client_name#de": "Laden", "logo_uri": "https://shop.example/l"}))
    assert run("update", client_id, "--metadata", str(file)).exit_code == 0
    changes = json.dumps({"logo_uri": None, "resource_server": True})
    result = run("update", client_id, "--metadata", "-", "--json", stdin=changes)
    shown = json.loads(result.stdout)
    assert shown == show(run, client_id)
    assert (shown["client_name#de"], shown["resource_server"]) == ("Laden", True)
    assert "logo_uri" not in shown


def test_a_client_that_publishes_its_metadata_is_shown_and_not_changed(run: Run, ini: Path) -> None:
    url = "https://client.example/oauth/client.json"
    database = get_app(str(ini)).registry.oidc.database
    with database.session.begin() as dbsession:
        members = {"client_name": "Published", "token_endpoint_auth_method": "none"}
        dbsession.add(Client(client_id=url, client_metadata=members, document_expires_at=1))
    database.engine.dispose()
    assert run("list").stdout == f"{url}  Published  (none, publishes its metadata)\n"
    assert show(run, url)["client_name"] == "Published"
    changed = run("update", url, "--name", "Another")
    assert (changed.exit_code, changed.stderr) == (
        1, f"Error: The client publishes its metadata at {url}.\n"
    )  # fmt: skip
    assert run("new-secret", url).exit_code == 1
    assert run("delete", url, "--yes").exit_code == 0
    assert run("list").stdout == ""


def test_a_change_that_needs_a_secret_prints_it(run: Run, ini: Path) -> None:
    public = (*SHOP, "--token-endpoint-auth-method", "none", "--json")
    created = json.loads(run("create", *public).stdout)
    assert "client_secret" not in created
    changed = run(
        "update", created["client_id"], "--token-endpoint-auth-method", "client_secret_post"
    )
    assert "client_secret: cs_" in changed.stdout
    assert "cannot be shown again" in changed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--redirect-url", "https://x.example/"), 2, "'--redirect-uri'"),
        (("--unset", "logo_url"), 1, "There is no member logo_url. Did you mean 'logo_uri'?"),
        (("--unset", "client_id"), 1, "There is no member client_id."),
        (("--metadata", "{}"), 2, "There is nothing to change"),
        ((), 2, "There is nothing to change"),
        (("--metadata", '{"redirect_uri": []}'), 1, "Did you mean 'redirect_uris'?"),
        (("--metadata", '{"scope#de": "x"}'), 1, "There is no member scope#de."),
        (("--metadata", '{"resource_server": "yes"}'), 1, "resource_server is not true or false."),
        (("--metadata", '{"resource_server": 0}'), 1, "resource_server is not true or false."),
        (("--metadata", '{"skip_consent": ""}'), 1, "skip_consent is not true or false."),
        (("--metadata", '{"skip_consent": []}'), 1, "skip_consent is not true or false."),
        (("--access-token-format", "xml"), 1, "access_token_format is not one of sealed, jwt."),
        (("--redirect-uri", "com.example.app:/cb"), 1, "(application_type native)"),
        (("--logo-uri", "x", "--unset", "logo_uri"), 1, "Both --unset and another option name"),
        (("--unset", "redirect_uris"), 1, "needs a redirect URI"),
        (("--scope", "openid", "--scope", "grups"), 1, "unknown scope: grups. Available: openid"),
        (("--grant-type", "magic"), 1, "names an unknown grant type: magic. Available: "),
        (("--response-type", 'a"\\b'), 1, "names an unknown response type: a??b. Available: "),
        (("--default-max-age", "soon"), 2, "is not a valid integer"),
    ],
)
def test_a_change_that_cannot_be_made_is_explained_and_changes_nothing(
    run: Run, client_id: str, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    words = list(arguments)
    if "--metadata" in words:
        file = tmp_path / "members.json"
        file.write_text(words[1])
        words[1] = str(file)
    before = show(run, client_id)
    result = run("update", client_id, *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert show(run, client_id) == before


def test_a_group_that_does_not_exist_is_said(run: Run) -> None:
    created = run("create", *SHOP, "--allowed-group", "nosuchgroup", "--json")
    assert created.exit_code == 0
    assert "there is no group nosuchgroup here yet" in created.stderr
    client_id = json.loads(created.stdout)["client_id"]
    assert "no group others" in run("update", client_id, "--allowed-group", "others").stderr


def test_a_misspelt_member_of_a_new_client_is_refused(run: Run) -> None:
    misspelt = '{"post_logout_redirect_uri": ["https://shop.example/"]}'
    result = run("create", *SHOP, "--metadata", "-", stdin=misspelt)
    assert result.exit_code == 1
    assert "Did you mean 'post_logout_redirect_uris'?" in result.stderr
    assert run("list").stdout == ""


@pytest.mark.parametrize("kind", [ECKey, OKPKey, RSAKey])
def test_a_public_key_is_given_in_pem(run: Run, kind: Any) -> None:
    size = {ECKey: "P-256", OKPKey: "Ed25519", RSAKey: 2048}[kind]
    key = kind.generate_key(size)
    options = ("--token-endpoint-auth-method", "private_key_jwt", "--jwks", "-", "--json")
    created = json.loads(run("create", *SHOP, *options, stdin=pem(key)).stdout)
    shown = show(run, created["client_id"])
    public = {**key.as_dict(private=False), "kid": key.thumbprint()}
    assert shown["jwks"] == {"keys": [public]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (lambda: pem(ECKey.generate_key("P-256"), private=True), "openssl pkey -pubout"),
        (lambda: "-----BEGIN PUBLIC KEY-----\nx\n", "holds no RSA, EC or OKP key in PEM"),
        (lambda: "kid", "is not JSON"),
    ],
)
def test_a_file_without_a_public_key_is_rejected(
    run: Run, text: Callable[[], str], sentence: str
) -> None:
    rejected = run("create", *SHOP, "--jwks", "-", stdin=text())
    assert rejected.exit_code == 1
    assert sentence in rejected.stderr


def pem(key: ECKey | OKPKey | RSAKey, *, private: bool = False) -> str:
    return key.as_pem(private=private).decode()


def test_an_unknown_client_is_not_changed(run: Run) -> None:
    result = run("update", "nobody", "--name", "x")
    assert (result.exit_code, "There is no client nobody." in result.stderr) == (1, True)


def test_every_member_has_an_option_of_its_own(run: Run, make_provider: Any) -> None:
    provider = make_provider().registry.oidc.provider
    named = [field.name for _, fields in sections(provider) for field in fields]
    assert sorted(named) == sorted(set(named))
    assert set(named) <= set(FIELDS), "no plugin is there"
    words = run("create", "--help").stdout.split()
    for field in FIELDS.values():
        assert any(word.startswith(option_name(field)) for word in words), field.name


def test_scopes_are_given_in_one_option_or_in_several(run: Run, client_id: str) -> None:
    assert run("update", client_id, "--scope", "openid profile").exit_code == 0
    assert show(run, client_id)["scope"] == "openid profile"
    assert run("update", client_id, "--scope", "openid", "--scope", "email").exit_code == 0
    assert show(run, client_id)["scope"] == "openid email"


def test_a_client_is_shown_one_member_a_line(run: Run, client_id: str) -> None:
    run("update", client_id, "--resource-server")
    lines = run("show", client_id).stdout.splitlines()
    assert "scope: openid" in lines
    assert "redirect_uris: https://shop.example/cb" in lines
    assert "resource_server: true" in lines
    assert "access_token_format: " in lines


# -- from elsewhere --------------------------------------------------------------------------

JWT = ("--token-endpoint-auth-method", "client_secret_jwt")
SECRET = "S3cret/from+elsewhere==&%41"


def test_a_client_from_elsewhere_keeps_its_identifier_and_secret(run: Run, ini: Path) -> None:
    words = ("--name", "Robot", "--grant-type", "client_credentials", "--scope", "email")
    brought = ("--client-id", "shop:robot@example.com", "--client-secret-stdin")
    result = run("create", *words, *brought, stdin=f"{SECRET}\n")
    assert (result.exit_code, result.stdout) == (0, "client_id: shop:robot@example.com\n")
    app = TestApp(get_app(str(ini)))
    form = {"grant_type": "client_credentials"}
    body = {"client_id": "shop:robot@example.com", "client_secret": SECRET}
    app.post("/oauth/token", {**form, **body}, status=200)
    encoded = b64encode(f"shop%3Arobot@example.com:{SECRET}".encode()).decode()
    app.post("/oauth/token", form, headers={"Authorization": f"Basic {encoded}"}, status=200)
    app.post("/oauth/token", {**form, **body, "client_secret": SECRET + "x"}, status=401)
    again = run("create", *words, *brought, stdin=f"{SECRET}\n")
    assert again.exit_code == 1
    assert "There is a client shop:robot@example.com already." in again.stderr


URL = "https://client.example/oauth/client.json"


def test_the_identifier_may_be_the_url_of_a_document(run: Run, ini: Path) -> None:
    created = run("create", *SHOP, "--client-id", URL, "--token-endpoint-auth-method", "none")
    assert (created.exit_code, created.stdout) == (0, f"client_id: {URL}\n")
    assert show(run, URL)["redirect_uris"] == ["https://shop.example/cb"]
    assert run("update", URL, "--name", "Shop 2").exit_code == 0
    assert URL in run("list").stdout
    again = run("create", *SHOP, "--client-id", URL)
    assert f"There is a client {URL} already." in again.stderr
    assert run("delete", URL, "--yes").exit_code == 0


def test_a_secret_goes_with_such_an_identifier(run: Run, ini: Path) -> None:
    words = ("--name", "Robot", "--grant-type", "client_credentials", "--scope", "email")
    run("create", *words, "--client-id", URL, "--client-secret-stdin", stdin=SECRET)
    app, form = TestApp(get_app(str(ini))), {"grant_type": "client_credentials"}
    app.post("/oauth/token", {**form, "client_id": URL, "client_secret": SECRET}, status=200)
    encoded = b64encode(f"{quote(URL, safe='')}:{SECRET}".encode()).decode()
    app.post("/oauth/token", form, headers={"Authorization": f"Basic {encoded}"}, status=200)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://client.example", "The URL has no path."),
        ("https://client.example/a/../b", "dot segments"),
        ("https://user@client.example/a", "user name"),
        ("https://client.example/a#b", "fragment"),
        ("http://client.example/a", "must begin with https"),
        (f"https://client.example/{'x' * 255}", "longer than 255"),
    ],
)
def test_a_url_that_no_document_may_have_is_refused(run: Run, url: str, sentence: str) -> None:
    result = run("create", *SHOP, "--client-id", url)
    assert (result.exit_code, sentence in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize(
    "client_id", ["", "-x", ":x", "a b", "a/b", "a%b", "é", "x" * 65, "a\nb", "a?b"]
)
def test_an_identifier_that_cannot_be_used_is_refused(run: Run, client_id: str) -> None:
    result = run("create", *SHOP, f"--client-id={client_id}")
    assert (result.exit_code, "A client_id has 1 to 64 letters" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("secret", "words", "sentence"),
    [
        ("x" * 23, (), "at least 24 characters"),
        ("", (), "printable ASCII characters"),
        ("with a space in between here", (), "printable ASCII characters"),
        ("é" * 30, (), "printable ASCII characters"),
        ("x" * 513, (), "up to 512"),
        ("x" * 31, ("--id-token-signed-response-alg", "HS256"), "at least 32 characters"),
        ("x" * 31, JWT, "at least 32 characters"),
        ("x" * 63, (*JWT, "--token-endpoint-auth-signing-alg", "HS512"), "at least 64 characters"),
        ("x" * 30, ("--token-endpoint-auth-method", "none"), "A client of none has no secret."),
    ],
)
def test_a_secret_that_does_not_fit_is_refused_and_not_printed(
    run: Run, secret: str, words: tuple[str, ...], sentence: str
) -> None:
    result = run("create", *SHOP, *words, "--client-secret-stdin", stdin=f"{secret}\n")
    assert (result.exit_code, sentence in result.stderr) == (1, True), result.stderr
    assert not secret or secret not in result.output
    assert run("list").stdout == ""


def test_standard_input_holds_one_thing(run: Run) -> None:
    result = run("create", *SHOP, "--client-secret-stdin", "--metadata", "-", stdin="{}")
    assert (result.exit_code, "cannot hold both" in result.stderr) == (1, True)


def test_a_brought_secret_that_is_too_short_for_a_new_algorithm_is_replaced(run: Run) -> None:
    words = (*SHOP, "--client-id", "shop", "--client-secret-stdin")
    created = run("create", *words, *JWT, stdin="x" * 40)
    assert created.exit_code == 0
    assert "client_secret" not in run("update", "shop", "--name", "Shop 2").stdout
    changed = run("update", "shop", "--token-endpoint-auth-signing-alg", "HS512")
    assert "client_secret: cs_" in changed.stdout
