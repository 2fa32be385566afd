"""How a client registers for CIBA (section 4), at the endpoint, the command and the page."""

from typing import Any

import pytest
import webtest
from support.app import Provider
from support.ciba import SETTINGS, CibaClient, user
from support.request_signing import make_private_keys, public

from oidcserver.clients.fields import sections
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.oauth.grant_types import CIBA

SIGNING = "backchannel_authentication_request_signing_alg"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(
        **SETTINGS,
        oauth__registration="open",
        oauth__registration_grant_types=f"authorization_code {CIBA}",
    )
    return provider


def register(provider: Provider, status: int = 201, **members: Any) -> dict[str, Any]:
    """Register at the endpoint, for CIBA alone; return the members of the answer."""
    values = {"grant_types": [CIBA], "response_types": [], **members}
    answer: dict[str, Any] = (
        webtest.TestApp(provider.wsgi).post_json("/oauth/register", values, status=status).json
    )
    return answer


def test_a_client_needs_no_redirect_uri_and_polls_by_default(provider: Provider) -> None:
    registered = register(provider)
    assert registered["backchannel_token_delivery_mode"] == "poll"
    assert registered["response_types"] == []


def test_where_only_ping_is_selected_a_client_cannot_poll(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__ciba_delivery_modes="ping")
    with pytest.raises(InvalidClientMetadata, match="ping needs"):
        CibaClient(provider, backchannel_token_delivery_mode=None)


def test_every_member_is_kept(provider: Provider) -> None:
    members = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "https://client.example/ciba",
        SIGNING: "ES256",
    }
    registered = register(provider, jwks=public(make_private_keys()["ES256"]), **members)
    assert {name: registered[name] for name in members} == members


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"backchannel_token_delivery_mode": "ping"}, "backchannel_client_notification_endpoint"),
        ({"backchannel_token_delivery_mode": "push"}, "backchannel_token_delivery_mode"),
        ({SIGNING: "ES256"}, "jwks"),
        ({SIGNING: "HS256"}, SIGNING),
        ({SIGNING: "none"}, SIGNING),
        ({"token_endpoint_auth_method": "none"}, "public"),
    ],
)
def test_what_cannot_work_is_not_registered(
    provider: Provider, members: dict[str, Any], named: str
) -> None:
    rejected = register(provider, status=400, **members)
    assert rejected["error"] == "invalid_client_metadata"
    assert named in rejected["error_description"]


def test_a_client_learns_that_there_are_no_user_codes(provider: Provider) -> None:
    assert "backchannel_user_code_parameter" not in register(
        provider, backchannel_user_code_parameter=True
    )


def test_a_client_without_the_grant_type_needs_nothing_of_it(provider: Provider) -> None:
    client = provider.register()
    assert client.client.member("backchannel_token_delivery_mode") is None


def test_the_page_of_clients_has_the_fields_where_ciba_is_selected(
    provider: Provider, make_provider: Any
) -> None:
    names = {
        "backchannel_token_delivery_mode", "backchannel_client_notification_endpoint", SIGNING,
    }  # fmt: skip

    def offered(of: Provider) -> set[str]:
        chosen = sections(of.registry.oidc.provider)
        return {field.name for _, fields in chosen for field in fields}

    assert names <= offered(provider)
    assert not names & offered(make_provider())


def test_the_grant_type_is_rejected_where_ciba_is_not_selected(make_provider: Any) -> None:
    with pytest.raises(InvalidClientMetadata, match="unknown grant type"):
        CibaClient(make_provider())


def test_the_conformance_suite_decides_by_a_plugin_of_the_tests(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidcserver__includes="support.ciba_approval_plugin")
    client = CibaClient(provider)
    user(provider)
    for action, error in (("allow", None), ("deny", "access_denied")):
        auth_req_id = client.ask()
        url = f"/ciba-approval?auth_req_id={auth_req_id}&action={action}"
        client.rp.http.post(url, status=204)
        client.rp.http.post(url, status=409)
        assert client.poll(auth_req_id, status="*").get("error") == error
    client.rp.http.post("/ciba-approval?auth_req_id=bc_x&action=allow", status=404)
