"""Authorization requests as a JWT by value (OpenID Connect Core section 6.1, RFC 9101)."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import Key, KeySet
from support.app import (
    REDIRECT_URI,
    Browser,
    Provider,
    RelyingParty,
    decode_id_token,
    follow_to_answer,
)
from support.assertions import Signer, encode
from support.request_signing import ALGORITHMS, make_private_keys, register, unsigned

from oidcserver import clock as provider_clock
from oidcserver.keys.jwe import encrypt
from oidcserver.settings import ConfigurationProblem

OTHER_URI = "https://client.example/other"
SELECTED = {
    "oidc__request_parameter": "true",
    "oauth__request_object_signing_algs": "RS256 PS256 ES256 Ed25519 EdDSA none",
}
JAR = "oauth-authz-req+jwt"


@pytest.fixture(scope="module")
def private_keys() -> dict[str, Key]:
    return make_private_keys()


@pytest.fixture(scope="module")
def key(private_keys: dict[str, Key]) -> Key:
    return private_keys["ES256"]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Provider]:
    """A provider that all share, since it takes long to start."""
    directory = tmp_path_factory.mktemp("request_objects")
    provider = Provider(
        {
            **SELECTED,
            "oidcserver__database_url": f"sqlite:///{directory / 'provider.sqlite'}",
            "oidcserver__keys_directory": str(keys_directory),
        }
    )
    yield provider
    provider.close()


def ask(
    client: RelyingParty, request_object: str, browser: Browser | None = None, **changes: Any
) -> Any:
    """Send a request with an object, up to a page or an answer."""
    return client.authorize(browser or client.provider.browser(), request=request_object, **changes)


def refusal(client: RelyingParty, request_object: str, **changes: Any) -> str:
    """Send a request whose object is rejected; return the error that the client gets."""
    answer = client.answer(ask(client, request_object, **changes))
    assert (answer["state"], answer["iss"]) == ("the-state", client.provider.issuer)
    return answer["error"]


def refused_with_a_page(response: Any) -> None:
    assert response.status_int == 400
    assert "Location" not in response.headers
    assert response.content_type == "text/html"


def row(client: RelyingParty, dbsession: Any) -> Any:
    return dbsession.merge(client.client)


def change_metadata(client: RelyingParty, **members: Any) -> None:
    with client.provider.database() as dbsession:
        stored = row(client, dbsession)
        stored.client_metadata = {**stored.client_metadata, **members}


# -- what counts ----------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_is_inside_supersedes_what_is_outside(
    provider: Provider, private_keys: dict[str, Key], alg: str
) -> None:
    client, signer = register(provider, private_keys[alg], alg)
    request_object = signer.sign({"state": "inside", "nonce": "n-inside", "scope": "openid email"})
    answer = client.answer(client.complete(ask(client, request_object)))
    assert answer["state"] == "inside"
    tokens = client.exchange(answer["code"])
    assert tokens["scope"] == "openid email"
    assert decode_id_token(provider, tokens["id_token"])["nonce"] == "n-inside"


def test_what_is_only_outside_counts_beside_it(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key)
    answer = client.answer(client.complete(ask(client, signer.sign({"nonce": "n-inside"}))))
    assert answer["state"] == "the-state"
    assert client.exchange(answer["code"])["scope"] == "openid profile"


def test_an_unsigned_object_counts_where_that_is_allowed(provider: Provider) -> None:
    client = provider.register()
    claims = {"iss": client.client_id, "aud": provider.issuer, "state": "inside"}
    answer = client.answer(client.complete(ask(client, unsigned(claims))))
    assert answer["state"] == "inside"
    assert "code" in answer


def test_the_redirect_uri_inside_wins_over_any_outside(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key, redirect_uris=[REDIRECT_URI, OTHER_URI])
    for outside in (REDIRECT_URI, "https://evil.example/cb", None):
        request_object = signer.sign({"redirect_uri": OTHER_URI})
        page = client.complete(ask(client, request_object, redirect_uri=outside))
        assert page.location.startswith(f"{OTHER_URI}?")


def test_a_redirect_uri_inside_that_is_not_registered_gets_a_page(
    provider: Provider, key: Key
) -> None:
    client, signer = register(provider, key)
    for value in ("https://evil.example/cb", [REDIRECT_URI], 7, True, {"0": REDIRECT_URI}):
        refused_with_a_page(ask(client, signer.sign({"redirect_uri": value})))


def test_numbers_are_parameters_too(provider: Provider, key: Key, clock: Any) -> None:
    client, signer = register(provider, key)
    browser = provider.browser()
    client.login(browser)
    clock.advance(100)
    assert "login" in ask(client, signer.sign({"max_age": 99}), browser).forms
    assert "login" in ask(client, signer.sign({"max_age": 99.0}), browser).forms
    assert "login" not in ask(client, signer.sign({"max_age": 1000}), browser).forms
    for value in (-1, 1.5, "soon", [99], {}, True):
        assert refusal(client, signer.sign({"max_age": value})) == "invalid_request"


def test_a_posted_request_may_have_an_object_longer_than_any_other_parameter(
    provider: Provider, key: Key
) -> None:
    client, signer = register(provider, key)
    request_object = signer.sign({f"extra_{number}": "x" * 1000 for number in range(10)})
    assert len(request_object) > 4096
    browser = provider.browser()
    response = browser.post("/oauth/authorize", client.parameters(request=request_object))
    assert "code" in client.answer(client.complete(follow_to_answer(response)))


def test_a_posted_object_of_any_size_is_answered(provider: Provider) -> None:
    client = provider.register()
    for size, status in ((17_000, 303), (26_000, 303), (40_000, 400), (70_000, 413)):
        parameters = client.parameters(request="a" * size)
        provider.browser().post("/oauth/authorize", parameters, status=status)


# -- what is rejected ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "outside", "error"),
    [
        ({"iss": "another"}, {}, "invalid_request_object"),
        ({"iss": ["client"]}, {}, "invalid_request_object"),
        ({"aud": "https://elsewhere.example"}, {}, "invalid_request_object"),
        ({"aud": []}, {}, "invalid_request_object"),
        ({"exp": 1}, {}, "invalid_request_object"),
        ({"exp": "soon"}, {}, "invalid_request_object"),
        ({"exp": True}, {}, "invalid_request_object"),
        ({"nbf": 9_000_000_000}, {}, "invalid_request_object"),
        ({"nbf": True}, {}, "invalid_request_object"),
        ({"iat": {}}, {}, "invalid_request_object"),
        ({"request": "e30.e30."}, {}, "invalid_request_object"),
        ({"request_uri": "https://client.example/r"}, {}, "invalid_request_object"),
        ({"request": None}, {}, "invalid_request_object"),
        # A backchannel authentication request that the client signed with the same key.
        ({"scope": "openid", "binding_message": "W4SCT"}, {}, "invalid_request_object"),
        ({"client_notification_token": "x" * 40}, {}, "invalid_request_object"),
        ({"login_hint_token": "x"}, {}, "invalid_request_object"),
        ({"requested_expiry": 60}, {}, "invalid_request_object"),
        ({"user_code": "1234"}, {}, "invalid_request_object"),
        ({"client_id": "another"}, {}, "invalid_request_object"),
        ({"client_id": 1}, {}, "invalid_request_object"),
        ({"response_type": "id_token"}, {}, "invalid_request_object"),
        ({"response_type": ["code"]}, {}, "invalid_request_object"),
        ({"state": "x" * 4097}, {}, "invalid_request_object"),
        ({f"p{number}": "x" for number in range(101)}, {}, "invalid_request_object"),
        ({"resource": ["x"] * 101}, {}, "invalid_request_object"),
        ({"response_type": "code"}, {"response_type": None}, "invalid_request"),
        ({"scope": "openid"}, {"scope": "profile"}, "invalid_request"),
        ({"scope": "openid"}, {"scope": None}, "invalid_request"),
        ({"scope": ["openid"]}, {}, "invalid_scope"),
        ({"prompt": "none"}, {}, "login_required"),
        ({"response_mode": "pigeon"}, {}, "invalid_request"),
        ({"code_challenge": "short"}, {}, "invalid_request"),
    ],
)
def test_an_object_that_says_something_wrong_is_refused(
    provider: Provider, key: Key, claims: dict[str, Any], outside: dict[str, Any], error: str
) -> None:
    client, signer = register(provider, key)
    assert refusal(client, signer.sign(claims), **outside) == error


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "client-authentication+jwt"}, {"typ": "dpop+jwt"}, {"typ": 1},
        {"zip": "DEF"}, {"crit": ["b64"]}, {"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256"},
        {"alg": ["ES256"]}, {"kid": "unknown"}, {"kid": {}}, {"extra": "x" * 4096},
    ],
)  # fmt: skip
def test_an_object_with_a_header_of_another_kind_is_refused(
    provider: Provider, key: Key, header: dict[str, Any]
) -> None:
    client, signer = register(provider, key)
    members = {"alg": "ES256", **header}
    signature = signer.sign({}).rpartition(".")[2]
    forged = f"{encode(members)}.{encode({})}.{signature}"
    assert refusal(client, forged) == "invalid_request_object"
    own = {name: value for name, value in header.items() if name != "alg"}
    assert refusal(client, signer.sign({}, **own) if own else forged) == "invalid_request_object"


def test_a_key_that_the_header_brings_along_is_ignored(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key)
    own = make_private_keys()["ES256"]
    stranger = Signer(client.client_id, "ES256", own, provider.issuer)
    for header in (
        {"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example/"},
        {"x5u": "https://evil.example/"}, {"x5c": ["MIIB"]},
    ):  # fmt: skip
        assert refusal(client, stranger.sign({}, **header)) == "invalid_request_object"
        page = client.authorize(provider.browser(), request=signer.sign({}, **header))
        assert "login" in page.forms


@pytest.mark.parametrize(
    "request_object",
    [
        "x", ".", "..", "...", "....", ".....", "e30.e30.", "e30.e30.e30", "a" * 4096, "\u00e9..",
        unsigned("[" * 3000), unsigned("[]"), unsigned("{"), unsigned('{"a":1,"a":2}'),
        unsigned('{"state":"\\ud800"}'), unsigned('{"state":"\\u0000"}'), unsigned('{"a":1e999}'),
        unsigned('{"a":' + "9" * 3000 + "}"), unsigned({}, zip="DEF"), unsigned({}, alg="RS256"),
        unsigned({}, alg="NONE"), unsigned({}) + "x", unsigned(b"\xff"),
        unsigned({}, typ="at+jwt"), "eyJhbGciOiJub25lIn0.a.",
    ],
)  # fmt: skip
def test_what_is_no_request_object_is_refused(provider: Provider, request_object: str) -> None:
    client = provider.register()
    assert refusal(client, request_object) == "invalid_request_object"


def test_an_object_of_another_signer_or_changed_on_the_way_is_refused(
    provider: Provider, key: Key, private_keys: dict[str, Key]
) -> None:
    client, signer = register(provider, key)
    stranger = Signer(client.client_id, "ES256", make_private_keys()["ES256"], provider.issuer)
    assert refusal(client, stranger.sign({})) == "invalid_request_object"
    header, _, signature = signer.sign({"scope": "openid"}).split(".")
    changed = f"{header}.{encode({'scope': 'openid profile'})}.{signature}"
    assert refusal(client, changed) == "invalid_request_object"
    keyless = provider.register()
    assert refusal(keyless, signer.sign({})) == "invalid_request_object"


def test_a_client_assertion_is_no_request_object_by_its_type(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key)
    assertion = signer.sign(signer.claims(), typ="client-authentication+jwt")
    assert refusal(client, assertion) == "invalid_request_object"


def test_a_client_assertion_is_no_request_object_by_its_subject(
    provider: Provider, key: Key
) -> None:
    """RFC 9101 section 10.8: for assertions without a type."""
    client, signer = register(provider, key)
    assert refusal(client, signer.sign(signer.claims())) == "invalid_request_object"
    page = ask(client, signer.sign({**signer.claims(), "sub": "alice"}))
    assert "login" in page.forms


def test_an_object_that_expired_within_the_skew_still_counts(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key)
    now = provider_clock.now()
    page = ask(client, signer.sign({"exp": now - 5, "nbf": now + 5, "iat": now + 5}))
    assert "login" in page.forms
    assert refusal(client, signer.sign({"iat": now + 100})) == "invalid_request_object"


def test_where_the_redirect_uri_outside_is_not_the_clients_a_refusal_is_a_page(
    provider: Provider, key: Key
) -> None:
    client, signer = register(provider, key)
    for request_object in ("x", signer.sign({"iss": "another"}), unsigned([])):
        page = ask(client, request_object, redirect_uri="https://evil.example/cb")
        refused_with_a_page(page)
        assert "evil" not in str(page.html.main)


def test_repeated_parameters_are_refused_whatever_is_inside(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key)
    request_object = signer.sign({"nonce": "inside"})
    for name, value in (("request", request_object), ("nonce", "x"), ("extra", "x")):
        changes = {"request": request_object, "extra": "y"}
        pairs = [*client.parameters(**changes).items(), (name, value)]
        answer = client.answer(provider.browser().get("/oauth/authorize", pairs))
        assert (answer["error"], answer["state"]) == ("invalid_request", "the-state")


def test_the_object_is_read_before_the_redirect_uri_and_after_the_client(
    provider: Provider,
) -> None:
    names = [step.name for step in provider.registry.oidc.provider.flows["authorization_request"]]
    order = ["find_client", "require_pushed_request", "read_request_object", "match_redirect_uri"]
    assert [name for name in names if name in order] == order


def test_request_and_request_uri_exclude_each_other(make_provider: Any, key: Key) -> None:
    provider = make_provider(**SELECTED, oidc__request_uri_parameter="true")
    client, signer = register(provider, key, request_uris=["https://client.example/r"])
    error = refusal(client, signer.sign({}), request_uri="https://client.example/r")
    assert error == "invalid_request"


# -- who has to sign, and how ---------------------------------------------------------------


def test_a_client_signs_by_the_algorithm_that_it_registered(
    provider: Provider, private_keys: dict[str, Key]
) -> None:
    client, signer = register(
        provider, private_keys["RS256"], "RS256", request_object_signing_alg="RS256"
    )
    assert "login" in ask(client, signer.sign({})).forms
    signer.alg = "PS256"
    assert refusal(client, signer.sign({})) == "invalid_request_object"
    assert refusal(client, unsigned({})) == "invalid_request_object"


def test_a_client_that_registered_none_signs_nothing(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key, request_object_signing_alg="none")
    assert "login" in ask(client, unsigned({})).forms
    assert refusal(client, signer.sign({})) == "invalid_request_object"


def test_unsigned_objects_are_refused_where_the_configuration_has_no_none(
    make_provider: Any, key: Key
) -> None:
    provider = make_provider(oidc__request_parameter="true")
    client, signer = register(provider, key)
    assert "login" in ask(client, signer.sign({})).forms
    assert refusal(client, unsigned({})) == "invalid_request_object"


@pytest.fixture(params=["client", "everybody"])
def signing(
    request: pytest.FixtureRequest, make_provider: Any, key: Key
) -> tuple[RelyingParty, Signer]:
    """A client whose requests have to be signed, by its own registration or by the setting."""
    everybody = request.param == "everybody"
    provider = make_provider(
        **SELECTED, oauth__require_signed_request_object=str(everybody).lower()
    )
    own = {} if everybody else {"require_signed_request_object": True}
    return register(provider, key, **own)


def whole(client: RelyingParty, **changes: Any) -> dict[str, Any]:
    """The claims of an object that holds the whole request."""
    return client.parameters(**{"state": "inside", "nonce": "n-inside", **changes})


def test_where_signing_is_due_nothing_else_is_accepted(
    signing: tuple[RelyingParty, Signer],
) -> None:
    client, signer = signing
    answer = client.answer(client.authorize(client.provider.browser()))
    assert answer["error"] == "invalid_request"
    assert refusal(client, unsigned(whole(client))) == "invalid_request_object"
    assert refusal(client, unsigned(whole(client), typ=JAR)) == "invalid_request_object"
    assert refusal(client, signer.sign(signer.sign({}))) == "invalid_request_object"


def test_where_signing_is_due_only_what_is_inside_counts(
    signing: tuple[RelyingParty, Signer],
) -> None:
    client, signer = signing
    request_object = signer.sign(whole(client, state=None), typ=JAR)
    page = ask(client, request_object, nonce="n-outside", scope="openid email", response_type=None)
    answer = client.answer(client.complete(page))
    assert "state" not in answer, "what is outside does not count"
    tokens = client.exchange(answer["code"])
    assert tokens["scope"] == "openid profile"
    assert decode_id_token(client.provider, tokens["id_token"])["nonce"] == "n-inside"


def test_where_signing_is_due_the_client_id_is_inside(
    signing: tuple[RelyingParty, Signer],
) -> None:
    client, signer = signing
    for changes in ({"client_id": None}, {"client_id": "another"}):
        assert refusal(client, signer.sign(whole(client, **changes))) == "invalid_request_object"
    page = ask(client, signer.sign(whole(client, redirect_uri=None)))
    refused_with_a_page(page)


@pytest.mark.both_databases
def test_a_signed_request_goes_on_after_it_waited_too_long(
    make_provider: Any, key: Key, clock: Any
) -> None:
    provider = make_provider(
        **SELECTED,
        oauth__require_signed_request_object="true",
    )
    client, signer = register(provider, key)
    request_object = signer.sign(whole(client, exp=provider_clock.now() + 60))
    page = ask(client, request_object)
    clock.advance(provider.registry.oidc.provider.settings["oidc.interaction_lifetime"] + 1)
    answer = client.answer(client.complete(page))
    assert answer["state"] == "inside"
    assert client.exchange(answer["code"])["scope"] == "openid profile"


@pytest.mark.parametrize("wait", [0, 3600])
def test_a_request_that_waits_does_not_escape_the_demand_to_sign(
    provider: Provider, key: Key, clock: Any, wait: int
) -> None:
    client, signer = register(provider, key)
    plain, merged = client.authorize(provider.browser()), ask(client, signer.sign({}))
    alone = ask(client, unsigned(whole(client, state="the-state"), typ=JAR))
    change_metadata(client, require_signed_request_object=True)
    clock.advance(wait)
    for page in (plain, merged, alone):
        answer = client.answer(client.complete(page))
        assert (answer["error"], answer["state"]) == ("invalid_request", "the-state")


def test_a_member_of_the_request_cannot_pose_as_the_signature(provider: Provider, key: Key) -> None:
    client, _ = register(provider, key, require_signed_request_object=True)
    answer = client.answer(client.authorize(provider.browser(), signed="true"))
    assert answer["error"] == "invalid_request"


def test_an_object_of_the_type_of_rfc_9101_stands_alone(provider: Provider, key: Key) -> None:
    client, signer = register(provider, key)
    browser = provider.browser()
    only = {"client_id": client.client_id}
    for typ in (JAR, f"application/{JAR}", JAR.upper()):
        query = {**only, "request": signer.sign(whole(client), typ=typ), "nonce": "n-outside"}
        response = follow_to_answer(browser.get("/oauth/authorize", query))
        answer = client.answer(client.complete(response))
        assert answer["state"] == "inside"
        id_token = client.exchange(answer["code"])["id_token"]
        assert decode_id_token(provider, id_token)["nonce"] == "n-inside"


# -- encrypted ones -------------------------------------------------------------------------


@pytest.fixture
def encrypting(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SELECTED, oidc__decryption_algs="RSA-OAEP-256 ECDH-ES")
    return made


def encrypted(provider: Provider, token: str, alg: str = "ECDH-ES", enc: str = "A256GCM") -> str:
    """Encrypt to the key that the provider publishes."""
    published = KeySet.import_key_set(provider.browser().get("/oauth/jwks.json").json)
    [key] = [key for key in published if key.get("use") == "enc" and key.alg == alg]
    return encrypt(token, key, alg, enc)


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES"])
def test_a_signed_object_may_be_encrypted(encrypting: Provider, key: Key, alg: str) -> None:
    client, signer = register(encrypting, key, request_object_encryption_alg=alg)
    request_object = encrypted(encrypting, signer.sign({"state": "inside"}), alg)
    assert client.answer(client.complete(ask(client, request_object)))["state"] == "inside"


def test_encryption_is_no_signature(encrypting: Provider, key: Key) -> None:
    client, signer = register(encrypting, key, require_signed_request_object=True)
    inside = whole(client)
    for wrapped in (unsigned(inside), encode(inside), encrypted(encrypting, signer.sign(inside))):
        error = refusal(client, encrypted(encrypting, wrapped))
        assert error == "invalid_request_object"
    page = ask(client, encrypted(encrypting, signer.sign(inside)))
    assert client.answer(client.complete(page))["state"] == "inside"


def test_what_cannot_be_decrypted_is_refused(
    encrypting: Provider, provider: Provider, key: Key
) -> None:
    client, signer = register(encrypting, key)
    request_object = encrypted(encrypting, signer.sign({}))
    parts = request_object.split(".")
    for forged in (
        ".".join([*parts[:4], "AAAAAAAAAAAAAAAAAAAAAA"]),
        ".".join([encode({"alg": "dir", "enc": "A256GCM"}), *parts[1:]]),
        ".".join([encode({"alg": "ECDH-ES", "enc": "A256GCM", "zip": "DEF"}), *parts[1:]]),
    ):
        assert refusal(client, forged) == "invalid_request_object"
    elsewhere = provider.register()
    assert refusal(elsewhere, request_object) == "invalid_request_object"


# -- whatever is inside ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def any_client(provider: Provider) -> RelyingParty:
    return provider.register()


NAMES = (
    "client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
    "prompt", "max_age", "claims", "code_challenge", "code_challenge_method", "id_token_hint",
    "login_hint", "acr_values", "display", "ui_locales", "resource", "iss", "aud", "exp", "nbf",
    "iat", "jti", "sub", "request", "typ",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(claims=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=10), JSON, max_size=6))
def test_whatever_json_is_inside_is_answered(any_client: Any, claims: dict[str, Any]) -> None:
    response = ask(any_client, unsigned(claims))
    assert response.status_int in {200, 303, 400}
    if response.status_int == 303:
        assert response.location.startswith(REDIRECT_URI)


# -- what discovery says, and what stops the start ------------------------------------------


def discovery(provider: Provider) -> dict[str, Any]:
    document: dict[str, Any] = provider.browser().get("/.well-known/openid-configuration").json
    return document


def about_request_objects(document: dict[str, Any]) -> dict[str, Any]:
    named = re.compile("request_(?!uri_registration)|^require_")
    return {name: value for name, value in document.items() if named.search(name)}


def test_discovery_promises_nothing_where_nothing_is_selected(make_provider: Any) -> None:
    document = discovery(make_provider(oidc__decryption_algs="ECDH-ES"))
    assert about_request_objects(document) == {
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def test_discovery_says_how_objects_are_accepted(make_provider: Any) -> None:
    document = discovery(make_provider(**SELECTED, oidc__decryption_algs="RSA-OAEP-256 ECDH-ES"))
    assert about_request_objects(document) == {
        "request_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_object_signing_alg_values_supported": [*ALGORITHMS, "none"],
        "request_object_encryption_alg_values_supported": ["RSA-OAEP-256", "ECDH-ES"],
        "request_object_encryption_enc_values_supported": [
            "A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM",
        ],
        "require_signed_request_object": False,
    }  # fmt: skip
    document = discovery(
        make_provider(
            oidc__request_uri_parameter="true", oauth__require_signed_request_object="true"
        )
    )
    assert about_request_objects(document) == {
        "request_parameter_supported": False,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "request_object_signing_alg_values_supported": [*ALGORITHMS],
        "require_signed_request_object": True,
    }


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"oauth__request_object_signing_algs": "RS256 HS256"}, "not HS256"),
        ({"oauth__request_object_signing_algs": ""}, "every request object would be rejected"),
        (
            {
                "oauth__request_object_signing_algs": "none",
                "oauth__require_signed_request_object": "true",
            },
            "which no client can send",
        ),
        (
            {"oidc__request_parameter": "false", "oauth__require_signed_request_object": "true"},
            "which no client can send",
        ),
    ],
)
def test_a_contradiction_stops_the_start(
    make_provider: Any, own: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=re.escape(sentence)):
        make_provider(**{**SELECTED, **own})
