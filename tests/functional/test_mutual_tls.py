"""Clients with a TLS certificate: their authentication and their tokens (RFC 8705)."""

import logging
from typing import Any

import pytest
import webtest
from cryptography import x509
from joserfc.jwk import ECKey
from support.app import Provider, RelyingParty
from support.assertions import Signer
from support.certificates import PROXY, ClientCertificate
from support.client_host import JWKSHost
from support.dpop import ProofKey

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

SETTINGS = {
    "oauth__sender_constraints": "dpop mtls",
    "oauth__token_endpoint_auth_methods": (
        "client_secret_basic private_key_jwt tls_client_auth self_signed_tls_client_auth none"
    ),
    "oauth__client_certificate_proxies": f"{PROXY} 10.1.0.0/16",
}
ROBOT: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "email",
}
BOUND = {"tls_client_certificate_bound_access_tokens": True}
PREFIX = "oauth.client_certificate_"
DN = "CN=client,O=Example\\, Inc.,C=DE"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


@pytest.fixture(scope="module")
def certificate() -> ClientCertificate:
    return ClientCertificate(DN)


def register(provider: Provider, **metadata: Any) -> RelyingParty:
    """Register a client that speaks through the proxy."""
    client = provider.register(**metadata)
    client.http = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": PROXY})
    return client


def register_robot(provider: Provider, **metadata: Any) -> RelyingParty:
    """Register a client of an authority's certificate."""
    own = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": DN}
    return register(provider, **{**ROBOT, **own, **metadata})


def ask(
    client: RelyingParty, headers: dict[str, str], *, status: int = 200, **form: str
) -> webtest.TestResponse:
    """Ask for a token of the client's own."""
    values = {"grant_type": "client_credentials", "client_id": client.client_id, **form}
    return client.http.post("/oauth/token", values, headers=headers, status=status)


def assert_refused(answer: webtest.TestResponse) -> None:
    assert answer.status_int == 401
    assert answer.json["error"] == "invalid_client"
    assert answer.json["error_description"] == "Client authentication failed."


# -- authentication ---------------------------------------------------------------------------


def test_a_client_proves_itself_by_a_certificate_of_an_authority(
    provider: Provider, certificate: ClientCertificate
) -> None:
    client = register_robot(provider)
    answer = ask(client, certificate.headers()).json
    assert answer["token_type"] == "Bearer"
    assert client.secret is None
    found = client.http.post(
        "/oauth/introspect",
        {"client_id": client.client_id, "token": answer["access_token"]},
        headers=certificate.headers(),
    )
    assert found.json["active"]
    assert "cnf" not in found.json, "the client did not register bound tokens"


@pytest.mark.parametrize(
    ("member", "value", "name"),
    [
        ("tls_client_auth_san_dns", "client.example", x509.DNSName("client.example")),
        ("tls_client_auth_san_email", "a@example.com", x509.RFC822Name("a@example.com")),
    ],
)
def test_the_subject_may_be_an_alternative_name(
    provider: Provider, member: str, value: str, name: x509.GeneralName
) -> None:
    client = register_robot(provider, **{"tls_client_auth_subject_dn": None, member: value})
    ask(client, ClientCertificate(names=[name]).headers())
    assert_refused(ask(client, ClientCertificate("CN=client").headers(), status=401))


@pytest.mark.parametrize("peer", ["192.0.2.1", "127.0.0.1", "10.0.0.2", ""])
def test_a_header_of_a_stranger_is_as_if_absent(
    provider: Provider, certificate: ClientCertificate, peer: str
) -> None:
    client = register_robot(provider)
    client.http = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": peer})
    forged = {**certificate.headers(), "X-Forwarded-For": PROXY}
    assert_refused(ask(client, forged, status=401))
    without = ask(client, {}, status=401)
    assert without.json == ask(client, forged, status=401).json


@pytest.mark.parametrize("methods", ["tls_client_auth", "tls_client_auth none"])
def test_the_log_says_why_no_certificate_arrived(
    make_provider: Any,
    certificate: ClientCertificate,
    caplog: pytest.LogCaptureFixture,
    methods: str,
) -> None:
    provider = make_provider(**{**SETTINGS, "oauth__token_endpoint_auth_methods": methods})
    client = register_robot(provider)
    with caplog.at_level(logging.INFO, "oidcserver.rejections"):
        assert_refused(ask(client, {}, status=401))
        client.http = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": "10.0.0.2"})
        assert_refused(ask(client, certificate.headers(), status=401))
    sentence = "The client registered tls_client_auth, and no certificate reached the server: "
    *_, absent, ignored = caplog.messages
    assert f"{sentence}the request has no header that {PREFIX}header names." in absent
    assert f"{sentence}its header came from 10.0.0.2, which {PREFIX}proxies does not" in ignored


@pytest.mark.parametrize("verify", ["NONE", "FAILED:self-signed certificate", "", "1"])
def test_a_chain_that_the_proxy_did_not_verify_proves_nothing(
    provider: Provider, certificate: ClientCertificate, verify: str
) -> None:
    client = register_robot(provider)
    assert_refused(ask(client, certificate.headers(verify), status=401))
    assert_refused(ask(client, {"Client-Cert": certificate.rfc9440}, status=401))


@pytest.mark.parametrize(
    "value",
    ["x", ":AAAA:", "::", "%FF", "\u00ff", ":" + "A" * 15000 + ":", 'Hash=a;Cert="x";Subject=""'],
)
def test_garbage_is_no_certificate(provider: Provider, value: str) -> None:
    for method in ({}, {"token_endpoint_auth_method": "self_signed_tls_client_auth",
                        "tls_client_auth_subject_dn": None,
                        "jwks": ClientCertificate().jwks}):  # fmt: skip
        client = register_robot(provider, **method)
        headers = {"Client-Cert": value, "Client-Cert-Verify": "SUCCESS"}
        assert_refused(ask(client, headers, status=401))


def test_several_certificates_are_none(provider: Provider, certificate: ClientCertificate) -> None:
    client = register_robot(provider)
    for joined in (
        f"{certificate.rfc9440}, {certificate.rfc9440}",
        f"{certificate.rfc9440}, {ClientCertificate().rfc9440}",
        certificate.escaped,
    ):
        headers = {"Client-Cert": joined, "Client-Cert-Verify": "SUCCESS"}
        assert_refused(ask(client, headers, status=401))


def test_an_expired_certificate_is_rejected(provider: Provider) -> None:
    expired = ClientCertificate(DN, days=-1)
    assert_refused(ask(register_robot(provider), expired.headers(), status=401))
    own = register_self_signed(provider, expired)
    assert_refused(ask(own, expired.headers("FAILED"), status=401))


@pytest.mark.parametrize(
    "subject",
    ["CN=client", "CN=Client,O=Example\\, Inc.,C=DE", "C=DE,O=Example\\, Inc.,CN=client",
     "CN=x,O=CN\\=client\\,O\\=Example\\\\\\, Inc.\\,C\\=DE"],
)  # fmt: skip
def test_another_subject_is_rejected(provider: Provider, subject: str) -> None:
    client = register_robot(provider)
    assert_refused(ask(client, ClientCertificate(subject).headers(), status=401))


def test_the_certificate_of_another_client_is_rejected(
    provider: Provider, certificate: ClientCertificate
) -> None:
    other = register_robot(provider, tls_client_auth_subject_dn="CN=other")
    ask(register_robot(provider), certificate.headers())
    assert_refused(ask(other, certificate.headers(), status=401))
    assert_refused(ask(other, certificate.headers(), status=401, client_id="unknown"))
    answer = other.http.post(
        "/oauth/token", {"grant_type": "client_credentials"}, headers=certificate.headers(),
        status=401,
    )  # fmt: skip
    assert_refused(answer)


def register_self_signed(
    provider: Provider, certificate: ClientCertificate, **metadata: Any
) -> RelyingParty:
    own = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": certificate.jwks}
    return register(provider, **{**ROBOT, **own, **metadata})


def test_a_client_proves_itself_by_a_key_that_it_registered(
    provider: Provider, certificate: ClientCertificate
) -> None:
    client = register_self_signed(provider, certificate)
    ask(client, certificate.headers("FAILED:self-signed certificate"))
    renewed = ClientCertificate("CN=renewed", key=certificate.key)
    ask(client, renewed.headers("FAILED:self-signed certificate"))
    # With the same subject, or verified by any authority, but of another key.
    for other in (ClientCertificate(DN), ClientCertificate(DN, authority=certificate)):
        assert_refused(ask(client, other.headers(), status=401))


def test_keys_at_a_uri_are_fetched_again_when_the_client_has_a_new_one(
    provider: Provider, certificate: ClientCertificate, clock: Any
) -> None:
    new, host = ClientCertificate(DN), JWKSHost()
    try:
        host.document = certificate.jwks
        client = register_self_signed(provider, certificate, jwks=None, jwks_uri=host.uri)
        ask(client, certificate.headers("FAILED"))
        assert_refused(ask(client, new.headers("FAILED"), status=401))
        host.document = new.jwks
        clock.advance(20)
        ask(client, new.headers("FAILED"))
        assert_refused(ask(client, certificate.headers("FAILED"), status=401))
    finally:
        host.close()


def test_a_secret_beside_the_certificate_has_to_hold_too(
    provider: Provider, certificate: ClientCertificate
) -> None:
    client = register_robot(provider)
    assert_refused(
        ask(client, certificate.headers(), status=401, client_assertion="x",
            client_assertion_type="y")
    )  # fmt: skip
    secretive = register(provider, **ROBOT)
    headers = {**secretive.basic(), **certificate.headers()}
    assert ask(secretive, headers).json["access_token"], "a certificate may come with a secret"
    assert_refused(ask(secretive, certificate.headers(), status=401))


def test_a_certificate_in_the_encoding_of_nginx(
    make_provider: Any, certificate: ClientCertificate
) -> None:
    provider = make_provider(
        **SETTINGS,
        oauth__client_certificate_encoding="escaped_pem",
        oauth__client_certificate_header="X-Client-Cert",
        oauth__client_certificate_verify_header="X-Verified",
    )
    client = register_robot(provider)
    ask(client, {"X-Client-Cert": certificate.escaped, "X-Verified": "SUCCESS"})
    assert_refused(ask(client, certificate.headers(), status=401))


# -- registration -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"tls_client_auth_subject_dn": None}, "tls_client_auth_subject_dn"),
        ({"tls_client_auth_san_dns": "client.example"}, "tls_client_auth_san_dns"),
        ({"tls_client_auth_subject_dn": "not a name"}, "tls_client_auth_subject_dn"),
        ({"token_endpoint_auth_method": "self_signed_tls_client_auth"}, "jwks"),
        (
            {"token_endpoint_auth_method": "client_secret_basic",
             "tls_client_auth_san_uri": "https://client.example"},
            "tls_client_auth_san_uri",
        ),
    ],
)  # fmt: skip
def test_a_client_registers_exactly_one_subject_or_a_key(
    provider: Provider, changes: dict[str, Any], member: str
) -> None:
    with pytest.raises(InvalidClientMetadata) as problem:
        register_robot(provider, **changes)
    assert (problem.value.error, problem.value.field) == ("invalid_client_metadata", member)


def test_bound_tokens_exclude_tokens_in_the_front_channel(provider: Provider) -> None:
    with pytest.raises(InvalidClientMetadata) as problem:
        provider.register(grant_types=["implicit"], response_types=["id_token token"], **BOUND)
    assert problem.value.error == "invalid_client_metadata"


def test_what_is_not_selected_cannot_be_registered(make_provider: Any) -> None:
    provider = make_provider()
    for metadata in (BOUND, {"tls_client_auth_subject_dn": DN},
                     {"token_endpoint_auth_method": "tls_client_auth"}):  # fmt: skip
        with pytest.raises(InvalidClientMetadata):
            provider.register(**metadata)
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert "tls_client_certificate_bound_access_tokens" not in document
    assert "mtls_endpoint_aliases" not in document
    steps = {step.name for flow in provider.registry.oidc.provider.flows.values() for step in flow}
    assert "bind_to_certificate" not in steps


# -- bound tokens -------------------------------------------------------------------------------


def sign_in(client: RelyingParty, headers: dict[str, str]) -> dict[str, Any]:
    code = client.login(client.provider.browser())["code"]
    return client.exchange(code, headers=headers, client_id=client.client_id)


def use(client: RelyingParty, token: str, headers: dict[str, str], status: int = 200) -> Any:
    headers = {"Authorization": f"Bearer {token}", **headers}
    for path in ("/oauth/userinfo", "/api/me"):
        answer = client.http.get(path, headers=headers, status=status)
    return answer


def test_a_token_is_bound_to_the_certificate(
    provider: Provider, certificate: ClientCertificate
) -> None:
    client = register(provider, **BOUND)
    headers = {**client.basic(), **certificate.headers("FAILED:self-signed certificate")}
    tokens = sign_in(client, headers)
    assert tokens["token_type"] == "Bearer"
    found = client.introspect(tokens["access_token"])
    assert found["cnf"] == {"x5t#S256": certificate.thumbprint}
    assert found["token_type"] == "Bearer"
    token = tokens["access_token"]
    assert use(client, token, certificate.headers()).json["sub"]
    for wrong, sentence in (
        ({}, "is bound to a client certificate, and the request has none."),
        (ClientCertificate(DN).headers(), "is bound to another client certificate."),
        ({"Client-Cert": "x"}, "is bound to another client certificate."),
    ):
        refused = use(client, token, wrong, status=401)
        assert refused.json["error"] == "invalid_token"
        assert sentence in refused.json["error_description"]
    stranger = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": "192.0.2.1"})
    headers = {"Authorization": f"Bearer {token}", **certificate.headers()}
    stranger.get("/oauth/userinfo", headers=headers, status=401)


def test_a_client_that_registered_bound_tokens_gets_no_others(
    provider: Provider, certificate: ClientCertificate
) -> None:
    client = register(provider, **ROBOT, **BOUND)
    for headers in ({}, {"Client-Cert": "garbage"}):
        answer = ask(client, {**client.basic(), **headers}, status=400)
        assert answer.json["error"] == "invalid_request"
    assert ask(client, {**client.basic(), **certificate.headers()}).json["access_token"]


def test_refresh_after_the_certificate_was_renewed(
    provider: Provider, certificate: ClientCertificate
) -> None:
    new = ClientCertificate(DN)
    client = register(provider, **BOUND)
    tokens = sign_in(client, {**client.basic(), **certificate.headers()})
    renewed = client.refresh(tokens["refresh_token"], headers={**client.basic(), **new.headers()})
    found = client.introspect(renewed["access_token"])
    assert found["cnf"] == {"x5t#S256": new.thumbprint}
    public = register(provider, token_endpoint_auth_method="none", **BOUND)
    tokens = sign_in(public, certificate.headers())
    refused = public.refresh(tokens["refresh_token"], headers=new.headers(), status=400)
    assert refused["error"] == "invalid_grant"
    assert public.refresh(tokens["refresh_token"], headers=certificate.headers())


def test_a_client_may_authenticate_by_assertion_and_bind_to_its_certificate(
    provider: Provider, certificate: ClientCertificate
) -> None:
    key = ECKey.generate_key("P-256")
    client = register(
        provider,
        **ROBOT,
        **BOUND,
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    signer = Signer(client.client_id, "ES256", key, provider.issuer)
    assert ask(client, certificate.headers(), **signer.form()).json["access_token"]


def test_a_token_may_be_bound_to_both_and_then_needs_both(
    provider: Provider, certificate: ClientCertificate
) -> None:
    client, key = register(provider, **BOUND), ProofKey()
    tokens = sign_in(client, {**key.for_token(client), **certificate.headers()})
    assert tokens["token_type"] == "DPoP"
    token, uri = tokens["access_token"], f"{provider.issuer}/oauth/userinfo"
    assert set(client.introspect(token)["cnf"]) == {"jkt", "x5t#S256"}

    def get(headers: dict[str, str], status: int) -> None:
        client.http.get("/oauth/userinfo", headers=headers, status=status)

    get({**key.for_resource(uri, token), **certificate.headers()}, 200)
    get(key.for_resource(uri, token), 401)
    get({"Authorization": f"Bearer {token}", **certificate.headers()}, 401)


def test_the_provider_can_require_either_of_every_client(
    make_provider: Any, certificate: ClientCertificate
) -> None:
    provider = make_provider(
        **SETTINGS, oauth__require_sender_constraint="true", oauth__response_types="code"
    )
    client, key = register(provider, **ROBOT), ProofKey()
    assert ask(client, client.basic(), status=400).json["error"] == "invalid_dpop_proof"
    token = ask(client, {**client.basic(), **certificate.headers()}).json["access_token"]
    assert client.introspect(token)["cnf"] == {"x5t#S256": certificate.thumbprint}
    token = ask(client, key.for_token(client)).json["access_token"]
    assert client.introspect(token)["cnf"] == {"jkt": key.thumbprint}


# -- the mTLS host -----------------------------------------------------------------------------


def test_discovery_names_the_endpoints_of_the_mtls_host(make_provider: Any) -> None:
    base = "http://mtls.localhost:7443/auth"
    provider = make_provider(**SETTINGS, oauth__mtls_base_url=base)
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(
        document["token_endpoint_auth_methods_supported"]
    )
    aliases = {
        "token_endpoint": f"{base}/oauth/token",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "introspection_endpoint": f"{base}/oauth/introspect",
        "userinfo_endpoint": f"{base}/oauth/userinfo",
    }
    assert document["mtls_endpoint_aliases"].items() >= aliases.items()
    assert "authorization_endpoint" not in document["mtls_endpoint_aliases"]
    client, key = register(provider, **ROBOT), ProofKey()
    headers = key.for_token(client, htu=f"{base}/oauth/token")
    assert ask(client, headers).json["access_token"], "a proof may name either host"
    assert ask(client, key.for_token(client)).json["access_token"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oauth__client_certificate_proxies": ""}, "oauth.client_certificate_proxies is empty"),
        (
            {"oauth__client_certificate_proxies": "", "oauth__sender_constraints": ""},
            "oauth.token_endpoint_auth_methods selects tls_client_auth and "
            "self_signed_tls_client_auth, but oauth.client_certificate_proxies is empty",
        ),
        (
            {"oauth__client_certificate_proxies": "",
             "oauth__token_endpoint_auth_methods": "client_secret_basic"},
            "oauth.sender_constraints selects mtls, but oauth.client_certificate_proxies is empty",
        ),
        ({"oauth__client_certificate_proxies": "proxy.example"}, "addresses and networks such as"),
        ({"oauth__client_certificate_header": "Client_Cert"}, "without underscores"),
        ({"oauth__client_certificate_encoding": "xfcc"}, "takes one of rfc9440, escaped_pem"),
        (
            {"oauth__sender_constraints": "", "oauth__token_endpoint_auth_methods": "none",
             "oauth__mtls_base_url": "https://mtls.example"},
            "neither oauth.sender_constraints nor a method uses mTLS",
        ),
        (
            {"oidc__issuer": "https://login.example", "oauth__mtls_base_url": "http://mtls.example"},
            "oauth.mtls_base_url has to be https",
        ),
    ],
)  # fmt: skip
def test_settings_that_would_prove_nothing_stop_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(**{**SETTINGS, **settings})
    assert sentence in str(problem.value)
