"""The members of client metadata, one rule each (RFC 7591 section 2, OpenID Registration 2)."""

from oidcserver.clients import values
from oidcserver.clients.certificate_subjects import SUBJECTS

RULES: dict[str, values.Rule] = {
    "redirect_uris": values.texts,
    "token_endpoint_auth_method": values.one_of(lambda p: p.client_authentication_methods),
    "token_endpoint_auth_signing_alg": values.one_promised(
        "token_endpoint_auth_signing_alg_values_supported"
    ),
    "grant_types": values.grant_types,
    "response_types": values.response_types,
    "client_name": values.text_of(values.MAX_NAME),
    "client_uri": values.web_uri,
    "logo_uri": values.fetched_uri,
    "scope": values.scope,
    "contacts": values.plain_texts,
    "tos_uri": values.web_uri,
    "policy_uri": values.web_uri,
    "jwks_uri": values.fetched_uri,
    "jwks": values.jwks,
    # RFC 7591 section 3.2.1: it is returned as it was sent.
    "software_statement": values.text_of(values.MAX_STATEMENT),
    "software_id": values.text,
    "software_version": values.text,
    "application_type": values.one_of(lambda p: ("web", "native")),
    "subject_type": values.one_promised("subject_types_supported"),
    # Our own member: the claims in ID tokens of the token endpoint.
    "id_token_claims": values.one_of(lambda p: values.ID_TOKEN_CLAIMS),
    "id_token_signed_response_alg": values.one_promised("id_token_signing_alg_values_supported"),
    "id_token_encrypted_response_alg": values.one_promised(
        "id_token_encryption_alg_values_supported"
    ),
    "id_token_encrypted_response_enc": values.one_promised(
        "id_token_encryption_enc_values_supported"
    ),
    "userinfo_signed_response_alg": values.one_promised("userinfo_signing_alg_values_supported"),
    "userinfo_encrypted_response_alg": values.one_promised(
        "userinfo_encryption_alg_values_supported"
    ),
    "userinfo_encrypted_response_enc": values.one_promised(
        "userinfo_encryption_enc_values_supported"
    ),
    # JWT Secured Authorization Response Mode section 3
    "authorization_signed_response_alg": values.one_promised(
        "authorization_signing_alg_values_supported"
    ),
    "authorization_encrypted_response_alg": values.one_promised(
        "authorization_encryption_alg_values_supported"
    ),
    "authorization_encrypted_response_enc": values.one_promised(
        "authorization_encryption_enc_values_supported"
    ),
    # RFC 9701 section 6
    "introspection_signed_response_alg": values.one_promised(
        "introspection_signing_alg_values_supported"
    ),
    "introspection_encrypted_response_alg": values.one_promised(
        "introspection_encryption_alg_values_supported"
    ),
    "introspection_encrypted_response_enc": values.one_promised(
        "introspection_encryption_enc_values_supported"
    ),
    "request_object_signing_alg": values.one_promised(
        "request_object_signing_alg_values_supported"
    ),
    "request_object_encryption_alg": values.one_promised(
        "request_object_encryption_alg_values_supported"
    ),
    "request_object_encryption_enc": values.one_promised(
        "request_object_encryption_enc_values_supported"
    ),
    # Our own member: whether the client has to use PKCE, or is exempt from it.
    "require_pkce": values.boolean,
    # Our own member: a profile of oauth.profile that this client has for itself.
    "profile": values.one_of(values.client_profiles),
    # RFC 9101 section 10.5
    "require_signed_request_object": values.signed_requests,
    # RFC 9126 section 6
    "require_pushed_authorization_requests": values.pushed_requests,
    # RFC 9449 section 5.2, RFC 8705 sections 3.4 and 2.1.2
    "dpop_bound_access_tokens": values.bound_by("dpop"),
    "tls_client_certificate_bound_access_tokens": values.bound_by("mtls"),
    **{member: subject.rule for member, subject in SUBJECTS.items()},
    # RFC 9396 section 10
    "authorization_details_types": values.authorization_details_types,
    "default_max_age": values.seconds,
    "require_auth_time": values.boolean,
    "default_acr_values": values.plain_texts,
    "initiate_login_uri": values.web_uri,
    "request_uris": values.request_uris,
    "post_logout_redirect_uris": values.texts,
    "sector_identifier_uri": values.fetched_uri,
    # OpenID Connect CIBA section 4
    "backchannel_token_delivery_mode": values.of_ciba(
        values.one_promised("backchannel_token_delivery_modes_supported")
    ),
    "backchannel_client_notification_endpoint": values.of_ciba(values.fetched_uri),
    "backchannel_authentication_request_signing_alg": values.of_ciba(
        values.one_promised("backchannel_authentication_request_signing_alg_values_supported")
    ),
}

#: Members that may have several languages, as ``client_name#de`` (RFC 7591 section 2.2).
LOCALISED = frozenset({"client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"})
