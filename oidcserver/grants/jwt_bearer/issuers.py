"""The issuers of ``oauth.trusted_issuers``, whose assertions are accepted as grants (RFC 7523)."""

from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import KeySet

from oidcserver.http.outbound import OutboundFetchError
from oidcserver.keys.jwk_set import public_key_set
from oidcserver.keys.jwt import CLIENT_ALGORITHMS, InvalidJWT
from oidcserver.keys.strict_json import parse_text
from oidcserver.oauth.waiting import waiting_for_a_host
from oidcserver.settings import ReferenceProblem
from oidcserver.types import OPERATOR, Request

SETTING = "oauth.trusted_issuers"
#: A plain assertion (RFC 7523 section 2.1), and an Identity Assertion JWT Authorization Grant.
JWT, ID_JAG = "jwt", "id-jag"
_KINDS = (JWT, ID_JAG)
_SHAPE = (
    "lines of an issuer, the https URL or the file of its JWK Set, and options: "
    f"accepts={','.join(_KINDS)} algs={','.join(CLIENT_ALGORITHMS)} realm=NAME"
)


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer, its keys, and the accounts that its subjects are."""

    issuer: str
    #: An https URL, or the path of a file.
    jwks: str
    #: The kinds of assertions that are accepted.
    accepts: tuple[str, ...]
    algorithms: tuple[str, ...]
    #: The realm of the accounts whose ``external_id`` is the ``sub``.
    realm: str
    #: The keys of a file, which was read at the start.
    keys: KeySet | None = None

    def __str__(self) -> str:
        accepts, algs = ",".join(self.accepts), ",".join(self.algorithms)
        return f"{self.issuer} {self.jwks} accepts={accepts} algs={algs} realm={self.realm}"

    def find_keys(self, request: Request, kid: str | None) -> KeySet:
        """Return the public keys of the issuer.

        If they may be fetched, the transaction ends (see :func:`waiting_for_a_host`).

        :raises InvalidJWT: if they cannot be fetched.
        :raises Rejection: ``temporarily_unavailable``, if too many requests wait already.
        """
        if self.keys is not None:
            return self.keys
        try:
            with waiting_for_a_host(request):
                return request.registry.oidc.remote_jwks.keys(self.jwks, kid, OPERATOR)
        except OutboundFetchError as problem:
            raise InvalidJWT(f"the keys of its issuer cannot be fetched ({problem})") from None


def trusted_issuers(raw: str) -> tuple[TrustedIssuer, ...]:
    """Return trusted issuers, one a line: ``ISSUER JWKS``, and options as ``realm=NAME``."""
    issuers: dict[str, TrustedIssuer] = {}
    for line in filter(None, map(str.split, raw.splitlines())):
        if len(line) < 2:
            raise ValueError(_SHAPE)
        issuer, jwks, *rest = line
        pairs = [word.partition("=") for word in rest]
        options = {name: value for name, _, value in pairs}
        known = options.keys() <= {"accepts", "algs", "realm"} and all(options.values())
        if not known or len(options) < len(rest) or issuer in issuers:
            raise ValueError(f"{_SHAPE}; each issuer once")
        issuers[issuer] = TrustedIssuer(
            issuer,
            jwks,
            _some_of(_KINDS, options.get("accepts")),
            _some_of(CLIENT_ALGORITHMS, options.get("algs")),
            options.get("realm", issuer),
            _keys_of(jwks),
        )
    return tuple(issuers.values())


def _some_of(known: tuple[str, ...], option: str | None) -> tuple[str, ...]:
    chosen = known if option is None else tuple(option.split(","))
    if not set(chosen) <= set(known):
        raise ValueError(_SHAPE)
    return chosen


def _keys_of(jwks: str) -> KeySet | None:
    """Return the keys of a file; None for a URL."""
    if jwks.startswith("https://"):
        return None
    try:
        return public_key_set(parse_text(Path(jwks).expanduser().read_text()))
    except OSError as problem:
        hint = "; a URL begins with https://" if "://" in jwks else ""
        raise ReferenceProblem(
            f"the file {jwks} cannot be read ({problem.strerror}){hint}"
        ) from None
    except (ValueError, RuntimeError) as problem:  # RuntimeError: ~NAME of no user
        raise ReferenceProblem(f"the file {jwks} holds no JWK Set ({problem})") from None
