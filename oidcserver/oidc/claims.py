"""Claims about a user, in ID tokens and UserInfo (OpenID Connect Core section 5)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from oidcserver.interfaces import DirectoryUser, User
from oidcserver.models import AuthorizationRecord
from oidcserver.oidc import groups
from oidcserver.oidc.claim_types import (
    ACCESS_TOKEN,
    ID_TOKEN,
    SETTING,
    USERINFO,
    claim_problem,
    is_for,
)
from oidcserver.oidc.languages import LOCALES, in_languages, plain_name
from oidcserver.types import Configurator, Provider, Registry, Request

#: The claims that the provider sets itself; no directory, source or scope can set them.
PROTOCOL_CLAIMS = frozenset(
    {
        "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "auth_time", "nonce", "acr", "amr", "azp",
        "at_hash", "c_hash", "s_hash", "sid", "events", "cnf", "act",
    }
)  # fmt: skip
MEMBERS = ("userinfo", "id_token")


def userinfo_claims(
    request: Request, authorization: AuthorizationRecord, user: User, scopes: Iterable[str]
) -> dict[str, Any]:
    """Return the claims of a UserInfo response, except ``sub``.

    These are the claims of the scopes (section 5.4) and those that the claims parameter requests
    for UserInfo (section 5.5).
    """
    asked = authorization.claims_request or {}
    names = [*_names_of(request.oidc.provider, scopes), *asked.get("userinfo", ())]
    return _release(request, user, names, asked.get(LOCALES, ()), USERINFO)


def claims_of_id_token(
    request: Request,
    authorization: AuthorizationRecord,
    user: User,
    scopes: Iterable[str] = (),
    *,
    of_scopes: bool = False,
    alone: bool = False,
) -> dict[str, Any]:
    """Return the claims about a user in an ID token.

    These are the claims that the claims parameter requests, and those claims of ``scopes`` that
    ``oidc.claims`` declares to be in ID tokens.

    :param of_scopes: whether it has the other claims of the scopes too.
    :param alone: whether no access token is issued, so that UserInfo cannot be asked: the ID token
        also has the claims that the claims parameter requests from UserInfo.
    """
    asked = authorization.claims_request or {}
    provider = request.oidc.provider
    own = provider.settings[SETTING]
    names = [*asked.get("id_token", ())]
    if of_scopes or own:
        names += [
            name
            for name in _names_of(provider, scopes)
            if of_scopes or (name in own and ID_TOKEN in own[name].places)
        ]
    if alone:
        names += asked.get("userinfo", ())
    return _release(request, user, names, asked.get(LOCALES, ()), ID_TOKEN)


def scope_claims(request: Request, user: User, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the known claims of the scopes (section 5.4)."""
    return _release(request, user, _names_of(request.oidc.provider, scopes), (), USERINFO)


def access_token_claims(request: Request, user: User, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the claims of the scopes that ``oidc.claims`` declares to be in access tokens:
    ``request.oidc.access_token_claims``."""
    provider = request.oidc.provider
    names = [name for name in provider.settings[SETTING] if is_for(provider, name, ACCESS_TOKEN)]
    if not names:
        return {}
    granted = set(_names_of(provider, scopes))
    return _release(request, user, [it for it in names if it in granted], (), ACCESS_TOKEN)


def claims_beyond_scopes(
    provider: Provider, claims_request: Mapping[str, Any] | None, scopes: Iterable[str]
) -> list[str]:
    """Return the names of the requested claims about the user that the scopes do not include."""
    asked = claims_request or {}
    names = (plain_name(name) for member in MEMBERS for name in asked.get(member, ()))
    covered = PROTOCOL_CLAIMS.union(_names_of(provider, scopes))
    return [name for name in dict.fromkeys(names) if name not in covered]


def narrow_claims_request(
    provider: Provider,
    claims_request: dict[str, Any] | None,
    scopes: Iterable[str],
    allowed: Collection[str],
) -> dict[str, Any] | None:
    """Remove the claims that the user did not allow, neither by the scopes nor by name."""
    denied = set(claims_beyond_scopes(provider, claims_request, scopes)).difference(allowed)
    if claims_request is None or not denied:
        return claims_request
    narrowed = {
        member: {
            name: wish
            for name, wish in claims_request.get(member, {}).items()
            if plain_name(name) not in denied
        }
        for member in MEMBERS
    }
    return {**claims_request, **narrowed}


def wanted_values(
    claims_request: Mapping[str, Any] | None, member: str, name: str
) -> Sequence[Any]:
    """Return the requested values of a claim in order of preference; empty for any value."""
    wish = (claims_request or {}).get(member, {}).get(name) or {}
    return [*([wish["value"]] if "value" in wish else []), *wish.get("values", [])]


def _names_of(provider: Provider, scopes: Iterable[str]) -> list[str]:
    offered = provider.scopes
    return [name for scope in scopes if scope in offered for name in offered[scope].claims]


def _release(
    request: Request, user: User, names: Sequence[str], locales: Sequence[str], place: str
) -> dict[str, Any]:
    """Return the named claims that are known and released at a place, in the requested
    languages."""
    provider = request.oidc.provider
    if provider.settings[SETTING]:
        names = [name for name in names if is_for(provider, plain_name(name), place)]
    wanted = frozenset(map(plain_name, names)).intersection(provider.claim_names)
    if not wanted:
        return {}
    known = _read(request, user, wanted)
    if not locales and wanted.issuperset(names):  # no claim is asked for in a language
        return {name: known[name] for name in names if name in known}
    released: dict[str, Any] = {}
    for name in names:
        released.update(in_languages(known, name, locales))
    return released


def known_claims(request: Request, user: User) -> dict[str, Any]:
    """Return the claims of the user directory.

    A directory with the method ``claims`` is asked; otherwise the stored claims of the user count.
    The user name replaces a missing ``preferred_username`` or ``name``.

    :raises oidcserver.interfaces.DirectoryUnavailable: if the directory does not answer.
    """
    provider = request.oidc.provider
    claims, read = user.claims, getattr(provider.user_directory, "claims", None)
    if read is not None and user.realm == provider.realm:
        claims = read(request, DirectoryUser(user.external_id, user.username, user.claims))
    return {
        "preferred_username": user.username,
        "name": user.username,
        "updated_at": user.updated_at,
        **claims,
    }


def _read(request: Request, user: User, wanted: frozenset[str]) -> dict[str, Any]:
    """Return the wanted claims that a relying party can use."""
    known = {
        key: value
        for key, value in _known(request, user, wanted).items()
        if plain_name(key) in wanted
    }
    groups.leave_out_if_too_many(request, user, known)
    provider = request.oidc.provider
    usable = ((key, _usable(provider, plain_name(key), value)) for key, value in known.items())
    return {key: value for key, value in usable if value is not None}


def all_groups(request: Request, user: User) -> frozenset[str]:
    """Return the groups of a user, however many, whether or not a scope releases them.

    :raises oidcserver.interfaces.DirectoryUnavailable: if the directory does not answer.
    """
    return frozenset(_known(request, user, frozenset({groups.GROUPS}))[groups.GROUPS])


def _known(request: Request, user: User, wanted: frozenset[str]) -> dict[str, Any]:
    """Read the directory, then the sources; a later source overrides earlier ones.

    The stored groups of a user are added to those.
    """
    provider = request.oidc.provider
    known = known_claims(request, user)
    for source in provider.claims_sources.values():
        names = wanted.intersection(source.claims)
        if names:
            more = source.read(request, user, names)
            known.update({key: more[key] for key in more if plain_name(key) in names})
    if not groups.CLAIMS.isdisjoint(wanted):
        groups.add_stored(request, user, known)
    return known


def _usable(provider: Provider, name: str, value: Any) -> Any:
    """Return a value that a relying party can use, or None.

    Claims without a value are left out, never null or empty (section 5.3.2), and so are claims of a
    wrong type: standard claims (section 5.1), and those that ``oidc.claims`` declares.
    """
    if isinstance(value, dict):
        value = {member: held for member, held in value.items() if held not in (None, "")}
    if value is None or value in ("", {}, []):
        return None
    return value if claim_problem(provider, name, value) is None else None


def claims_supported(provider: Provider) -> list[str]:
    """Return the names of all offered claims and of those of the protocol."""
    return ["sub", "iss", "auth_time", "acr", *provider.claim_names]


def _reject_protocol_claims(registry: Registry) -> str | None:
    taken = sorted(PROTOCOL_CLAIMS.intersection(registry.oidc.provider.claim_names))
    if not taken:
        return None
    return f"A scope or a claims source offers {', '.join(taken)}, which only the provider may set."


def includeme(config: Configurator) -> None:
    """Add the check, the metadata and ``request.oidc.access_token_claims``."""
    config.add_oidc_method(access_token_claims)
    config.add_startup_check("claims", _reject_protocol_claims)
    config.add_server_metadata("claims_supported", claims_supported)
    config.add_server_metadata("claim_types_supported", ["normal"])
