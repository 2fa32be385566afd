"""Merges the parameters of a request object with those beside it.

By OpenID Connect Core section 6, the parameters inside supersede those outside. By RFC 9101 section
5, only the parameters inside are used.
"""

import json
from collections.abc import Mapping
from typing import Any

from oidcserver.extensions.request_object.verification import (
    RequestObject,
    invalid_request_object,
)
from oidcserver.http.request_guard import MAX_PARAMETER_BYTES
from oidcserver.keys.jwt import REGISTERED_CLAIMS
from oidcserver.oauth.errors import invalid_request
from oidcserver.oauth.requests import MAX_PARAMETERS, REPEATABLE, Payload

#: Claims about the JWT (RFC 7519 section 4.1); every other member is a parameter.
_CORE = "OpenID Connect Core section 6.1"


def merge(outer: Payload, request_object: RequestObject, *, inside_only: bool) -> Payload:
    """Return the effective parameters.

    :param outer: the parameters beside the object, none repeated, with a ``client_id``.
    :param inside_only: whether to ignore those (RFC 9101).
    :raises Rejection: ``invalid_request_object`` or ``invalid_request``, if the two contradict
        each other or a required parameter is missing.
    """
    claims = request_object.claims
    inner = _parameters(claims)
    _check_client_id(outer, claims, required=inside_only)
    if inside_only:
        return Payload(inner)
    _check_required_outside(outer, inner)
    superseded = {name for name, _ in inner} | {"request", "request_uri"}
    pairs = [
        (name, value)
        for name, values in outer.datalist.items()
        for value in values
        if name not in superseded
    ]
    return Payload(pairs + inner)


def as_text(value: Any) -> str:
    """Return a JSON value as the text of a parameter; null is the same as no parameter.

    Text stays as it is, a number becomes its digits, and an object such as ``claims`` or a list
    becomes JSON.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parameters(claims: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names and values of the parameters inside."""
    pairs = []
    for name, value in claims.items():
        if name in REGISTERED_CLAIMS:
            continue
        several = name in REPEATABLE and isinstance(value, list)
        pairs += [(name, as_text(item)) for item in (value if several else [value])]
    if len(pairs) > MAX_PARAMETERS:
        raise invalid_request_object("The request object holds too many parameters.", _CORE)
    if any(len(text.encode()) > MAX_PARAMETER_BYTES for pair in pairs for text in pair):
        raise invalid_request_object(
            f"The request object holds a parameter of more than {MAX_PARAMETER_BYTES} bytes.", _CORE
        )
    return [(name, text) for name, text in pairs if text]


def _check_client_id(outer: Payload, claims: Mapping[str, Any], *, required: bool) -> None:
    inside = claims.get("client_id")
    if inside is None and required:
        raise invalid_request_object("The request object has no client_id.", "RFC 9101 section 4")
    if inside not in (None, outer.data["client_id"]):
        raise invalid_request_object(
            "The client_id of the request object differs from the one beside it.", _CORE
        )


def _check_required_outside(outer: Payload, inner: list[tuple[str, str]]) -> None:
    """Require the parameters that OAuth and OpenID Connect require outside the object."""
    inside = dict(inner)
    if "response_type" not in outer.data:
        raise invalid_request("The response_type has to be beside the request object too.", _CORE)
    response_types = {
        " ".join(sorted(parameters["response_type"].split()))
        for parameters in (outer.data, inside)
        if "response_type" in parameters
    }
    if len(response_types) > 1:
        raise invalid_request_object(
            "The response_type of the request object differs from the one beside it.", _CORE
        )
    openid_inside = "openid" in inside.get("scope", "").split()
    if openid_inside and "openid" not in outer.data.get("scope", "").split():
        raise invalid_request("The scope openid has to be beside the request object too.", _CORE)
