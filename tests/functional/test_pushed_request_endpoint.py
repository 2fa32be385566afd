"""The endpoint where clients push requests: authentication, rejections, limits (RFC 9126)."""

from typing import Any

import pytest
from joserfc.jwk import Key, OctKey
from sqlalchemy import select
from support.app import ISSUER, Provider, RelyingParty
from support.assertions import Signer
from support.pushing import ENDPOINTS, post, push, rejection, visit
from support.request_signing import make_private_keys, public

from oidcserver import clock as provider_clock
from oidcserver.models import RecordedRejection, SuspendedRequest, User
from oidcserver.oauth.authorization_request import MAX_STORED

pytestmark = pytest.mark.both_databases

PAR = "/oauth/par"
PUBLIC = {"token_endpoint_auth_method": "none"}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oauth__endpoints=ENDPOINTS)
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


def stored(provider: Provider) -> list[SuspendedRequest]:
    with provider.database() as dbsession:
        rows = list(dbsession.scalars(select(SuspendedRequest)))
        dbsession.expunge_all()
    return rows


# -- rejections -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request_uri": "urn:ietf:params:oauth:request_uri:ru_x"}, "invalid_request"),
        ({"request_uri": "https://client.example/r"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "code id_token"}, "unauthorized_client"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": "pigeon"}, "unsupported_response_type"),
        ({"redirect_uri": "https://client.example/unregistered"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_mode": "pigeon"}, "invalid_request"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"claims": "["}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
    ],
)
def test_a_request_is_checked_when_it_is_pushed(
    provider: Provider, client: RelyingParty, changes: dict[str, str], error: str
) -> None:
    assert rejection(client, **changes) == error
    assert stored(provider) == []


def test_the_rejection_can_be_looked_up(provider: Provider, client: RelyingParty) -> None:
    response = post(client, redirect_uri="https://evil.example/")
    with provider.database() as dbsession:
        row = dbsession.get_one(RecordedRejection, response.headers["Error-Reference"])
    assert row.client_id == client.client_id
    assert row.received["redirect_uri"] == "https://evil.example/"


def test_a_repeated_parameter_is_rejected(client: RelyingParty) -> None:
    for name in ("scope", "state", "client_id"):
        pairs = [*client.parameters().items(), (name, client.parameters()[name])]
        response = client.http.post(PAR, pairs, headers=client.basic(), status=400)
        assert response.json["error"] == "invalid_request"


def test_a_request_that_is_too_long_is_rejected(provider: Provider, client: RelyingParty) -> None:
    more = {f"extra{number}": "x" * 4000 for number in range(MAX_STORED // 4000 + 1)}
    assert rejection(client, status=413, **more) == "invalid_request"
    assert stored(provider) == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_a_post_pushes(client: RelyingParty, method: str) -> None:
    """The suite's par-attempt-invalid-http-method."""
    response = client.http.request(PAR, method=method, headers=client.basic(), status=405)
    assert response.headers["Allow"] == "POST, OPTIONS"


def test_json_is_no_form(client: RelyingParty) -> None:
    response = client.http.post_json(PAR, client.parameters(), headers=client.basic(), status=400)
    assert response.json["error"] == "invalid_request"


def test_without_a_challenge_a_public_client_is_rejected(provider: Provider) -> None:
    """The suite's par-ensure-pkce-required."""
    none = {"code_challenge": None, "code_challenge_method": None}
    assert rejection(provider.register(**PUBLIC), **none) == "invalid_request"
    assert rejection(provider.register(require_pkce=True), **none) == "invalid_request"


# -- client authentication ------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["client_secret_basic", "client_secret_post", "client_secret_jwt", "none"]
)
def test_a_client_authenticates_as_at_the_token_endpoint(provider: Provider, method: str) -> None:
    client = provider.register(token_endpoint_auth_method=method)
    form: dict[str, Any] = {}
    if method == "client_secret_jwt":
        key = OctKey.import_key(client.secret or "")
        form = Signer(client.client_id, "HS256", key, ISSUER).form()
    request_uri = push(client, **form)
    assert "login" in visit(client, provider.browser(), request_uri).forms


@pytest.mark.parametrize(
    "credentials",
    [{}, {"client_secret": "wrong"}, {"client_assertion": "x"}, {"client_assertion_type": "x"}],
)
def test_a_client_that_does_not_authenticate_is_rejected(
    provider: Provider, client: RelyingParty, credentials: dict[str, str]
) -> None:
    form = {**client.parameters(), **credentials}
    response = client.http.post(PAR, form, status=401)
    assert response.json["error"] == "invalid_client"
    unknown = client.http.post(PAR, {**form, "client_id": "unknown"}, status=401)
    assert unknown.json == response.json
    assert stored(provider) == []


def test_credentials_in_the_url_are_rejected(client: RelyingParty) -> None:
    url = f"{PAR}?client_secret={client.secret}"
    response = client.http.post(url, client.parameters(), status=400)
    assert response.json["error"] == "invalid_request"


def test_the_client_id_of_the_form_is_that_of_the_credentials(
    provider: Provider, client: RelyingParty
) -> None:
    other = provider.register()
    for client_id in (other.client_id, "unknown"):
        response = post(client, client_id=client_id)
        assert response.status_int in (400, 401)
        assert response.json["error"] in ("invalid_request", "invalid_client")
    assert stored(provider) == []


def test_a_client_that_is_authenticated_need_not_name_itself(
    provider: Provider, client: RelyingParty
) -> None:
    request_uri = push(client, client_id=None)
    page = client.complete(visit(client, provider.browser(), request_uri))
    assert client.exchange(client.answer(page)["code"])["access_token"]


@pytest.mark.parametrize("method", ["client_secret_post", "private_key_jwt"])
def test_no_credential_is_stored(provider: Provider, method: str) -> None:
    key = make_private_keys()["ES256"]
    client = provider.register(token_endpoint_auth_method=method, jwks=public(key))
    form = {}
    if method == "private_key_jwt":
        form = Signer(client.client_id, "ES256", key, ISSUER).form()
    push(client, **form)
    [row] = stored(provider)
    assert set(row.parameters) == set(client.parameters())
    assert row.pushed


def test_where_public_clients_are_not_selected_none_pushes(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__token_endpoint_auth_methods="client_secret_basic"
    )
    client = provider.register()
    response = client.http.post(PAR, client.parameters(), status=401)
    assert response.json["error"] == "invalid_client"


@pytest.mark.parametrize("kind", ["public", "self-registered"])
def test_clients_that_anybody_can_use_push_so_many_from_one_network(
    make_provider: Any, clock: Any, kind: str
) -> None:
    """Nobody fills the database with requests that no user opens."""
    provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__pushed_requests_per_address=3)
    client = provider.register(**(PUBLIC if kind == "public" else {}))
    with provider.database() as dbsession:
        dbsession.merge(client.client).self_registered = kind == "self-registered"
    confidential = provider.register()
    assert rejection(client, scope="unknown") == "invalid_scope"
    for host in range(3):
        client.http.extra_environ = {"REMOTE_ADDR": f"2001:db8::{host}"}
        push(client)
    response = post(client, status=429)
    assert response.json["error"] == "temporarily_unavailable"
    assert 1700 < int(response.headers["Retry-After"]) <= 1800
    assert len(stored(provider)) == 3
    confidential.http.extra_environ = client.http.extra_environ
    push(confidential)
    client.http.extra_environ = {"REMOTE_ADDR": "2001:db8:0:1::1"}
    push(client)
    client.http.extra_environ = {"REMOTE_ADDR": "2001:db8::1"}
    clock.advance(1800)
    push(client)


# -- the audience of an assertion -----------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> Key:
    return make_private_keys()["ES256"]


def signing_client(provider: Provider, key: Key) -> tuple[RelyingParty, Signer]:
    client = provider.register(token_endpoint_auth_method="private_key_jwt", jwks=public(key))
    return client, Signer(client.client_id, "ES256", key, ISSUER)


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}{PAR}", f"{ISSUER}/oauth/token", [ISSUER]])
def test_an_assertion_may_be_for_the_issuer_or_the_endpoint(
    provider: Provider, key: Key, audience: Any
) -> None:
    """RFC 9126 section 2."""
    client, signer = signing_client(provider, key)
    push(client, **signer.form(signer.assertion(aud=audience)))


@pytest.mark.parametrize("audience", ["https://elsewhere.example", f"{ISSUER}/oauth/revoke", [], 1])
def test_an_assertion_for_another_audience_is_rejected(
    provider: Provider, key: Key, audience: Any
) -> None:
    client, signer = signing_client(provider, key)
    form = signer.form(signer.assertion(aud=audience))
    assert rejection(client, status=401, **form) == "invalid_client"


@pytest.mark.parametrize(
    ("audience", "accepted"),
    [
        (ISSUER, True), ([ISSUER], False), (f"{ISSUER}{PAR}", False),
        (f"{ISSUER}/oauth/token", False), (f"{ISSUER}/", False),
    ],
)  # fmt: skip
def test_by_the_setting_only_the_issuer_is_the_audience(
    make_provider: Any, key: Key, audience: Any, accepted: bool
) -> None:
    """The suite's par-test-array-as-audience-fails and its siblings."""
    provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__assertion_audience="issuer")
    client, signer = signing_client(provider, key)
    form = signer.form(signer.assertion(aud=audience))
    assert post(client, **form).status_int == (201 if accepted else 401)


@pytest.mark.parametrize(("ahead", "accepted"), [(8, True), (70, False)])
def test_the_clock_of_a_client_may_be_a_little_fast(
    provider: Provider, key: Key, ahead: int, accepted: bool
) -> None:
    """The suite's par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted and
    -nbf-over-60-seconds-in-the-future-fails."""
    client, signer = signing_client(provider, key)
    then = provider_clock.now() + ahead
    form = signer.form(signer.assertion(iat=then, nbf=then, exp=then + 60))
    assert post(client, **form).status_int == (201 if accepted else 401)


def test_an_assertion_is_accepted_at_one_endpoint_once(provider: Provider, key: Key) -> None:
    client, signer = signing_client(provider, key)
    form = signer.form()
    push(client, **form)
    assert rejection(client, status=401, **form) == "invalid_client"
    tokens = client.token(grant_type="client_credentials", status=401, **form).json
    assert tokens["error"] == "invalid_client"


# -- clients that have to push --------------------------------------------------------------


@pytest.fixture(params=["client", "everybody"])
def pushing(request: pytest.FixtureRequest, make_provider: Any) -> RelyingParty:
    """A client that has to push, by its own registration or by the setting."""
    everybody = request.param == "everybody"
    provider = make_provider(
        oauth__endpoints=ENDPOINTS,
        oidc__request_parameter="true",
        oidc__request_uri_parameter="true",
        oauth__request_object_signing_algs="ES256 none",
        oauth__require_pushed_authorization_requests=str(everybody).lower(),
    )
    own = {} if everybody else {"require_pushed_authorization_requests": True}
    client: RelyingParty = provider.register(request_uris=["https://client.example/r"], **own)
    return client


@pytest.mark.parametrize(
    "changes", [{}, {"request": "e30.e30."}, {"request_uri": "https://client.example/r"}]
)
def test_a_client_that_has_to_push_gets_a_page_for_any_other_request(
    pushing: RelyingParty, changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite's ensure-unsigned-authorization-request-without-using-par-fails."""

    def fail(*arguments: Any) -> None:
        pytest.fail("something was fetched")

    monkeypatch.setattr("oidcserver.http.outbound.OutboundFetcher.get", fail)
    page = pushing.authorize(pushing.provider.browser(), **changes)
    assert (page.status_int, page.content_type) == (400, "text/html")
    assert "has to be pushed" in page
    with pushing.provider.database() as dbsession:
        row = dbsession.get_one(RecordedRejection, page.headers["Error-Reference"])
    assert "require_pushed_authorization_requests = true" in row.received["decided_by"]


def test_a_client_that_has_to_push_signs_users_in(pushing: RelyingParty) -> None:
    page = visit(pushing, pushing.provider.browser(), push(pushing))
    assert "code" in pushing.answer(pushing.complete(page))


def test_a_request_that_waits_does_not_escape_the_new_rule_to_push(
    provider: Provider, client: RelyingParty
) -> None:
    page = client.authorize(provider.browser())
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        name = "require_pushed_authorization_requests"
        row.client_metadata = {**row.client_metadata, name: True}
    assert client.complete(page).status_int == 400


def test_other_clients_need_not_push(provider: Provider) -> None:
    client = provider.register(require_pushed_authorization_requests=False)
    assert "code" in client.login(provider.browser())


def test_the_page_of_a_client_that_has_to_push_shows_how(pushing: RelyingParty) -> None:
    provider = pushing.provider
    browser = provider.browser()
    browser.sign_in("alice")
    with provider.database() as dbsession:
        dbsession.merge(pushing.client).owner_id = browser_user(provider, "alice")
    page = browser.get(f"/clients/{pushing.client_id}")
    shown = {block["aria-label"]: block.get_text() for block in page.html.find_all("pre")}
    assert f"{provider.issuer}{PAR}" in shown["Push the request"]
    assert "code_challenge=$code_challenge" in shown["Push the request"]
    printed = shown["Print a URL, open it in a browser, and allow access"]
    assert printed.endswith(f'?client_id={pushing.client_id}&request_uri=$request_uri"')


def browser_user(provider: Provider, username: str) -> str:
    """Return the identifier of a user who has signed in."""
    with provider.database() as dbsession:
        return str(dbsession.scalars(select(User.id).where(User.username == username)).one())


# -- selection -------------------------------------------------------------------------------


def metadata(provider: Provider) -> dict[str, Any]:
    document: dict[str, Any] = provider.browser().get("/.well-known/openid-configuration").json
    return document


def test_discovery_names_the_endpoint_and_whether_it_has_to_be_used(
    provider: Provider, pushing: RelyingParty
) -> None:
    document = metadata(provider)
    assert document["pushed_authorization_request_endpoint"] == f"{ISSUER}{PAR}"
    assert document["require_pushed_authorization_requests"] is False
    settings = pushing.provider.registry.oidc.provider.settings
    required = metadata(pushing.provider)["require_pushed_authorization_requests"]
    assert required is settings["oauth.require_pushed_authorization_requests"]


def test_an_endpoint_that_is_not_selected_does_not_exist(make_provider: Any) -> None:
    provider = make_provider()
    assert not [name for name in metadata(provider) if "pushed" in name]
    client = provider.register()
    client.http.post(PAR, client.parameters(), headers=client.basic(), status=404)
    with pytest.raises(Exception, match="there are no pushed requests"):
        provider.register(require_pushed_authorization_requests=True)


def test_a_script_of_the_clients_page_may_push(provider: Provider) -> None:
    client = provider.register(**PUBLIC, redirect_uris=["https://spa.example/cb"])
    origin = {"Origin": "https://spa.example"}
    answer = post(client, status=201, headers=origin)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://spa.example"
    elsewhere = post(client, status=201, headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers
    wrong = post(client, status=400, headers=origin, scope="unknown")
    assert wrong.headers["Access-Control-Allow-Origin"] == "*"


def test_the_lifetime_is_a_setting(make_provider: Any) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__pushed_request_lifetime="5m")
    assert post(provider.register()).json["expires_in"] == 300


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"oauth__require_pushed_authorization_requests": "true"},
            "does not select pushed_authorization_request: every authorization request",
        ),
        (
            {"oauth__endpoints": "pushed_authorization_request token jwks"},
            "but not authorization, where it is used",
        ),
        ({"oauth__pushed_request_lifetime": "0"}, "every pushed request would have expired"),
    ],
)
def test_a_contradiction_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SystemExit, match=sentence):
        make_provider(**settings)


def test_a_step_that_a_plugin_adds_to_the_checks_counts_here_too(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oidcserver__includes="support.stepping_plugin"
    )
    client = provider.register()
    step = provider.registry.example_steps["authorization_request"]
    flows = provider.registry.oidc.provider.flows
    flows["pushed_authorization_request"] = tuple(
        each for each in flows["pushed_authorization_request"] if each.name != "example"
    )
    push(client)
    assert [each.pushed for each in step.seen] == [True]
    headers = {**client.basic(), "X-Example": "reject"}
    response = post(client, status=400, headers=headers)
    assert response.json["error"] == "access_denied"
    assert len(stored(provider)) == 1
