"""The hint says who is meant (OpenID Connect Core sections 3.1.2.1 and 3.1.2.2)."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider, RelyingParty, decode_id_token, follow_to_answer

from oidcserver.keys.jwt import sign_with_secret
from oidcserver.models import Client, LogoutDelivery, SuspendedRequest
from oidcserver.sessions.logout_token import make_logout_token


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def hint(provider: Provider, client: RelyingParty) -> str:
    """An ID token of alice."""
    id_token: str = client.exchange(client.login(provider.browser())["code"])["id_token"]
    return id_token


def remembered(provider: Provider, client: RelyingParty, username: str) -> Any:
    """A browser whose person has allowed the client for good."""
    browser = provider.browser()
    browser.sign_in(username)
    form = client.authorize(browser).forms["consent"]
    form["remember"] = True
    form.submit("decision", value="allow")
    return browser


def test_the_hinted_person_gets_a_silent_answer_and_another_does_not(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    alice, bob = (remembered(provider, client, name) for name in ("alice", "bob"))
    parameters = {"prompt": "none", "id_token_hint": hint}
    assert "code" in client.answer(client.authorize(alice, **parameters))
    assert client.answer(client.authorize(bob, **parameters))["error"] == "login_required"
    stranger = client.answer(client.authorize(provider.browser(), **parameters))
    assert stranger["error"] == "login_required"


def test_another_person_is_asked_to_sign_in_and_whoever_does_not_fit_is_refused(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    bob = remembered(provider, client, "bob")
    page = client.authorize(bob, id_token_hint=hint)
    assert "login" in page.forms
    answer = client.answer(client.complete(page, "bob"))
    assert answer["error"] == "login_required"
    answer = client.answer(client.complete(client.authorize(bob, id_token_hint=hint), "alice"))
    assert "code" in answer


def test_what_is_not_an_id_token_for_this_client_is_refused(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    other = provider.register()
    browser = provider.browser()
    for party, value in ((client, hint[:-4] + "AAAA"), (client, "x"), (other, hint)):
        answer = party.answer(party.authorize(browser, id_token_hint=value))
        assert answer["error"] == "invalid_request"


def test_a_request_that_waits_keeps_who_is_meant_and_not_the_id_token(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    page = client.authorize(provider.browser(), id_token_hint=hint)
    assert client.answer(client.complete(page, "bob"))["error"] == "login_required"
    form = client.authorize(provider.browser(), id_token_hint=hint).forms["login"]
    form["username"], form["password"] = "alice", "valid"
    consent = follow_to_answer(form.submit())
    with provider.database() as dbsession:
        waiting = dbsession.scalars(select(SuspendedRequest.parameters)).all()
    stored = [parameters for parameters in waiting if "id_token_hint" in parameters]
    assert len(stored) == 2
    assert all(len(parameters["id_token_hint"][0]) < 250 for parameters in stored)
    assert hint.split(".")[1] not in str(stored)
    assert "code" in client.answer(client.complete(consent))


def test_no_other_jwt_of_ours_passes_for_an_id_token(make_provider: Any) -> None:
    """RFC 8725 sections 3.11 and 3.12: they have the same issuer, audience, subject and key."""
    provider = make_provider(
        oauth__access_token_format="jwt", oidc__logout_channels="backchannel",
        oidc__backchannel_logout_interval="0",
    )  # fmt: skip
    for algorithm in ("RS256", "HS256"):
        client = provider.register(
            id_token_signed_response_alg=algorithm, userinfo_signed_response_alg=algorithm
        )
        browser = provider.browser()
        tokens = client.exchange(client.login(browser)["code"])
        subject = decode_id_token(provider, tokens["id_token"], algorithm, secret=(
            client.secret if algorithm == "HS256" else None
        ))["sub"]  # fmt: skip
        delivery = LogoutDelivery(
            client_id=client.client_id, subject=subject, session_id="x", expires_at=2**40,
            next_attempt_at=0,
        )  # fmt: skip
        with provider.database() as dbsession:
            stored = dbsession.get_one(Client, client.client_id)
            logout_token = make_logout_token(provider.registry, stored, delivery)
        others = {
            "access token": tokens["access_token"],
            "logout token": logout_token,
            "UserInfo response": client.userinfo(tokens["access_token"]).text,
        }
        for kind, value in others.items():
            answer = client.answer(client.authorize(browser, id_token_hint=value))
            assert answer["error"] == "invalid_request", (algorithm, kind)


def test_a_secret_signs_hints_only_where_it_signs_id_tokens(provider: Provider) -> None:
    """The secret of client_secret_jwt can be read here too, but it signs what the client says."""
    client = provider.register(token_endpoint_auth_method="client_secret_jwt")
    claims = {
        "iss": provider.issuer, "aud": client.client_id, "sub": "alice", "iat": 1, "exp": 2**40,
    }  # fmt: skip
    forged = sign_with_secret(client.secret or "", "HS256", claims)
    answer = client.answer(client.authorize(provider.browser(), id_token_hint=forged))
    assert answer["error"] == "invalid_request"


def test_a_secret_signs_hints_for_its_client_alone(provider: Provider) -> None:
    first, second = (provider.register(id_token_signed_response_alg="HS256") for _ in range(2))
    claims = {
        "iss": provider.issuer, "aud": second.client_id, "sub": "alice", "iat": 1, "exp": 2**40,
    }  # fmt: skip
    forged = sign_with_secret(first.secret or "", "HS256", claims)
    for party in (first, second):
        answer = party.answer(party.authorize(provider.browser(), id_token_hint=forged))
        assert answer["error"] == "invalid_request"
