"""The members of a client that an operator edits: one table for the commands and the pages.

A field is a member of client metadata, or a column of the client that clients cannot register
themselves. A member of a plugin (``add_client_metadata_member``) is a field too, given as JSON.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oidcserver.clients.members import (
    ID_TOKEN_CLAIMS,
    LOCALISED,
    boolean,
    client_profiles,
    promised,
)
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.rules import known_members
from oidcserver.clients.software_statement import MEMBER as STATEMENT
from oidcserver.models import Client
from oidcserver.settings import nearest
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


ABOUT = "About the application"
SECTIONS: tuple[tuple[str, tuple[Field, ...]], ...] = (
    ("", (
        Field("client_name", "Name", TEXT, "Users read it when they are asked to allow access."),
        Field("client_uri", "Home page", TEXT),
        Field("application_type", "Kind of application", ONE,
              options=lambda p: ("web", "native"), unsaid="As its redirect URIs say"),
        Field("redirect_uris", "Redirect URIs", URIS,
              "One per line, exactly as the application sends them."),
        Field("scope", "Scopes", SCOPES, options=lambda p: p.scopes),
        Field("grant_types", "Grant types", SEVERAL, options=lambda p: p.grant_types),
        Field("response_types", "Response types", SEVERAL,
              "The responses of the authorization endpoint; none for applications without users.",
              options=lambda p: sorted(p.response_types)),
        Field("authorization_details_types", "Types of authorization details", SEVERAL,
              "The rights that it may ask users for in detail.",
              options=lambda p: p.authorization_details_types),
        Field("token_endpoint_auth_method", "How the application authenticates", ONE,
              options=lambda p: p.client_authentication_methods),
    )),
    ("Security and keys", (
        Field("profile", "Profile", ONE,
              "Its rules hold for this application alone.",
              options=client_profiles, unsaid="As oauth.profile says"),
        Field("require_pkce", "PKCE", MAYBE,
              "A public application has to use it in any case.",
              unsaid="As oauth.pkce_required says"),
        Field("jwks", "Public keys (JWK Set)", JSON,
              "For private_key_jwt, signed requests and encryption: the keys, or below the address "
              "where they are fetched."),
        Field("jwks_uri", "Address of the public keys", TEXT),
        _algorithm("token_endpoint_auth_signing_alg", "Its assertions are signed with",
                   "token_endpoint_auth_signing_alg_values_supported", "Any algorithm"),
        Field("require_pushed_authorization_requests", "Accept pushed requests only", FLAG),
        Field("require_signed_request_object", "Accept signed requests only", FLAG),
        _algorithm("request_object_signing_alg", "Its requests are signed with",
                   "request_object_signing_alg_values_supported", "Any algorithm"),
        _algorithm("request_object_encryption_alg", "Its requests are encrypted by",
                   "request_object_encryption_alg_values_supported", "Any algorithm, or none"),
        _algorithm("request_object_encryption_enc", "Content encryption of its requests",
                   "request_object_encryption_enc_values_supported", "As the standard says"),
        Field("request_uris", "Addresses of its request objects", URIS, "One per line."),
        Field("dpop_bound_access_tokens", "Its tokens are bound to its key, by DPoP", FLAG,
              options=_bound_by("dpop")),
        Field("tls_client_certificate_bound_access_tokens",
              "Its tokens are bound to its TLS certificate", FLAG, options=_bound_by("mtls")),
        Field("tls_client_auth_subject_dn", "Subject of its TLS certificate", TEXT,
              "For tls_client_auth: this, or one of the four names below.",
              options=_has_certificate),
        Field("tls_client_auth_san_dns", "DNS name in its TLS certificate", TEXT,
              options=_has_certificate),
        Field("tls_client_auth_san_uri", "URI in its TLS certificate", TEXT,
              options=_has_certificate),
        Field("tls_client_auth_san_ip", "IP address in its TLS certificate", TEXT,
              options=_has_certificate),
        Field("tls_client_auth_san_email", "E-mail address in its TLS certificate", TEXT,
              options=_has_certificate),
    )),
    ("ID tokens and claims", (
        Field("id_token_claims", "Claims in ID tokens", ONE,
              "This is about ID tokens from the token endpoint.",
              options=lambda p: ID_TOKEN_CLAIMS, unsaid="As oidc.id_token_claims says"),
        Field("subject_type", "How it knows a user", ONE,
              options=_promised("subject_types_supported")),
        Field("sector_identifier_uri", "Address of its list of redirect URIs (sector)", TEXT,
              "Applications of one sector know a user by the same pairwise subject."),
        _algorithm("id_token_signed_response_alg", "ID tokens are signed with",
                   "id_token_signing_alg_values_supported"),
        _algorithm("id_token_encrypted_response_alg", "ID tokens are encrypted by",
                   "id_token_encryption_alg_values_supported", "Not encrypted"),
        _algorithm("id_token_encrypted_response_enc", "Content encryption of ID tokens",
                   "id_token_encryption_enc_values_supported", "As the standard says"),
        _algorithm("userinfo_signed_response_alg", "UserInfo is signed with",
                   "userinfo_signing_alg_values_supported", "Not signed"),
        _algorithm("userinfo_encrypted_response_alg", "UserInfo is encrypted by",
                   "userinfo_encryption_alg_values_supported", "Not encrypted"),
        _algorithm("userinfo_encrypted_response_enc", "Content encryption of UserInfo",
                   "userinfo_encryption_enc_values_supported", "As the standard says"),
    )),
    ("Signed answers", (
        _algorithm("authorization_signed_response_alg",
                   "Answers to authorization requests are signed with",
                   "authorization_signing_alg_values_supported", "As the standard says"),
        _algorithm("authorization_encrypted_response_alg", "They are encrypted by",
                   "authorization_encryption_alg_values_supported", "Not encrypted"),
        _algorithm("authorization_encrypted_response_enc", "Content encryption of these answers",
                   "authorization_encryption_enc_values_supported", "As the standard says"),
        _algorithm("introspection_signed_response_alg", "Introspection is signed with",
                   "introspection_signing_alg_values_supported", "As the standard says"),
        _algorithm("introspection_encrypted_response_alg", "Introspection is encrypted by",
                   "introspection_encryption_alg_values_supported", "Not encrypted"),
        _algorithm("introspection_encrypted_response_enc", "Content encryption of introspection",
                   "introspection_encryption_enc_values_supported", "As the standard says"),
    )),
    ("Signing in and out", (
        Field("initiate_login_uri", "Address where a sign-in begins", TEXT),
        Field("default_max_age", "Maximum age of a sign-in, in seconds", NUMBER),
        Field("require_auth_time", "ID tokens say when the user signed in", FLAG),
        Field("default_acr_values", "Authentication context classes", TEXTS, "One per line."),
        Field("post_logout_redirect_uris", "Addresses after sign-out", URIS, "One per line."),
        Field("backchannel_logout_uri", "Back-channel logout address", TEXT),
        Field("backchannel_logout_session_required", "Back-channel logout names the session", FLAG),
        Field("frontchannel_logout_uri", "Front-channel logout address", TEXT),
        Field("frontchannel_logout_session_required", "Front-channel logout names the session",
              FLAG),
    )),
    ("Requests to a user's own device (CIBA)", (
        Field("backchannel_token_delivery_mode", "How it learns of the user's decision", ONE,
              options=_promised("backchannel_token_delivery_modes_supported"),
              unsaid="It asks regularly"),
        Field("backchannel_client_notification_endpoint", "Address where it is notified", TEXT,
              options=_promised("backchannel_token_delivery_modes_supported")),
        _algorithm("backchannel_authentication_request_signing_alg", "Its requests are signed with",
                   "backchannel_authentication_request_signing_alg_values_supported",
                   "Not signed, or any algorithm"),
    )),
    (ABOUT, (
        Field("logo_uri", "Logo", TEXT),
        Field("policy_uri", "Privacy policy", TEXT),
        Field("tos_uri", "Terms of service", TEXT),
        Field("contacts", "Contacts", TEXTS, "One per line, such as an e-mail address."),
        Field("software_id", "Identifier of the software", TEXT),
        Field("software_version", "Version of the software", TEXT),
    )),
    ("For administrators", (
        Field("access_token_format", "Format of access tokens", ONE,
              options=lambda p: p.access_token_formats, unsaid="As oauth.access_token_format says",
              column=True),
        Field("resource_server", "A resource server: it may introspect the tokens of every client",
              FLAG, column=True),
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
    return [(title, fields) for title, fields in (*found, ("More", more)) if fields]


def _is_available(provider: Provider, field: Field, columns: bool) -> bool:
    if field.column:
        return columns
    return field.options is None or any(True for _ in field.options(provider))


def split_columns(
    provider: Provider, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the members of client metadata, unchecked, and the columns, checked.

    :raises InvalidClientMetadata: with the column and the mistake.
    """
    metadata = {name: value for name, value in given.items() if name not in COLUMNS}
    columns = {name: value for name, value in given.items() if name in COLUMNS}
    return metadata, _check_columns(provider, columns)


def _check_columns(provider: Provider, values: Mapping[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    name = "access_token_format"
    if checked.get(name) not in (None, *provider.access_token_formats):
        offered = ", ".join(provider.access_token_formats)
        raise InvalidClientMetadata(name, f"{name} is not one of {offered}.")
    name = "resource_server"
    if name in checked:
        try:
            checked[name] = boolean(checked[name] or False, provider)
        except ValueError as problem:
            raise InvalidClientMetadata(name, f"{name} {problem}.") from None
    return checked


def column_values(client: Client) -> dict[str, Any]:
    """Return the columns of a client by name."""
    return {name: getattr(client, name) for name in sorted(COLUMNS)}


def set_columns(client: Client, columns: Mapping[str, Any]) -> None:
    """Set columns that were checked."""
    for name, value in columns.items():
        setattr(client, name, value)


def reject_unknown(provider: Provider, names: Iterable[str]) -> None:
    """Reject a name that is not a field.

    :raises InvalidClientMetadata: with the nearest name that there is.
    """
    known = [*known_members(provider), *sorted(COLUMNS)]
    for name in names:
        base, tagged, _ = name.partition("#")
        if base in known and (not tagged or base in LOCALISED):
            continue
        near = nearest(base, known)
        raise InvalidClientMetadata(name, f"There is no member {_plain(name)}.{near}")


def _plain(name: str) -> str:
    """Return a name without the characters that an error description may not have."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in name)
