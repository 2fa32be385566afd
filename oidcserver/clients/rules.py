"""The rules of client metadata as a whole, for the command line, the pages and an endpoint."""

import re
from collections.abc import Mapping
from typing import Any

from oidcserver.clients.cross_rules import CROSS_RULES
from oidcserver.clients.members import LOCALISED, RULES
from oidcserver.clients.problems import InvalidClientMetadata, Problems
from oidcserver.clients.uris import implied_application_type
from oidcserver.clients.values import Rule, promised
from oidcserver.models.registered_client import DEFAULTS
from oidcserver.types import Provider

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
MAX_LOCALISED = 40


def validate_client_metadata(provider: Provider, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client metadata to store: known members, checked, with the defaults.

    Unknown members are left out (RFC 7591 section 2), and so are empty ones and those that are
    null, which means the same (RFC 7592 section 2.2).

    :raises InvalidClientMetadata: with the first mistake and its member, and all others.
    """
    if not isinstance(metadata, Mapping):
        raise InvalidClientMetadata("", "The metadata are not an object.")
    rules, problems = _rules(provider), Problems()
    checked = {
        name: problems.call(_check, provider, rules[_base(name)], name, value)
        for name, value in metadata.items()
        if isinstance(name, str) and value is not None and _base(name) in rules
    }
    problems.reject()
    if sum("#" in name for name in checked) > MAX_LOCALISED:
        raise InvalidClientMetadata("client_name", "There are too many languages.")
    complete = {**_defaults(provider), **{n: v for n, v in checked.items() if v != ""}}
    if not checked.get("application_type"):
        complete["application_type"] = implied_application_type(complete["redirect_uris"])
    if "profile" in complete:
        problems.call(_apply_profile, provider, rules, checked, complete)
    for rule in CROSS_RULES:
        problems.call(rule, provider, complete)
    problems.reject()
    return complete


def _apply_profile(
    provider: Provider,
    rules: Mapping[str, Rule],
    sent: Mapping[str, Any],
    metadata: dict[str, Any],
) -> None:
    """Complete and check the metadata of a client that has a profile for itself.

    A profile replaces defaults, and nothing that the client sent. What it sets has to be available.
    """
    name, before = metadata["profile"], dict(metadata)
    provider.catalog.offers("profile")[name].value.client(provider, metadata)
    for member, value in metadata.items():
        if before.get(member) == value or member not in rules:
            continue
        if sent.get(member):
            raise InvalidClientMetadata(
                member, f"The profile {name} requires another {member}, such as {value}."
            )
        try:
            rules[member](value, provider)
        except ValueError as problem:
            raise InvalidClientMetadata(
                member, f"The profile {name} sets {member}, which {problem}."
            ) from None


def _base(name: str) -> str:
    base, separator, language = name.partition("#")
    if separator and not (base in LOCALISED and _LANGUAGE.fullmatch(language)):
        return ""
    return base


def known_members(provider: Provider) -> list[str]:
    """Return the names of the members that clients may register here."""
    return list(_rules(provider))


def _rules(provider: Provider) -> dict[str, Rule]:
    offers = provider.catalog.offers("client metadata member")
    return {**RULES, **{name: offer.value for name, offer in offers.items()}}


def _check(provider: Provider, rule: Rule, name: str, value: Any) -> Any:
    try:
        return rule(value, provider)
    except ValueError as problem:
        raise InvalidClientMetadata(name, f"{name} {problem}.") from None


def _defaults(provider: Provider) -> dict[str, Any]:
    """Return the standard's defaults, or the first method or algorithm that is available."""
    defaults = dict(DEFAULTS)
    for member, available in (
        ("token_endpoint_auth_method", list(provider.client_authentication_methods)),
        (
            "id_token_signed_response_alg",
            promised(provider, "id_token_signing_alg_values_supported"),
        ),
    ):
        if available and defaults[member] not in available:
            defaults[member] = available[0]
    return defaults
