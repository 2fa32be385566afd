"""Applications in the operator's own network: one rule to register, fetch and deliver."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from support.app import Provider
from support.processes import free_port
from support.tls_server import serve_https

from oidcserver.clients.rules import InvalidClientMetadata

MEMBERS = ("jwks_uri", "backchannel_logout_uri", "sector_identifier_uri")
SELECTED = {
    "oidc__logout_channels": "backchannel",
    "oidc__backchannel_logout_interval": "0",
    "oauth__outbound_allow_loopback": "false",
}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_private_address_is_registered_where_the_setting_names_it(
    make_provider: Any, member: str, caplog: pytest.LogCaptureFixture
) -> None:
    uri = "https://10.1.2.3:8443/it"
    with pytest.raises(InvalidClientMetadata, match="not on the public internet"):
        make_provider(**SELECTED).register(**{member: uri})
    assert "Nothing was sent to 10.1.2.3:8443" in caplog.text
    assert "oauth.outbound_allow can allow it" in caplog.text
    allowing = make_provider(**SELECTED, oauth__outbound_allow="10.0.0.0/8 192.168.1.5")
    assert allowing.register(**{member: uri}).client.member(member) == uri


def test_and_what_is_registered_there_is_told_of_logouts(
    make_provider: Any, tmp_path: Path
) -> None:
    told: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        told.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    port = free_port()
    with serve_https(application, port, tmp_path):
        provider: Provider = make_provider(
            **SELECTED,
            oauth__outbound_allow="127.0.0.1 ::1",
            oauth__outbound_ca_bundle=tmp_path / "server.pem",
            oidc__backchannel_logout_wait="60",
        )
        client = provider.register(backchannel_logout_uri=f"https://localhost:{port}/logout")
        browser = provider.browser()
        client.login(browser)
        browser.get("/logout").forms["logout"].submit()
    assert [parse_qs(body).keys() for body in told] == [{"logout_token"}]
