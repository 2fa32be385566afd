"""Two instances of ours, connected as docs/upstream.md says, word for word."""

from pathlib import Path
from typing import Any

import pytest
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import free_port
from support.two_providers import (
    Upstream,
    fill_in_ours,
    is_signed_in,
    is_signed_out_in_time,
    sign_in,
    sign_out,
    told_to_an_application,
    walk,
)


def test_the_guide_connects_two_instances(
    tmp_path: Path, keys_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_port, their_port = free_port(), free_port()
    # Browsers keep cookies by host, whatever the port.
    here, there = f"http://127.0.0.1:{own_port}", f"http://localhost:{their_port}"
    guide = Documented(
        "Connect another instance of this provider",
        {"https://login.example.com": here, "https://partner.example.com": there},
        page="upstream.md",
    )
    for name in ("there", "here"):
        (tmp_path / name).mkdir()
    settings = guide.settings(0)
    with Fleet(
        tmp_path / "there", 1, f"sqlite:///{tmp_path}/there.sqlite", keys_directory, (their_port,),
        oidc__issuer=there, **settings,
    ) as partner:  # fmt: skip
        partner.set_claims(
            "alice",
            {
                "email": "alice@partner.example",
                "email_verified": True,
                "groups": ["developers", "administrators"],
            },
        )
        client = guide.create_client(partner.inis[0])
        monkeypatch.setenv("PARTNER_SECRET", client["client_secret"])
        own = {
            **guide.settings(1),
            "oidc__scope_claims": "groups: groups",
            "oidc__user_directory": "database",
        }
        with Fleet(
            tmp_path / "here", 1, f"sqlite:///{tmp_path}/here.sqlite", keys_directory, (own_port,),
            **own,
        ) as fleet, Person() as person:  # fmt: skip
            upstream = Upstream(there, f"{there}/logout", fill_in_ours)
            assert sign_in(person, fleet, upstream, "partner").status_code == 200
            claims = told_to_an_application(person, fleet)
            assert claims["preferred_username"] == "alice"
            assert claims["email"] == "alice@partner.example"
            assert claims["groups"] == ["partner-developers"]

            page = sign_out(person, fleet, upstream)
            assert page.url == f"{here}/logout"
            assert not is_signed_in(person, fleet)
            # The user signs in there again, since the session there has ended.
            form = person.send("GET", f"{there}/account")
            assert "/login" in form.headers["Location"]

            sign_in(person, fleet, upstream, "partner")
            assert is_signed_in(person, fleet)
            walk(person, upstream, upstream.end_session)
            assert is_signed_out_in_time(person, fleet), fleet.logs()


@pytest.mark.parametrize("heading", ["Google", "Microsoft Entra", "Keycloak"])
def test_the_settings_for_others_start(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch, heading: str
) -> None:
    for name in ("GOOGLE", "ENTRA", "KEYCLOAK"):
        monkeypatch.setenv(f"{name}_SECRET", "secret")
    settings = Documented(heading, {}, page="upstream.md").settings(0)
    [name] = {key.split(".")[1] for key in settings if key.startswith("oidc__upstream.")}
    provider = make_provider(**settings, oidc__upstreams=name)
    assert f"upstream-{name}" in provider.browser().get("/login").forms
