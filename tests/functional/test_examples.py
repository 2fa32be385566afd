"""The examples of the documentation do what it says: plugins, and an application elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import webtest
from orders import introspection, make_app
from support.app import Provider, follow_to_answer
from support.processes import free_port

from oidcserver.settings import ConfigurationProblem

SECRET = "a-secret-of-thirty-two-characters"


def test_the_resource_asks_the_provider_about_each_token(
    make_provider: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    issuer = f"http://localhost:{port}"
    provider: Provider = make_provider(
        oidc__issuer=issuer, oidc__scope_claims="orders:read: | See your orders"
    )
    serve(provider.wsgi, port)
    client = provider.register(scope="openid orders:read")
    page = follow_to_answer(sign_in(client.authorize(provider.browser(), scope="orders:read")))
    assert "See your orders" in page
    token = client.exchange(client.answer(client.complete(page))["code"])["access_token"]
    resource = provider.register(
        resource_server=True, grant_types=["client_credentials"], redirect_uris=[]
    )
    settings = introspection(issuer, resource.client_id)
    monkeypatch.setenv("CLIENT_SECRET", str(resource.secret))
    app = webtest.TestApp(make_app(**settings))
    assert app.get("/orders", headers={"Authorization": f"Bearer {token}"}).json["owner"]
    app.get("/orders", status=401)
    stranger = provider.register(scope="openid")
    tokens = stranger.exchange(stranger.login(provider.browser(), scope="openid")["code"])
    app.get("/orders", headers={"Authorization": f"Bearer {tokens['access_token']}"}, status=403)


def sign_in(page: Any) -> Any:
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    return form.submit()


def test_a_users_claims_come_from_the_staff_file(make_provider: Any, tmp_path: Path) -> None:
    file = tmp_path / "staff.json"
    file.write_text(json.dumps({"alice": {"department": "Tides", "employee_number": "E-7"}}))
    provider: Provider = make_provider(oidcserver__includes="staff_claims", staff__file=file)
    client = provider.register(scope="openid employment")
    page = client.authorize(provider.browser(), scope="openid employment")
    page = follow_to_answer(sign_in(page))
    assert "See where you work" in page
    tokens = client.exchange(client.answer(client.complete(page))["code"])
    userinfo = client.userinfo(tokens["access_token"]).json
    assert (userinfo["department"], userinfo["employee_number"]) == ("Tides", "E-7")
    answer = client.login(provider.browser(), "bob", scope="openid employment")
    assert "department" not in client.userinfo(client.exchange(answer["code"])["access_token"])


def test_a_missing_staff_file_stops_the_start(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match=r"staff\.file = /missing is not a file"):
        make_provider(oidcserver__includes="staff_claims", staff__file="/missing")


def test_the_terms_are_accepted_once_in_a_browser(make_provider: Any) -> None:
    settings = {
        "oidcserver__includes": "terms",
        "oidc__pages": "home login consent logout terms",
    }
    provider: Provider = make_provider(**settings)
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    silent = client.answer(client.authorize(browser, prompt="none"))
    assert silent["error"] == "interaction_required"
    page = client.authorize(browser)
    assert "be kind to each other" in page
    answer = client.answer(client.complete(follow_to_answer(page.forms["terms"].submit())))
    assert "code" in answer
    assert "consent" in client.authorize(browser).forms, "the terms are not shown again"
    browser.get("/logout").forms["logout"].submit()
    signed_out = follow_to_answer(page.forms["terms"].submit())
    assert "login" in signed_out.forms, "a page that was left open"
    browser.sign_in()
    browser.app = make_provider(**settings, terms__version="2").wsgi
    assert "terms" in client.authorize(browser).forms, "a new version asks again"


def test_the_terms_that_one_user_accepted_are_not_accepted_by_another(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="terms", oidc__pages="home login consent logout terms"
    )
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    follow_to_answer(client.authorize(browser).forms["terms"].submit())
    browser.get("/logout").forms["logout"].submit()
    browser.sign_in("bob")
    assert "terms" in client.authorize(browser).forms


def test_each_company_knows_a_user_by_a_subject_of_its_own(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="subjects",
        subjects__secret=SECRET,
        oidc__subject_types="public company",
    )
    subjects = []
    for company in ("acme", "acme", "globex"):
        client = provider.register(subject_type="company", example_company=company)
        tokens = client.exchange(client.login(provider.browser())["code"])
        subjects.append(client.userinfo(tokens["access_token"]).json["sub"])
    assert subjects[0] == subjects[1] != subjects[2]
    with pytest.raises(ConfigurationProblem, match="needs 32 characters"):
        make_provider(oidcserver__includes="subjects", oidc__subject_types="public company")


def test_the_answer_waits_behind_a_link(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="link_mode",
        oauth__response_modes="query fragment form_post link",
    )
    client = provider.register(redirect_uris=["https://client.example/cb?a=%3Cb%3E"])
    page = client.complete(client.authorize(provider.browser(), response_mode="link"))
    assert page.status_int == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert "<b>" not in page
    [link] = page.html.find_all("a")
    assert link["href"].startswith("https://client.example/cb?a=%3Cb%3E&code=")


def test_tokens_are_written_in_hexadecimal_digits(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="hex_tokens", oauth__access_token_format="hex"
    )
    client = provider.register(resource_server=True)
    token = client.exchange(client.login(provider.browser())["code"])["access_token"]
    assert bytes.fromhex(token).startswith(b"at_")
    assert client.userinfo(token).json["sub"]
    assert client.introspect(token)["active"] is True
    for wrong in (token[:-2], f"{token}zz", "00"):
        assert client.introspect(wrong) == {"active": False}


def test_the_profile_sets_defaults_and_rejects_what_contradicts_it(make_provider: Any) -> None:
    settings = {"oidcserver__includes": "house_rules", "oauth__profile": "house"}
    provider: Provider = make_provider(**settings, oauth__grants="authorization_code")
    client = provider.register(grant_types=["authorization_code"])
    tokens = client.exchange(client.login(provider.browser())["code"])
    assert tokens["expires_in"] == 300
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["service_documentation"] == "https://developers.example.com/"
    with pytest.raises(ConfigurationProblem, match="allows no password grant"):
        make_provider(**settings, oauth__grants="authorization_code password")


def test_each_sign_in_is_logged(make_provider: Any, caplog: pytest.LogCaptureFixture) -> None:
    provider: Provider = make_provider(oidcserver__includes="sign_in_log")
    with caplog.at_level("INFO", logger="sign_in_log"):
        provider.browser().sign_in("alice", "wrong", status=403)
        assert caplog.messages == []
        provider.browser().sign_in("alice")
    [line] = caplog.messages
    assert "user_id" in line


def test_a_client_may_make_so_many_token_requests_a_minute(make_provider: Any, clock: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="rate_limit", rate_limit__per_minute="2"
    )
    client = provider.register(grant_types=["client_credentials"], redirect_uris=[])
    other = provider.register(grant_types=["client_credentials"], redirect_uris=[])
    form = {"grant_type": "client_credentials", "scope": "profile"}
    assert [client.token(status="*", **form).status_int for _ in range(3)] == [200, 200, 429]
    refused = client.token(status=429, **form)
    assert refused.json["error"] == "temporarily_unavailable"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert other.token(**form).json["access_token"], "the limit is that of one client"
    clock.advance(61)
    assert client.token(**form).json["access_token"]
    with pytest.raises(ConfigurationProblem, match="has to be 1 or more"):
        make_provider(oidcserver__includes="rate_limit", rate_limit__per_minute="0")


@pytest.fixture
def company(make_provider: Any, serve: Any) -> Any:
    """A provider whose directory is a service; what it answers to is in ``answers``."""
    answers: dict[str, Any] = {}

    def service(environ: Any, start_response: Any) -> list[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        status, user = answers.get(asked["username"], ("401 Unauthorized", None))
        if asked["password"] != "right":
            status, user = "401 Unauthorized", None
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(user).encode()]

    port = free_port()
    serve(service, port)
    provider = make_provider(
        oidcserver__includes="company_directory",
        oidc__user_directory="company",
        directory__url=f"http://localhost:{port}/",
    )
    provider.answers = answers
    return provider


def test_the_users_of_a_service_sign_in(company: Any) -> None:
    dana = {"id": "7", "username": "dana", "name": "Dana Dale", "email": "dana@company.example"}
    company.answers["dana"] = ("200 OK", dana)
    browser, client = company.browser(), company.register(scope="openid profile email")
    assert "Use your company account." in browser.get("/login")
    browser.sign_in("dana", "wrong", status=403)
    browser.sign_in("dana", "right")
    page = client.authorize(browser, scope="openid profile email")
    tokens = client.exchange(client.answer(client.complete(page))["code"])
    userinfo = client.userinfo(tokens["access_token"]).json
    assert (userinfo["name"], userinfo["email"]) == ("Dana Dale", "dana@company.example")
    company.answers["eve"] = ("500 Internal Server Error", None)
    company.browser().sign_in("eve", "right", status=503)


@pytest.mark.parametrize("url", ["", "ftp://directory.example/", "http://directory.example/"])
def test_passwords_are_not_sent_in_the_clear(make_provider: Any, url: str) -> None:
    with pytest.raises(ConfigurationProblem, match="is not https"):
        make_provider(
            oidcserver__includes="company_directory",
            directory__url=url,
            oidcserver__mode="production",
            oidc__issuer="https://login.example.com",
            oidc__user_directory="company",
        )


def test_an_endpoint_of_a_plugin_has_a_flow_of_its_own(
    make_provider: Any,
) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="client_info",
        oauth__endpoints="authorization token jwks openid_configuration client_info",
    )
    client = provider.register(scope="openid profile")
    assert client.post("/oauth/client_info", status=200).json == {
        "client_id": client.client_id,
        "scope": "openid profile",
    }
    wrong = client.post("/oauth/client_info", status=401, headers={"Authorization": "Basic eDp4"})
    assert wrong.json["error"] == "invalid_client"
    assert client.http.get("/oauth/client_info", status=405).headers["Allow"] == "POST"
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["client_info_endpoint"] == f"{provider.issuer}/oauth/client_info"
