"""A site that behaves as ASP.NET Core's handler does: it pushes wherever that is advertised."""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support.documented import Documented
from support.person import Person
from support.processes import ServerProcess, copy_development_ini, free_port
from support.site_process import serve_site

SITE = Path(__file__).with_name("aspnet_site.py")
PUSHED = {"client_id", "request_uri"}
PLAIN = {
    "client_id", "redirect_uri", "response_type", "scope", "code_challenge",
    "code_challenge_method", "response_mode", "nonce", "state",
}  # fmt: skip
TELEMETRY = {"x-client-SKU", "x-client-ver"}


@pytest.mark.parametrize("advertised", [True, False])
def test_aspnet(advertised: bool, tmp_path: Path, keys_directory: Path) -> None:
    """With development.ini as it is, and without the endpoint of pushed requests."""
    port, site_port = free_port(), free_port()
    issuer, site = f"http://localhost:{port}", f"http://127.0.0.1:{site_port}"
    ini = copy_development_ini(tmp_path, port, keys_directory)
    if not advertised:
        ini.write_text(ini.read_text().replace("    pushed_authorization_request\n", ""))
    page = Documented(
        "ASP.NET Core",
        {"https://login.example.com": issuer, "https://app.example.com": site},
    )
    page.create_client(ini)
    options = dict(re.findall(r'options\.(\w+) = "(.*)";', page.block("csharp")))
    command = [sys.executable, str(SITE)]
    with (
        ServerProcess(ini, port),
        serve_site(command, {"port": site_port, "options": options}),
        Person() as person,
    ):
        location = person.send("GET", f"{site}/orders?page=2").headers["Location"]
        assert parse_qs(urlsplit(location).query).keys() == (
            (PUSHED if advertised else PLAIN) | TELEMETRY
        )
        page_at_end = person.visit(f"{site}/orders?page=2")
        assert person.seen == ["login", "consent"]
        assert page_at_end.url == f"{site}/orders?page=2"
        assert page_at_end.json()["preferred_username"] == "alice"

        page_at_end = person.visit(f"{site}/signout")
        assert (page_at_end.url, page_at_end.text) == (f"{site}/signed-out", "signed out")
        login = person.send("GET", f"{issuer}/account")
        assert "/login" in login.headers["Location"]
