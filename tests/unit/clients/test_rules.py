"""Client metadata: what is registered, and what is rejected with which sentence."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk

from oidcserver.clients.members import RULES
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import validate_client_metadata

URI = "https://client.example/cb"
EC_KEY = jwk.generate_key("EC", "P-256", {"kid": "one"})
EC = EC_KEY.as_dict(private=False)
WEAK_RSA = {"kty": "RSA", "e": "AQAB", "n": "w" * 171}  # 1024 bits


def check(provider: Any, **metadata: Any) -> dict[str, Any]:
    return validate_client_metadata(provider, {"redirect_uris": [URI], **metadata})


def problem(provider: Any, **metadata: Any) -> InvalidClientMetadata:
    with pytest.raises(InvalidClientMetadata) as raised:
        check(provider, **metadata)
    return raised.value


def test_the_defaults_are_the_standards(production: Any) -> None:
    assert check(production) == {
        "redirect_uris": [URI],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS256",
        "application_type": "web",
        "subject_type": "public",
        "scope": "",
        "contacts": [],
    }


def test_a_default_that_is_not_selected_gives_way(make_selection: Any) -> None:
    methods = {"private_key_jwt": None, "none": None}
    promises = {"id_token_signing_alg_values_supported": ["ES256", "HS256"]}
    provider = make_selection(client_authentication_methods=methods, promises=promises)
    checked = check(provider, jwks={"keys": [EC]})
    assert checked["token_endpoint_auth_method"] == "private_key_jwt"
    assert checked["id_token_signed_response_alg"] == "ES256"
    provider = make_selection(response_types=frozenset({"code id_token"}))
    assert problem(provider).field == "response_types"


def test_every_member_of_the_standards_is_known_and_kept(production: Any) -> None:
    given = {
        "redirect_uris": [URI, "https://client.example/cb2"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "grant_types": ["authorization_code", "implicit", "refresh_token"],
        "response_types": ["code", "id_token"],
        "client_name": "Shop",
        "client_name#de": "Laden",
        "client_uri": "https://client.example/",
        "logo_uri": "https://client.example/logo.png",
        "scope": "openid profile",
        "contacts": ["ops@client.example"],
        "tos_uri": "https://client.example/terms",
        "tos_uri#pt-BR": "https://client.example/termos",
        "policy_uri": "https://client.example/privacy",
        "jwks_uri": "https://client.example/jwks.json",
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "software_version": "2.0",
        "application_type": "web",
        "subject_type": "public",
        "id_token_signed_response_alg": "ES256",
        "default_max_age": 3600,
        "require_auth_time": True,
        "default_acr_values": ["1", "2"],
        "initiate_login_uri": "https://client.example/login",
        "request_uris": ["https://client.example/request.jwt", "https://client.example/r#5e8-_"],
        "post_logout_redirect_uris": ["https://client.example/bye"],
    }
    assert check(production, **given) == given
    assert validate_client_metadata(production, given) == given, "what is stored passes again"


def test_unknown_and_null_members_are_left_out(production: Any) -> None:
    own = {"owner_id": "x", "resource_server": True, "client_secret": "x"}
    checked = check(production, **own, client_name=None, scope=None)
    assert not {*own, "client_name"} & set(checked)
    assert checked["scope"] == ""


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("client_name#de", True), ("client_name#zh-Hant-TW", True), ("client_name#", False),
        ("client_name#de#fr", False), ("client_name#<b>", False), ("scope#de", False),
        ("#de", False), ("client_name#" + "a" * 9, False),
    ],
)  # fmt: skip
def test_names_may_be_said_in_languages(production: Any, name: str, kept: bool) -> None:
    assert (name in check(production, **{name: "x"})) is kept


def test_there_are_not_endless_languages(production: Any) -> None:
    names = {f"client_name#de-x-{number}": "x" for number in range(41)}
    assert problem(production, **names).field == "client_name"


@pytest.mark.parametrize(
    "name", ["Shop", "Café", "店", "می\u200cشود", "👩\u200d🚀 Space", "店\u3000舗", "<b>&amp;</b>"]
)
def test_names_are_of_every_script(production: Any, name: str) -> None:
    assert check(production, client_name=f" {name} ")["client_name"] == name


def test_texts_are_normalised_and_said_once(production: Any) -> None:
    assert check(production, contacts=["a", " a", "b"])["contacts"] == ["a", "b"]
    assert check(production, client_name="Cafe\u0301")["client_name"] == "Café"


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": URI}, "redirect_uris"),
        ({"redirect_uris": {"0": URI}}, "redirect_uris"),
        ({"redirect_uris": 5}, "redirect_uris"),
        ({"redirect_uris": [5]}, "redirect_uris"),
        ({"redirect_uris": [None]}, "redirect_uris"),
        ({"redirect_uris": [[URI]]}, "redirect_uris"),
        ({"redirect_uris": [URI] * 51}, "redirect_uris"),
        ({"grant_types": ["urn:example:other"]}, "grant_types"),
        ({"grant_types": "authorization_code"}, "grant_types"),
        ({"grant_types": [["authorization_code"]]}, "grant_types"),
        ({"grant_types": ["client_credentials"], "response_types": ["id_token"]}, "response_types"),
        ({"grant_types": ["implicit"], "response_types": ["code"]}, "response_types"),
        ({"grant_types": ["implicit"], "response_types": ["code id_token"]}, "response_types"),
        ({"grant_types": ["authorization_code"], "response_types": []}, "response_types"),
        ({"grant_types": ["authorization_code", "implicit"]}, "response_types"),
        ({"response_types": ["token"]}, "response_types"),
        ({"response_types": ["id_token"]}, "response_types"),
        ({"response_types": [""]}, "response_types"),
        ({"response_types": [5]}, "response_types"),
        ({"scope": "openid phone"}, "scope"),
        ({"scope": ["openid"]}, "scope"),
        ({"scope": "openid " * 1000}, "scope"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": ["none"]}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": {}}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "none",
          "grant_types": ["authorization_code", "client_credentials"]},
         "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"token_endpoint_auth_signing_alg": "none"}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_method": "client_secret_jwt",
          "token_endpoint_auth_signing_alg": "RS256"}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [EC]},
          "token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"),
        ({"token_endpoint_auth_method": "none", "id_token_signed_response_alg": "HS256"},
         "id_token_signed_response_alg"),
        ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
        ({"id_token_signed_response_alg": "PS256"}, "id_token_signed_response_alg"),
        ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "id_token_encrypted_response_alg"),
        ({"id_token_encrypted_response_enc": "A128GCM"}, "id_token_encrypted_response_enc"),
        ({"userinfo_signed_response_alg": "RS256"}, "userinfo_signed_response_alg"),
        ({"userinfo_encrypted_response_alg": "RSA-OAEP"}, "userinfo_encrypted_response_alg"),
        ({"userinfo_encrypted_response_enc": "A128GCM"}, "userinfo_encrypted_response_enc"),
        ({"request_object_signing_alg": "RS256"}, "request_object_signing_alg"),
        ({"request_object_encryption_alg": "RSA-OAEP"}, "request_object_encryption_alg"),
        ({"request_object_encryption_enc": "A128GCM"}, "request_object_encryption_enc"),
        ({"subject_type": "pairwise"}, "subject_type"),
        ({"sector_identifier_uri": "http://client.example/sector"}, "sector_identifier_uri"),
        ({"application_type": "desktop"}, "application_type"),
        ({"jwks_uri": "http://client.example/jwks"}, "jwks_uri"),
        ({"jwks_uri": "https://169.254.169.254/"}, "jwks_uri"),
        ({"jwks_uri": "https://localhost/"}, "jwks_uri"),
        ({"jwks_uri": ["https://client.example/jwks"]}, "jwks_uri"),
        ({"request_uris": ["https://10.0.0.1/"]}, "request_uris"),
        ({"request_uris": ["https://10.0.0.1/#x"]}, "request_uris"),
        ({"request_uris": ["http://client.example/"]}, "request_uris"),
        ({"request_uris": ["https://client.example/#a b"]}, "request_uris"),
        ({"request_uris": ["https://client.example/#a#b"]}, "request_uris"),
        ({"request_uris": [f"https://client.example/#{'x' * 2000}"]}, "request_uris"),
        ({"require_pushed_authorization_requests": True}, "require_pushed_authorization_requests"),
        ({"require_signed_request_object": True}, "require_signed_request_object"),
        ({"require_signed_request_object": "false"}, "require_signed_request_object"),
        ({"post_logout_redirect_uris": ["javascript:alert(1)"]}, "post_logout_redirect_uris"),
        ({"post_logout_redirect_uris": ["com.example.app:/"]}, "post_logout_redirect_uris"),
        ({"client_name": "x" * 101}, "client_name"),
        ({"client_name": "x" * 1_000_000}, "client_name"),
        ({"client_name": "a\u202eb"}, "client_name"),
        ({"client_name": "a\u2066b"}, "client_name"),
        ({"client_name": "a\x00b"}, "client_name"),
        ({"client_name": "a\nb"}, "client_name"),
        ({"client_name": "a\u2028b"}, "client_name"),
        ({"client_name": "a\x1b[2Jb"}, "client_name"),
        ({"client_name": "\ud800"}, "client_name"),
        ({"client_name": "\ue000"}, "client_name"),
        ({"client_name": 5}, "client_name"),
        ({"client_name": ["Shop"]}, "client_name"),
        ({"client_name#de": "a\u202eb"}, "client_name#de"),
        ({"client_uri": ""}, "client_uri"),
        ({"logo_uri": "javascript:alert(1)"}, "logo_uri"),
        ({"logo_uri": "data:image/png;base64,AA"}, "logo_uri"),
        ({"policy_uri": "https://user@client.example/"}, "policy_uri"),
        ({"tos_uri#de": "http://client.example/"}, "tos_uri#de"),
        ({"initiate_login_uri": "http://client.example/"}, "initiate_login_uri"),
        ({"initiate_login_uri": "http://localhost/"}, "initiate_login_uri"),
        ({"default_max_age": -1}, "default_max_age"),
        ({"default_max_age": True}, "default_max_age"),
        ({"default_max_age": 1.5}, "default_max_age"),
        ({"default_max_age": "60"}, "default_max_age"),
        ({"default_max_age": 10**30}, "default_max_age"),
        ({"require_auth_time": "yes"}, "require_auth_time"),
        ({"default_acr_values": "1"}, "default_acr_values"),
        ({"contacts": ["a"] * 51}, "contacts"),
        ({"contacts": ["a" * 256]}, "contacts"),
        ({"contacts": ["a\x00"]}, "contacts"),
        ({"software_id": "x" * 256}, "software_id"),
        ({"software_version": 2}, "software_version"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_rejected_at_its_member(
    production: Any, metadata: dict[str, Any], field: str
) -> None:
    rejected = problem(production, **metadata)
    assert rejected.field == field
    needs_uri = metadata == {"redirect_uris": []}
    assert rejected.error == ("invalid_redirect_uri" if needs_uri else "invalid_client_metadata")


@pytest.mark.parametrize("member", RULES)
@pytest.mark.parametrize(
    "junk", [5, 1.5, True, "", [[]], [{}], {"a": {"b": []}}, [None, 1], "\x00", ["\ud800"]]
)
def test_junk_is_answered_at_every_member(production: Any, member: str, junk: Any) -> None:
    with contextlib.suppress(InvalidClientMetadata):
        checked = validate_client_metadata(production, {"redirect_uris": [URI], member: junk})
        assert type(checked.get(member, junk)) is type(junk)


def test_a_redirect_uri_that_is_rejected_has_its_own_error_and_number(production: Any) -> None:
    rejected = problem(production, redirect_uris=[URI, "jAvAsCrIpT:alert(1)"])
    assert (rejected.error, rejected.field) == ("invalid_redirect_uri", "redirect_uris")
    assert rejected.description == "Redirect URI 2 has the scheme javascript."
    assert rejected.status_code == 400


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"scope": "openid phone"}, "scope: phone. Available: openid, profile"),
        ({"grant_types": ["magic"]}, "grant type: magic. Available: authorization_code, client_c"),
        ({"response_types": ["magic"]}, "response type: magic. Available: code, code id_token"),
        ({"scope": 'a"\\\u00e9' + "x" * 200}, f"scope: a???{'x' * 96}. Available"),
        ({"token_endpoint_auth_method": "magic"}, "client_secret_basic, client_secret_jwt"),
        ({"id_token_signed_response_alg": "magic"}, "RS256, ES256, HS256"),
        ({"userinfo_signed_response_alg": "magic"}, "is not available here"),
    ],
)
def test_the_sentence_names_what_there_is_and_one_item_that_is_unknown(
    production: Any, metadata: dict[str, Any], sentence: str
) -> None:
    assert sentence in problem(production, **metadata).description


def test_a_plugin_that_promises_more_may_be_registered_for_it(make_selection: Any) -> None:
    promises = {"userinfo_signing_alg_values_supported": ["RS256"]}
    provider = make_selection(promises=promises)
    assert check(provider, userinfo_signed_response_alg="RS256")


def test_native_applications_sign_out_to_their_own_scheme(production: Any) -> None:
    own = {"redirect_uris": ["com.example.app:/cb"], "application_type": "native"}
    assert check(production, **own, post_logout_redirect_uris=["com.example.app:/bye"])


def test_tokens_do_not_go_to_web_applications_on_this_machine(
    production: Any, development: Any
) -> None:
    own = {
        "redirect_uris": ["https://localhost/cb"],
        "grant_types": ["implicit"],
        "response_types": ["id_token"],
    }
    assert problem(production, **own).error == "invalid_redirect_uri"
    assert check(development, **own)


def test_development_lets_web_applications_use_http_on_loopback(
    production: Any, development: Any
) -> None:
    for uri in ("http://localhost:3000/cb", "http://127.0.0.1/cb"):
        own = {"redirect_uris": [uri], "application_type": "web"}
        assert check(development, **own)["application_type"] == "web"
        assert problem(production, **own).error == "invalid_redirect_uri"
    assert problem(development, redirect_uris=["http://client.example/cb"])


@pytest.mark.parametrize(
    "uri", ["http://localhost:8000/cb", "http://127.0.0.1/cb", "com.example.app:/cb",
            "example-ide://example.tool/callback"]
)  # fmt: skip
def test_a_client_that_says_no_application_type_is_what_its_redirect_uris_are(
    production: Any, development: Any, uri: str
) -> None:
    for provider in (production, development):
        for unsaid in ({}, {"application_type": None}):
            checked = check(provider, redirect_uris=[uri], **unsaid)
            assert checked["application_type"] == "native"
        web = check(provider, redirect_uris=["https://client.example/cb"])
        assert web["application_type"] == "web"
    own = {"redirect_uris": [uri], "application_type": "web"}
    assert problem(production, **own).error == "invalid_redirect_uri"


def test_public_keys_are_stored_and_of_each_only_what_belongs_to_it(production: Any) -> None:
    chatty = {**EC, "use": "sig", "alg": "ES256", "x-note": {"deep": ["\x00"]}, "x5c": ["AA"]}
    unknown = {"kty": "AKP", "pub": "x"}
    checked = check(production, jwks={"keys": [chatty, unknown], "more": 1})
    assert checked["jwks"] == {"keys": [{**EC, "use": "sig", "alg": "ES256"}]}


@pytest.mark.parametrize(
    "jwks",
    [
        [], "keys", 5, {}, {"keys": {}}, {"keys": []}, {"keys": [5]}, {"keys": [None]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"keys": [EC_KEY.as_dict(private=True)]},
        {"keys": [EC, EC_KEY.as_dict(private=True)]},
        {"keys": [EC, EC]},
        {"keys": [WEAK_RSA]},
        {"keys": [{**EC, "kid": f"k{number}"} for number in range(33)]},
        {"keys": [{**EC, "kid": "a\x00b"}]},
        {"keys": [{**EC, "kid": "k" * 2049}]},
        {"keys": [{**EC, "kid": 5}]},
        {"keys": [{**EC, "x": 5}]},
        {"keys": [{**EC, "kty": ["EC"]}]},
    ],
)  # fmt: skip
def test_keys_that_are_none_or_not_public_or_not_strong_are_rejected(
    production: Any, jwks: Any
) -> None:
    rejected = problem(production, jwks=jwks)
    assert (rejected.field, rejected.error) == ("jwks", "invalid_client_metadata")
    assert rejected.description.count("jwks ") == 1
    assert rejected.description.endswith(".")
    assert not rejected.description.endswith("..")


def test_keys_come_in_one_way(production: Any) -> None:
    both = {"jwks": {"keys": [EC]}, "jwks_uri": "https://client.example/jwks"}
    assert problem(production, **both).field == "jwks"
    for name, value in both.items():
        checked = check(
            production, **{name: value, "token_endpoint_auth_method": "private_key_jwt"}
        )
        assert checked[name] == value


def test_a_client_that_only_acts_for_itself_needs_no_redirect_uri(production: Any) -> None:
    for response_types in ({}, {"response_types": ["code"]}, {"response_types": []}):
        checked = check(
            production, redirect_uris=[], grant_types=["client_credentials"], **response_types
        )
        assert checked["response_types"] == []


def test_the_order_of_words_in_a_response_type_is_free(production: Any) -> None:
    grants = ["authorization_code", "implicit"]
    types = ["token id_token", "id_token token", "id_token code"]
    checked = check(production, grant_types=grants, response_types=types)
    assert checked["response_types"] == ["id_token token", "code id_token"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
members = st.sampled_from([*RULES, "client_name#de", "logo_uri#fr"]) | st.text(max_size=10)
#: Values of the right type, so that the rules behind the types are reached.
plausible = (
    st.lists(st.sampled_from(["code", "authorization_code", "implicit", "id_token", URI, "x:/"]))
    | st.sampled_from(["none", "HS256", "web", "native", "openid", "private_key_jwt", URI])
    | st.fixed_dictionaries({"keys": st.lists(json_values | st.just(EC), max_size=3)})
)


@given(st.dictionaries(members, json_values | plausible, max_size=8) | json_values)
def test_any_json_is_answered_and_what_is_stored_passes_again(
    production: Any, metadata: Any
) -> None:
    try:
        checked = validate_client_metadata(production, metadata)
    except InvalidClientMetadata:  # and nothing else
        return
    assert all(name.partition("#")[0] in RULES for name in checked)
    assert "\\u0000" not in json.dumps(checked, allow_nan=False), "PostgreSQL stores it"
    assert validate_client_metadata(production, checked) == checked


def test_signed_requests_are_required_of_who_can_sign(make_selection: Any) -> None:
    algorithms = ["RS256", "none"]
    provider = make_selection(promises={"request_object_signing_alg_values_supported": algorithms})
    own = {"require_signed_request_object": True, "jwks_uri": "https://client.example/jwks"}
    assert check(provider, **own)["require_signed_request_object"] is True
    assert check(provider, require_signed_request_object=False)["scope"] == ""
    for changes, member in (
        ({"jwks_uri": None}, "jwks"),
        ({"request_object_signing_alg": "none"}, "request_object_signing_alg"),
    ):
        assert problem(provider, **{**own, **changes}).field == member
