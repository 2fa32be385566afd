"""Whatever is sent, no answer is a server error."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.app import ISSUER, Provider, RelyingParty
from support.assertions import encode
from support.certificates import ClientCertificate
from support.ciba import NOTIFICATION_TOKEN
from support.dpop import ProofKey

from oidcserver.clients.registration import register_client
from oidcserver.oauth.grant_types import CIBA

PUBLISHED = "https://published.example/client.json"
KEY = ProofKey()
CERTIFICATE = ClientCertificate()
EXAMPLES = 100_000 if os.environ.get("RACES") == "full" else 300
PATHS = (
    "/", "/login", "/logout", "/consent", "/clients", "/create_client", "/clients/x", "/account",
    "/device", "/device/x", "/oauth/device_authorization", "/oauth/bc-authorize", "/approvals",
    "/oauth/authorize", "/oauth/par", "/oauth/token", "/oauth/revoke", "/oauth/introspect",
    "/oauth/userinfo", "/oauth/end_session", "/oauth/check_session", "/oauth/register",
    "/oauth/register/x", "/oauth/jwks.json", "/.well-known/openid-configuration", "/api/me",
    "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/orders",
    "/unknown", "/oidcserver-static/oidcserver.css", "/oidcserver-static/",
    "/oidcserver-static/../x",
)  # fmt: skip
NAMES = (
    "client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type",
    "code", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt",
    "max_age",
    "code_challenge", "code_challenge_method", "code_verifier", "refresh_token", "token",
    "username",
    "password", "request_uri", "request", "access_token", "csrf_token", "next", "decision",
    "login_hint", "display", "ui_locales", "acr_values", "claims", "id_token_hint", "session",
    "device_code", "user_code", "assertion", "subject_token", "subject_token_type", "actor_token",
    "actor_token_type", "requested_token_type", "resource", "audience", "authorization_details",
    "claims_locales", "post_logout_redirect_uri", "then", "logout_hint", "login_hint_token",
    "binding_message", "requested_expiry", "client_notification_token", "auth_req_id", "dpop_jkt",
)  # fmt: skip
VALUES = (
    "code", "token", "id_token", "openid profile", "none", "login", "authorization_code",
    "password",
    "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:id_token",
    "dc_x", "bbbb-bbbb", "http://[", "urn:ietf:params:oauth:request_uri:ru_x", "valid",
    CIBA, "alice",
    "eyJhbGciOiJub25lIn0.e30.", "at_x.y", "rt_x", "ac_x", "bc_x", "\\", '"', "//evil.example",
    "S256", '{"userinfo": {"name": null}}', '{"id_token": {"sub": {"value": "x"}}}', "[" * 40,
    "https://client.example/request.jwt#x",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "form_post", "x" * 43, "-1", "\u202e",
    "jwt", "x" * 300, "x" * 4000, "https://client.example/" + "x" * 300,
    "https://api.example/orders", '[{"type": "x"}]', '["x"]', '[{"type": "payment_initiation"}]',
    PUBLISHED, "query.jwt", "https://[",
    KEY.thumbprint, NOTIFICATION_TOKEN, "60",
    # Assertions of the trusted issuer and JWTs of the client, without a right signature.
    *(f"{encode({'alg': 'ES256', 'typ': typ})}.{encode({'iss': issuer})}.AAAA" for typ, issuer in
      (("JWT", "https://idp.example"), ("oauth-id-jag+jwt", "https://idp.example"),
       ("oauth-authz-req+jwt", "client"), ("client-authentication+jwt", "client"))),
)  # fmt: skip
#: Proofs for each endpoint, which are used again and again, and others.
PROOFS = (
    *(KEY.proof(method, f"{ISSUER}{path}", token=token)
      for method, path, token in (
          ("POST", "/oauth/token", None), ("POST", "/oauth/par", None),
          ("GET", "/oauth/userinfo", "x"), ("GET", "/api/me", "x"))),
    KEY.proof("POST", f"{ISSUER}/oauth/token", nonce="x", iat=1e300), KEY.sign([]),
    KEY.sign({}, jwk={"kty": "oct", "k": "x"}), "", "x", "a.b.c", "x, y", "\xff",
)  # fmt: skip


def no_address(*_arguments: Any, **_options: Any) -> Any:
    """Stand in for the look-up of names: nothing is asked of the network."""
    raise OSError


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def known(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keys_directory: Any
) -> Any:
    if request.param == "postgresql":
        database_url = request.getfixturevalue("postgresql").new_database()
    else:
        database_url = f"sqlite:///{tmp_path_factory.mktemp('fuzzing') / 'fuzz.sqlite'}"
    provider = Provider(
        {
            "oidcserver__database_url": database_url,
            "oidcserver__keys_directory": str(keys_directory),
            "oidcserver__rejection_rows_per_minute": "1000000",
            "oauth__endpoints": (
                "authorization pushed_authorization_request token revocation introspection "
                "userinfo end_session check_session registration client_configuration jwks "
                "openid_configuration oauth_authorization_server device_authorization "
                "backchannel_authentication"
            ),
            "oauth__response_modes": (
                "query fragment form_post query.jwt fragment.jwt form_post.jwt jwt"
            ),
            "oauth__grants": (
                "authorization_code implicit hybrid client_credentials password refresh_token "
                "device_code token_exchange jwt_bearer ciba"
            ),
            "oauth__token_exchange_rules": "client https://api.example delegation",
            "oauth__trusted_issuers": "https://idp.example https://idp.example/jwks.json",
            "oidc__pages": "home login consent logout clients account api_me device approvals",
            "oauth__registration": "open",
            "oauth__registration_limit": "1000000",
            "oauth__request_object_signing_algs": "RS256 ES256 none",
            "oidc__request_parameter": "true",
            "oidc__request_uri_parameter": "true",
            "oidc__unsigned_id_tokens": "true",
            "oidc__logout_channels": "frontchannel backchannel",
            "oidc__backchannel_logout_interval": "0",
            "oauth__resources": "https://api.example/orders",
            "oauth__sender_constraints": "dpop mtls",
            "oauth__client_certificate_proxies": "127.0.0.1",
            "oauth__token_endpoint_auth_methods": (
                "client_secret_basic client_secret_post client_secret_jwt private_key_jwt "
                "tls_client_auth self_signed_tls_client_auth none"
            ),
            "oauth_resource__resource": f"{ISSUER}/orders",
            "oidcserver__includes": "payments",
        }
    )
    registry = provider.registry
    for sender in (registry.oidc.logout_deliverer, registry.oidc.ping_deliverer):
        sender.fetcher.resolver = no_address
    registry.oidc.outbound_fetcher.resolver = no_address
    members = {
        "redirect_uris": ["https://client.example/cb"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": [
            "authorization_code", "refresh_token", "client_credentials", CIBA,
            *(value for value in VALUES if value.startswith("urn:ietf:params:oauth:grant-type:")),
        ],
        "scope": "openid profile",
        "authorization_details_types": ["payment_initiation"],
    }  # fmt: skip
    with provider.database() as dbsession:
        row, secret = register_client(
            registry.oidc.provider, dbsession, members, client_id="client"
        )
        dbsession.expunge(row)
    yield provider, RelyingParty(provider, row, secret)
    provider.close()


def pairs_for(client: RelyingParty) -> st.SearchStrategy[list[tuple[str, str]]]:
    own = (client.client_id, client.secret, client.client.redirect_uris[0], client.challenge)
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    values = st.sampled_from((*VALUES, *own)) | texts
    likely = st.tuples(st.sampled_from(NAMES), values)
    return st.lists(likely | st.tuples(texts, texts), max_size=10)


DATES = (
    "Mon, 01 Jan 2024 00:00:00 GMT", "x", "Thu, 99 Jan 99999 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -9999", "Thu, 01 Jan 9999999999 00:00:00 GMT", "1 Jan 1 0:0",
)  # fmt: skip

headers = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": st.sampled_from(
            ["Basic eDp5", "Basic !", "basic", "Bearer x", "bearer at_x.y", "DPoP x", "DPoP",
             "dpop  ", "DPoP x, Bearer x", 'DPoP "', "Bearer", ""]
        ),
        "DPoP": st.sampled_from(PROOFS),
        "Client-Cert": st.sampled_from(
            [CERTIFICATE.rfc9440, CERTIFICATE.escaped, ":AAAA:", "::", "x", "%FF", "\xff", ""]
        ),
        "Client-Cert-Verify": st.sampled_from(["SUCCESS", "0", "NONE", "FAILED:x", "\xff", ""]),
        "Accept": st.sampled_from(
            ["text/html", "application/json", "*/*", "x", "a/b;q=x", "",
             "application/token-introspection+jwt"]
        ),
        "Origin": st.sampled_from(["https://evil.example", "null", "http://localhost:6543", "x"]),
        "Referer": st.sampled_from(["https://evil.example/", "x", "http://localhost:6543/"]),
        "Cookie": st.sampled_from(
            ["oidcserver_6543_session=x", "oidcserver_6543_browser=\\377", "a=b; a", "=", "",
             "x=\xff", 'y="\\377"']
        ),
        "Content-Type": st.builds(
            "{}{}".format,
            st.sampled_from(
                ["application/x-www-form-urlencoded", "multipart/form-data", "application/json",
                 "multipart/form-data; boundary=x", "text/plain", ""]
            ),
            st.sampled_from(["", *(f"; charset={name}" for name in
                                   ("utf-8", "utf-16", "x", "idna", "punycode", "base64", '"'))]),
        ),
        "Accept-Language": st.sampled_from(["de", "x" * 50, "*;q=z"]),
        "Range": st.sampled_from(["bytes=-", "bytes=0-", "bytes=9-1", "bytes=a-b", "x=1-2", "="]),
        "If-Range": st.sampled_from(['"x"', "W/", "Fri, 31 Dec 9999 23:59:59 -9999"]),
        "If-None-Match": st.sampled_from(["*", '"x"', "W/", ",", '"']),
        "If-Modified-Since": st.sampled_from(DATES),
        "If-Unmodified-Since": st.sampled_from(DATES),
    },
)  # fmt: skip


#: Client metadata, right and wrong.
MEMBERS = (
    "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method", "client_name",
    "client_name#de", "scope", "contacts", "jwks", "jwks_uri", "subject_type",
    "sector_identifier_uri", "backchannel_token_delivery_mode",
    "backchannel_client_notification_endpoint",
    "id_token_signed_response_alg", "id_token_encrypted_response_alg",
    "userinfo_signed_response_alg", "request_object_signing_alg", "default_max_age",
    "default_acr_values", "initiate_login_uri", "request_uris", "post_logout_redirect_uris",
    "frontchannel_logout_uri", "backchannel_logout_uri", "backchannel_logout_session_required",
    "software_statement", "client_id", "client_secret", "x", "profile", "dpop_bound_access_tokens",
    "tls_client_certificate_bound_access_tokens", "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip",
    "tls_client_auth_san_email", "authorization_details_types",
    "require_pushed_authorization_requests", "require_signed_request_object",
    "authorization_signed_response_alg", "authorization_encrypted_response_alg",
    "authorization_encrypted_response_enc", "introspection_signed_response_alg",
    "introspection_encrypted_response_alg", "backchannel_authentication_request_signing_alg",
    "backchannel_user_code_parameter", "token_endpoint_auth_signing_alg",
)  # fmt: skip
scalars = st.sampled_from(
    ["https://client.example/cb", "https://10.0.0.1/", f"https://{'a' * 254}/", "x" * 300,
     "code", "implicit", "pairwise", "none", "RS256", "HS256", "openid", "a.e30.c", "", None,
     "fapi2_security", "tls_client_auth", "private_key_jwt", "CN=client", "ping", "192.0.2.1",
     True, 0, -1, 1.5]
)  # fmt: skip
json_values = st.recursive(
    scalars | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
documents = (
    st.dictionaries(st.sampled_from(MEMBERS), json_values, max_size=3)
    .map(lambda members: {"redirect_uris": ["https://client.example/cb"], **members})
    .map(lambda members: json.dumps(members).encode())
)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_gets_a_server_error(known: Any, data: st.DataObject) -> None:
    provider, client = known
    browser = provider.browser()
    if data.draw(st.booleans()):
        browser.extra_environ["REMOTE_ADDR"] = "127.0.0.1"  # of the proxy
    if data.draw(st.booleans()):
        browser.sign_in("alice")
    for _ in range(2):
        method = data.draw(
            st.sampled_from(["GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE"])
        )
        path = data.draw(st.sampled_from(PATHS))
        pairs = data.draw(pairs_for(client))
        sent = data.draw(headers)
        metadata = path.startswith("/oauth/register")
        document = data.draw(documents if metadata else st.none() | documents)
        if method == "GET":
            response = browser.get(path, pairs, headers=sent, expect_errors=True)
        elif method == "POST":
            raw = data.draw(st.none() | st.just(b"") | st.binary(max_size=60))
            raw = raw if document is None else document
            response = browser.post(path, pairs if raw is None else raw, headers=sent,
                                    expect_errors=True)  # fmt: skip
        else:
            body = document if method == "PUT" and document is not None else b""
            response = browser.request(
                path, method=method, headers=sent, body=body, expect_errors=True
            )
        assert response.status_int < 500, (method, path, pairs, sent)
        assert b"Traceback" not in response.body
