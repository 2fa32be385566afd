"""The members of a client that an operator edits: one table for the commands and the pages.

A field is a member of client metadata, or a column of the client that clients cannot register
themselves. A member of a plugin (``add_client_metadata_member``) is a field too, given as JSON.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from oidcserver.clients.rules import known_members
from oidcserver.clients.software_statement import MEMBER as STATEMENT
from oidcserver.clients.values import ID_TOKEN_CLAIMS, client_profiles, promised
from oidcserver.texts import _
from oidcserver.types import Provider

#: The kinds of values: one text; texts without white space; other texts; some of the options;
#: scopes; one of the options; true or false; true, false or not given; a number; JSON.
TEXT, URIS, TEXTS, SEVERAL, SCOPES, ONE, FLAG, MAYBE, NUMBER, JSON = range(10)

_CONTROLS = {
    TEXT: "field", URIS: "textarea", TEXTS: "textarea", SEVERAL: "checkboxes",
    SCOPES: "checkboxes", ONE: "select", FLAG: "checkbox", MAYBE: "select", NUMBER: "field",
    JSON: "textarea",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``options`` returns the values to choose from; without any there is no field."""

    name: str
    label: str
    kind: int
    help: str = ""
    options: Callable[[Provider], Iterable[str]] | None = None
    #: The words for the empty option of ONE and MAYBE.
    unsaid: str = ""
    #: A column of the client, for administrators and commands only.
    column: bool = False

    @property
    def several(self) -> bool:
        """Whether there may be more than one value."""
        return self.kind in (URIS, TEXTS, SEVERAL)

    @property
    def control(self) -> str:
        """The control of a form."""
        return _CONTROLS[self.kind]


def _promised(name: str) -> Callable[[Provider], Iterable[str]]:
    return lambda provider: promised(provider, name)


def _algorithm(name: str, label: str, promise: str, unsaid: str = "") -> Field:
    return Field(name, label, ONE, options=_promised(promise), unsaid=unsaid)


def _bound_by(way: str) -> Callable[[Provider], Iterable[str]]:
    return lambda provider: {way} & set(provider.settings["oauth.sender_constraints"])


def _has_certificate(provider: Provider) -> Iterable[str]:
    return {"tls_client_auth"} & provider.client_authentication_methods.keys()


ABOUT = _("About the application")
SECTIONS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    ("", (
        Field("client_name", _("Name"), TEXT,
              _("Shown to users when they are asked to allow access.")),
        Field("client_uri", _("Home page"), TEXT),
        Field("application_type", _("Kind of application"), ONE,
              options=lambda p: ("web", "native"), unsaid=_("Determined by its redirect URIs")),
        Field("redirect_uris", _("Redirect URIs"), URIS,
              _("One per line, exactly as the application sends them.")),
        Field("scope", _("Scopes"), SCOPES, options=lambda p: p.scopes),
        Field("grant_types", _("Grant types"), SEVERAL, options=lambda p: p.grant_types),
        Field("response_types", _("Response types"), SEVERAL,
              _("The responses of the authorization endpoint; none for applications without "
                "users."),
              options=lambda p: sorted(p.response_types)),
        Field("authorization_details_types", _("Types of authorization details"), SEVERAL,
              _("The rights that it may ask users for in detail."),
              options=lambda p: p.authorization_details_types),
        Field("token_endpoint_auth_method", _("How the application authenticates"), ONE,
              options=lambda p: p.client_authentication_methods),
    )),
    (_("Security and keys"), (
        Field("profile", _("Profile"), ONE,
              _("Its rules apply to this application only."),
              options=client_profiles, unsaid=_("As set in oauth.profile")),
        Field("require_pkce", _("PKCE"), MAYBE,
              _("A public application has to use it in any case."),
              unsaid=_("As set in oauth.pkce_required")),
        Field("jwks", _("Public keys (JWK Set)"), JSON,
              _("For private_key_jwt, signed requests and encryption: the keys, or below the "
                "address where they are fetched.")),
        Field("jwks_uri", _("Address of the public keys"), TEXT),
        _algorithm("token_endpoint_auth_signing_alg", _("Signing algorithm of its assertions"),
                   "token_endpoint_auth_signing_alg_values_supported", _("Any algorithm")),
        Field("require_pushed_authorization_requests", _("Accept pushed requests only"), FLAG),
        Field("require_signed_request_object", _("Accept signed requests only"), FLAG),
        _algorithm("request_object_signing_alg", _("Signing algorithm of its requests"),
                   "request_object_signing_alg_values_supported", _("Any algorithm")),
        _algorithm("request_object_encryption_alg", _("Encryption algorithm of its requests"),
                   "request_object_encryption_alg_values_supported", _("Any algorithm, or none")),
        _algorithm("request_object_encryption_enc", _("Content encryption of its requests"),
                   "request_object_encryption_enc_values_supported", _("Default of the standard")),
        Field("request_uris", _("Addresses of its request objects"), URIS, _("One per line.")),
        Field("dpop_bound_access_tokens", _("Its tokens are bound to its key, by DPoP"), FLAG,
              options=_bound_by("dpop")),
        Field("tls_client_certificate_bound_access_tokens",
              _("Its tokens are bound to its TLS certificate"), FLAG, options=_bound_by("mtls")),
        Field("tls_client_auth_subject_dn", _("Subject of its TLS certificate"), TEXT,
              _("For tls_client_auth: this, or one of the four names below."),
              options=_has_certificate),
        Field("tls_client_auth_san_dns", _("DNS name in its TLS certificate"), TEXT,
              options=_has_certificate),
        Field("tls_client_auth_san_uri", _("URI in its TLS certificate"), TEXT,
              options=_has_certificate),
        Field("tls_client_auth_san_ip", _("IP address in its TLS certificate"), TEXT,
              options=_has_certificate),
        Field("tls_client_auth_san_email", _("Email address in its TLS certificate"), TEXT,
              options=_has_certificate),
    )),
    (_("ID tokens and claims"), (
        Field("id_token_claims", _("Claims in ID tokens"), ONE,
              _("This is about ID tokens from the token endpoint."),
              options=lambda p: ID_TOKEN_CLAIMS, unsaid=_("As set in oidc.id_token_claims")),
        Field("subject_type", _("How it identifies a user"), ONE,
              options=_promised("subject_types_supported")),
        Field("sector_identifier_uri", _("Address of its list of redirect URIs (sector)"), TEXT,
              _("Applications of one sector know a user by the same pairwise subject.")),
        _algorithm("id_token_signed_response_alg", _("Signing algorithm of ID tokens"),
                   "id_token_signing_alg_values_supported"),
        _algorithm("id_token_encrypted_response_alg", _("Encryption algorithm of ID tokens"),
                   "id_token_encryption_alg_values_supported", _("Not encrypted")),
        _algorithm("id_token_encrypted_response_enc", _("Content encryption of ID tokens"),
                   "id_token_encryption_enc_values_supported", _("Default of the standard")),
        _algorithm("userinfo_signed_response_alg", _("Signing algorithm of UserInfo"),
                   "userinfo_signing_alg_values_supported", _("Not signed")),
        _algorithm("userinfo_encrypted_response_alg", _("Encryption algorithm of UserInfo"),
                   "userinfo_encryption_alg_values_supported", _("Not encrypted")),
        _algorithm("userinfo_encrypted_response_enc", _("Content encryption of UserInfo"),
                   "userinfo_encryption_enc_values_supported", _("Default of the standard")),
    )),
    (_("Signed responses"), (
        _algorithm("authorization_signed_response_alg",
                   _("Signing algorithm of authorization responses"),
                   "authorization_signing_alg_values_supported", _("Default of the standard")),
        _algorithm("authorization_encrypted_response_alg",
                   _("Encryption algorithm of authorization responses"),
                   "authorization_encryption_alg_values_supported", _("Not encrypted")),
        _algorithm("authorization_encrypted_response_enc",
                   _("Content encryption of authorization responses"),
                   "authorization_encryption_enc_values_supported", _("Default of the standard")),
        _algorithm("introspection_signed_response_alg", _("Signing algorithm of introspection"),
                   "introspection_signing_alg_values_supported", _("Default of the standard")),
        _algorithm("introspection_encrypted_response_alg",
                   _("Encryption algorithm of introspection"),
                   "introspection_encryption_alg_values_supported", _("Not encrypted")),
        _algorithm("introspection_encrypted_response_enc", _("Content encryption of introspection"),
                   "introspection_encryption_enc_values_supported", _("Default of the standard")),
    )),
    (_("Signing in and out"), (
        Field("initiate_login_uri", _("Address where a sign-in begins"), TEXT),
        Field("default_max_age", _("Maximum age of a sign-in, in seconds"), NUMBER),
        Field("require_auth_time", _("ID tokens say when the user signed in"), FLAG),
        Field("default_acr_values", _("Authentication context classes"), TEXTS, _("One per line.")),
        Field("post_logout_redirect_uris", _("Addresses after sign-out"), URIS, _("One per line.")),
        Field("backchannel_logout_uri", _("Back-channel logout address"), TEXT),
        Field("backchannel_logout_session_required", _("Back-channel logout names the session"),
              FLAG),
        Field("frontchannel_logout_uri", _("Front-channel logout address"), TEXT),
        Field("frontchannel_logout_session_required", _("Front-channel logout names the session"),
              FLAG),
    )),
    (_("Requests to a user's own device (CIBA)"), (
        Field("backchannel_token_delivery_mode", _("How it learns of the user's decision"), ONE,
              options=_promised("backchannel_token_delivery_modes_supported"),
              unsaid=_("It asks regularly")),
        Field("backchannel_client_notification_endpoint", _("Address where it is notified"), TEXT,
              options=_promised("backchannel_token_delivery_modes_supported")),
        _algorithm("backchannel_authentication_request_signing_alg",
                   _("Signing algorithm of its requests"),
                   "backchannel_authentication_request_signing_alg_values_supported",
                   _("Not signed, or any algorithm")),
    )),
    (ABOUT, (
        Field("logo_uri", _("Logo"), TEXT),
        Field("policy_uri", _("Privacy policy"), TEXT),
        Field("tos_uri", _("Terms of service"), TEXT),
        Field("contacts", _("Contacts"), TEXTS, _("One per line, such as an email address.")),
        Field("software_id", _("Identifier of the software"), TEXT),
        Field("software_version", _("Version of the software"), TEXT),
    )),
    (_("For administrators"), (
        Field("allowed_groups", _("Groups whose members may use it"), TEXTS,
              _("One per line; none means every user."), column=True),
        Field("skip_consent",
              _("An application of your own: users are not asked for consent"), FLAG, column=True),
        Field("access_token_format", _("Format of access tokens"), ONE,
              options=lambda p: p.access_token_formats,
              unsaid=_("As set in oauth.access_token_format"), column=True),
        Field("resource_server",
              _("A resource server: it may introspect the tokens of every client"), FLAG,
              column=True),
    )),
)  # fmt: skip

FIELDS: dict[str, Field] = {field.name: field for _, fields in SECTIONS for field in fields}
COLUMNS = frozenset(field.name for field in FIELDS.values() if field.column)


def sections(provider: Provider, *, columns: bool = True) -> list[tuple[str, list[Field]]]:
    """Return the fields by section; the last section has the members that plugins add.

    Fields without options here are omitted, and without ``columns`` those for administrators. The
    software statement is omitted: only a registration verifies it (RFC 7591 section 2.3).
    """
    found = [
        (title, [field for field in fields if _is_available(provider, field, columns)])
        for title, fields in SECTIONS
    ]
    more = [
        Field(name, name, JSON)
        for name in known_members(provider)
        if name not in FIELDS and name != STATEMENT
    ]
    return [(title, fields) for title, fields in (*found, (_("More"), more)) if fields]


def _is_available(provider: Provider, field: Field, columns: bool) -> bool:
    if field.column:
        return columns
    return field.options is None or any(True for _ in field.options(provider))
