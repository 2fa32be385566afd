"""FAPI-CIBA: a client asks for the sign-in of a user, who decides, and fetches the tokens."""

import secrets
from typing import Any

from support import conformance_checks as checks
from support.conformance_ciba import Approver, CibaProvider
from support.conformance_ciba_plans import CibaVariant, ciba_module
from support.registered_ciba_client import METHODS, SCOPE
from support.strict_ciba_client import RegisterCiba, StrictCibaClient

from oidcserver.oauth.grant_types import CIBA

#: Longer than a screen of a phone shows, and with characters of several planes.
ODD_MESSAGE = "1234 👍🏿 品川 " + "lorem " * 70


@ciba_module("fapi-ciba-id1-discovery-end-point-verification")
def test_fapi_ciba_id1_discovery_end_point_verification(
    ciba_provider: CibaProvider, ciba_variant: CibaVariant
) -> None:
    response = ciba_provider.browser().get("/.well-known/openid-configuration")
    assert response.content_type == "application/json"
    document = response.json
    checks.check_metadata(document, ciba_provider.issuer, ())
    checks.check_jwks(ciba_provider.jwks)
    aliases = document["mtls_endpoint_aliases"]
    assert set(aliases) <= set(document)
    assert all(url.startswith("https://mtls.") for url in aliases.values())
    assert {"token_endpoint", "backchannel_authentication_endpoint"} <= set(aliases)
    assert document["tls_client_certificate_bound_access_tokens"] is True
    # FAPI allows two algorithms and two ways to authenticate; nothing else is offered.
    for name in (
        "id_token", "userinfo", "token_endpoint_auth", "backchannel_authentication_request",
    ):  # fmt: skip
        key = f"{name}_signing_alg_values_supported"
        assert set(document[key]) == {"PS256", "ES256"}, key
    methods = set(document["token_endpoint_auth_methods_supported"])
    assert methods == {method for names in METHODS.values() for method in names.values()}
    assert ciba_variant.mode in document["backchannel_token_delivery_modes_supported"]
    assert document["backchannel_user_code_parameter_supported"] is False
    assert CIBA in document["grant_types_supported"]
    assert "openid" in document["scopes_supported"]


def walk(
    client: StrictCibaClient,
    approver: Approver,
    frozen: Any,
    *,
    decision: str = "allow",
    audience: str | None = None,
    **changes: Any,
) -> tuple[str, str]:
    """Ask, poll twice in vain, and let the user decide.

    :returns: the ``auth_req_id``, and the text of the request that the user saw.
    """
    auth_req_id = client.ask(audience=audience, **changes)
    assert client.poll_error(auth_req_id) == "authorization_pending"
    frozen.advance(5)
    assert client.poll_error(auth_req_id) == "authorization_pending"
    shown = approver.decide(auth_req_id, decision)
    client.expect_notification(auth_req_id)
    return auth_req_id, shown


@ciba_module("fapi-ciba-id1")
def test_fapi_ciba_id1(
    first: StrictCibaClient, second: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    # The first client names the issuer as the audience of its assertion, the other an endpoint.
    auth_req_id, _ = walk(first, approver, frozen, audience=first.provider.issuer)
    tokens = first.fetch(auth_req_id)
    first.use(tokens, Accept="application/json;charset=UTF-8", **{"Accept-Charset": "UTF-8"})
    first.use(tokens, Accept="application/json, application/*+json, */*")
    in_query = f"?access_token={tokens['access_token']}"
    url = first.url("userinfo_endpoint", alias=True) + in_query
    headers = first.certificate.headers()
    assert first.http.get(url, headers=headers, expect_errors=True).status_int in {400, 401}

    second.notification_token = secrets.token_urlsafe(768)
    strongest = second.metadata["acr_values_supported"][-1]
    auth_req_id, _ = walk(
        second,
        approver,
        frozen,
        audience=second.metadata["token_endpoint"],
        header={"typ": "oauth-authz-req+jwt"},
        acr_values=strongest,
        requested_expiry=300,
    )
    tokens = second.tokens(second.poll(auth_req_id))
    claims = second.id_token(tokens, auth_req_id)
    assert claims["acr"] == strongest
    second.use(tokens)
    # The token is bound to the certificate of the second client (RFC 8705 section 3).
    for other in (first.certificate, None):
        response = second.call(tokens["access_token"], other)
        assert response.status_int == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert second.poll_error(auth_req_id) == "invalid_grant", "an auth_req_id is used once"


@ciba_module("fapi-ciba-id1-user-rejects-authentication")
def test_fapi_ciba_id1_user_rejects_authentication(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    auth_req_id, _ = walk(first, approver, frozen, decision="deny")
    assert first.poll_error(auth_req_id) == "access_denied"


@ciba_module("fapi-ciba-id1-multiple-call-to-token-endpoint")
def test_fapi_ciba_id1_multiple_call_to_token_endpoint(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    auth_req_id = first.ask()
    errors = [first.poll_error(auth_req_id) for _ in range(20)]
    assert errors == ["authorization_pending", *["slow_down"] * 19]
    approver.decide(auth_req_id)
    first.expect_notification(auth_req_id)
    first.fetch(auth_req_id)


@ciba_module("fapi-ciba-id1-auth-req-id-expired")
def test_fapi_ciba_id1_auth_req_id_expired(first: StrictCibaClient, frozen: Any) -> None:
    auth_req_id = first.ask(requested_expiry=10)
    assert first.poll_error(auth_req_id) == "authorization_pending"
    frozen.advance(9)
    assert first.poll_error(auth_req_id) == "authorization_pending"
    frozen.advance(1)
    assert first.poll_error(auth_req_id) == "expired_token"
    first.provider.notify()
    assert first.endpoint.posts == []


@ciba_module("fapi-ciba-id1-ensure-authorization-request-with-binding-message-succeeds")
def test_fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    auth_req_id, shown = walk(first, approver, frozen, binding_message="1234")
    assert "1234" in shown
    first.fetch(auth_req_id)


@ciba_module("fapi-ciba-id1-ensure-other-scope-order-succeeds")
def test_fapi_ciba_id1_ensure_other_scope_order_succeeds(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    reversed_scope = " ".join(reversed(SCOPE.split()))
    auth_req_id, _ = walk(first, approver, frozen, scope=reversed_scope)
    assert set(first.fetch(auth_req_id)["scope"].split()) == set(SCOPE.split())


@ciba_module("fapi-ciba-id1-ensure-requested-expiry-as-string-succeeds")
def test_fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(
    first: StrictCibaClient, approver: Approver
) -> None:
    request = first.request_object(requested_expiry="30")
    answer = first.read_acknowledgement(first.send(request))
    assert answer["expires_in"] == 30
    approver.decide(answer["auth_req_id"])
    first.expect_notification(answer["auth_req_id"])
    first.fetch(answer["auth_req_id"])


@ciba_module("fapi-ciba-id1-ensure-authorization-request-with-potentially-bad-binding-message")
def test_fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    too_long = first.send(first.request_object(binding_message=ODD_MESSAGE))
    assert first.rejection(too_long) == (400, "invalid_binding_message")
    # As far as it is not too long, it is shown as it is.
    odd = ODD_MESSAGE[:20].strip()
    auth_req_id, shown = walk(first, approver, frozen, binding_message=odd)
    assert odd in shown
    first.fetch(auth_req_id)


@ciba_module("fapi-ciba-id1-ensure-wrong-auth-req-id-in-token-endpoint-request")
def test_fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(
    first: StrictCibaClient, second: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    auth_req_id, _ = walk(first, approver, frozen)
    assert second.poll_error(auth_req_id) == "invalid_grant"
    first.fetch(auth_req_id)


@ciba_module("fapi-ciba-id1-refresh-token")
def test_fapi_ciba_id1_refresh_token(
    register_ciba: RegisterCiba, approver: Approver, frozen: Any
) -> None:
    grants = [CIBA, "refresh_token"]
    first, second = (register_ciba(name, grant_types=grants) for name in ("first", "second"))
    assert "refresh_token" in first.metadata["grant_types_supported"]
    newest = ""
    for client, scope in ((first, {"scope": SCOPE}), (second, {})):
        auth_req_id, _ = walk(client, approver, frozen)
        tokens = client.tokens(client.poll(auth_req_id))
        claims = client.id_token(tokens, auth_req_id)
        frozen.advance(1)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refreshed = client.tokens(client.token_request({**form, **scope}))
        assert refreshed["access_token"] != tokens["access_token"]
        renewed = client.id_token(refreshed)
        assert renewed["iat"] == claims["iat"] + 1
        unchanged = ("iss", "sub", "aud", "auth_time", "acr", "amr")
        assert [renewed[name] for name in unchanged] == [claims[name] for name in unchanged]
        client.use(refreshed)
        newest = refreshed.get("refresh_token", tokens["refresh_token"])
    form = {"grant_type": "refresh_token", "refresh_token": newest}
    assert first.rejection(first.token_request(form)) == (400, "invalid_grant")
    second.tokens(second.token_request(form))


@ciba_module("fapi-ciba-id1-ensure-mtls-holder-of-key-required")
def test_fapi_ciba_id1_ensure_mtls_holder_of_key_required(
    first: StrictCibaClient, approver: Approver, ciba_variant: CibaVariant
) -> None:
    # TLS itself is the proxy's.
    by_certificate = ciba_variant.client_auth == "mtls"
    expected = (401, "invalid_client") if by_certificate else (400, "invalid_request")
    auth_req_id = first.ask()
    assert first.rejection(first.poll(auth_req_id, with_certificate=False)) == expected
    approver.decide(auth_req_id)
    first.expect_notification(auth_req_id)
    assert first.rejection(first.poll(auth_req_id, with_certificate=False)) == expected
    first.fetch(auth_req_id)
