"""The Rust crate openidconnect, unmodified, from login to the provider's sign-out."""

from pathlib import Path
from typing import Any

import pytest
from support.builds import HERE, rust_program
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.relying_party_process import run_relying_party

pytestmark = [pytest.mark.rust, pytest.mark.interoperability]

REDIRECT_URI = "http://127.0.0.1:9/callback"  # nobody is there: the person reads the URL only
TITLE = "The Rust crate openidconnect"


@pytest.fixture(scope="module")
def program() -> Path:
    """The relying party, built."""
    return rust_program("openidconnect-client")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_from_login_to_sign_out(fleet: Fleet, program: Path, method: str) -> None:
    page = Documented(TITLE, {"https://app.example.com/callback": REDIRECT_URI})
    client = page.create_client(fleet.inis[0], f"--token-endpoint-auth-method {method}")
    configuration: dict[str, Any] = {
        "issuer": fleet.issuer,
        "client_id": client["client_id"],
        "client_secret": client.get("client_secret", ""),
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile email",
    }
    with Person() as person:
        report, visits = run_relying_party([str(program)], configuration, person)
    assert report["userinfo"]["sub"] == report["subject"]
    assert report["userinfo"]["preferred_username"] == "alice"
    assert "@" in report["userinfo"]["email"]
    assert report["refresh"] == ""
    assert report["rotated"]
    assert report["userinfo_after_refresh"] == report["userinfo"]
    assert "401" in report["userinfo_after_sign_out"]
    assert "invalid_grant" in report["refresh_after_sign_out"]
    assert report["silent_login_after_sign_out"] == "login_required"
    assert report["subject_after_sign_out"] == report["subject"]
    assert visits == [["login", "consent"], [], ["login", "consent"]]


def test_the_page_shows_what_the_program_does() -> None:
    page = Documented(
        TITLE,
        {
            '"https://login.example.com"': 'text("issuer")',
            '"https://app.example.com/callback"': 'text("redirect_uri")',
            '"CLIENT_ID"': 'text("client_id")',
            'Some(ClientSecret::new("CLIENT_SECRET"))': "secret.map(ClientSecret::new)",
        },
    )
    program = (HERE / "rust" / "openidconnect-client" / "src" / "main.rs").read_text()
    for line in page.block("rust").splitlines():
        assert line.strip() in program
