"""Which clients may register for a logout channel, and which take part in a login session."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import LoginSession, LoginSessionClient
from oidcserver.models.login_session import end_login_sessions
from oidcserver.models.login_session_client import join_login_session
from oidcserver.sessions import logout_channels

MEMBERS = {
    "frontchannel_logout_uri": "https://client.example/frontchannel",
    "frontchannel_logout_session_required": True,
    "backchannel_logout_uri": "https://client.example/backchannel",
    "backchannel_logout_session_required": False,
}


@pytest.mark.parametrize(
    "channels", ["", "frontchannel", "backchannel", "frontchannel backchannel"]
)
def test_members_of_channels_that_are_not_selected_are_left_out(
    make_provider: Any, channels: str
) -> None:
    provider = make_provider(oidc__logout_channels=channels, oidc__backchannel_logout_interval="0")
    stored = provider.register(**MEMBERS).client.client_metadata
    for name, value in MEMBERS.items():
        selected = name.partition("_")[0] in channels.split()
        assert stored.get(name) == (value if selected else None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backchannel_logout_uri", "https://[::ffff:127.0.0.1]/"),
        ("backchannel_logout_uri", "https://169.254.169.254/"),
        ("backchannel_logout_uri", "https://client.example/#fragment"),
        ("backchannel_logout_uri", ["https://client.example/"]),
        ("backchannel_logout_session_required", 1),
        ("frontchannel_logout_uri", "https://other.example/"),
        ("frontchannel_logout_uri", "http://client.example/"),
        ("frontchannel_logout_uri", "javascript:alert(1)"),
        ("frontchannel_logout_session_required", "true"),
    ],
)
def test_what_a_channel_cannot_use_is_refused(make_provider: Any, name: str, value: Any) -> None:
    provider = make_provider(
        oidc__logout_channels="frontchannel backchannel", oidc__backchannel_logout_interval="0"
    )
    with pytest.raises(InvalidClientMetadata) as refused:
        provider.register(**{name: value})
    assert refused.value.field == name


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    told: Provider = make_provider(oidc__logout_channels="frontchannel")
    return told


@pytest.mark.both_databases
def test_a_client_takes_part_once_and_only_if_it_wants_to_hear(provider: Provider) -> None:
    told, untold = provider.register(**MEMBERS), provider.register()
    browser = provider.browser()
    for client in (told, untold, told):
        client.login(browser)
    with provider.database() as dbsession:
        [row] = dbsession.scalars(select(LoginSessionClient))
        assert row.client_id == told.client_id
        assert row.subject == dbsession.get_one(LoginSession, row.session_id).user_id


@pytest.mark.both_databases
def test_the_rows_go_with_the_session(provider: Provider) -> None:
    provider.register(**MEMBERS).login(provider.browser())
    with provider.database() as dbsession:
        dbsession.delete(dbsession.scalars(select(LoginSession)).one())
    with provider.database() as dbsession:
        assert dbsession.scalars(select(LoginSessionClient)).all() == []


@pytest.mark.both_databases
def test_a_client_gets_no_answer_under_a_session_that_ends_at_this_moment(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not hear of the end any more, as who is to hear has been looked up already."""
    client, browser = provider.register(**MEMBERS), provider.browser()
    client.login(browser)

    def end_first(dbsession: Any, session_id: str, *rest: Any) -> bool:
        end_login_sessions(dbsession, LoginSession.id == session_id)
        return join_login_session(dbsession, session_id, *rest)

    monkeypatch.setattr(logout_channels, "join_login_session", end_first)
    answer = client.login(browser)
    assert answer["error"] == "login_required"
    assert "code" not in answer
