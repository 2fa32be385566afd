"""Makes Authlib's request from Pyramid's: the public URL and the parameters.

Duplicates, bad UTF-8 and NUL are rejected here, so that no step after it has to check them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from pyramid.response import Response

from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.outcome import Outcome
from oidcserver.texts import _
from oidcserver.types import Provider, Request

#: Parameters that may be sent more than once (RFC 8707 section 2).
REPEATABLE = frozenset({"resource", "audience"})
MAX_PARAMETERS = 100
FORM = "application/x-www-form-urlencoded"


class Payload(OAuth2Payload):
    """Parameters by name. Parameters without a value are omitted (RFC 6749 section 3.1)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._datalist: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            if value:
                self._datalist[name].append(value)
        self._data = {name: values[0] for name, values in self._datalist.items()}

    @property
    def data(self) -> dict[str, str]:
        """The first value of each parameter."""
        return self._data

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """Every value of each parameter."""
        return self._datalist

    def replace(self, name: str, value: str) -> None:
        """Replace the values of a parameter by one value."""
        self._datalist[name] = [value]
        self._data[name] = value

    def reject_duplicates(self) -> None:
        """Reject a repeated parameter (RFC 6749 section 3.1)."""
        for name, values in self._datalist.items():
            if len(values) > 1 and name not in REPEATABLE:
                raise invalid_request(
                    _("A parameter is repeated."), "RFC 6749 section 3.1", parameter=name
                )


class OAuthRequest(OAuth2Request):
    """Authlib's request made from Pyramid's, and the findings of the steps of its flow.

    ``uri`` begins with the configured issuer, not with the Host header, also behind a proxy.

    :param parameters: those of the body, or of the query of an authorization request.
    """

    def __init__(self, request: Request, parameters: Sequence[tuple[str, str]] = ()) -> None:
        # Authlib's constructor parses the URI to require https. Ours begins with the issuer, which
        # the start checks.
        self.method = request.method
        self.uri = request.oidc.provider.url(request.environ["PATH_INFO"])
        self.headers = request.headers
        self.client: Any = None
        #: The method that authenticated the client.
        self.auth_method: str | None = None
        self.user: Any = None
        #: The code or the refresh token that is redeemed.
        self.authorization_code: Any = None
        self.refresh_token: Any = None
        self.credential: Any = None
        self._body = self._scope = None
        self.authorization_header: str = request.environ.get("HTTP_AUTHORIZATION", "")
        #: The content of a Basic header, after it was parsed.
        self.basic_credentials: tuple[str, tuple[str, ...]] | None = None
        #: The client of the parameter ``client_id``, where it was looked up; it is not proven.
        self.named_client: Any = None
        self.request = request
        self.payload = Payload(parameters)
        #: The grant that answers a token request.
        self.grant: Any = None
        #: Counts a poll before the user's decision and returns its rejection; None: it is decided.
        self.undecided: Callable[[], Rejection] | None = None
        #: The authorization that the tokens belong to; None if the client acts on its own behalf.
        self.authorization: Any = None
        #: The key that the tokens are bound to, as in ``cnf`` (RFC 7800 section 3.1); None: Bearer.
        self.confirmation: Mapping[str, Any] | None = None
        #: The DPoP proof of the request, once it is verified (RFC 9449 section 4).
        self.proof: Any = None
        #: The audience of the access token; empty: this provider.
        self.audience: tuple[str, ...] = ()
        #: The authorization details of the access token (RFC 9396 section 7).
        self.authorization_details: list[dict[str, Any]] | None = None
        #: The actor of the access token, as in ``act`` (RFC 8693 section 4.1).
        self.actor: Mapping[str, Any] | None = None
        #: The latest end of the access token in seconds since the epoch; None: by its lifetime.
        self.latest_end: int | None = None
        #: Claims that the grant adds to the ID token.
        self.id_token_claims: Mapping[str, Any] = {}
        #: The members of the response, and its status and further headers.
        self.answer: dict[str, Any] = {}
        self.status = 200
        self.answer_headers: Sequence[tuple[str, str]] = ()
        self.response: Response | None = None
        #: The writes of the commit, and the events that follow.
        self.outcome = Outcome()

    @property
    def provider(self) -> Provider:
        """The selected offers."""
        return self.request.oidc.provider

    @property
    def args(self) -> dict[str, str]:
        """The parameters; the token endpoint never reads credentials from a query."""
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body, or of the query of a GET."""
        return self.payload.data

    def confirm(self, name: str, key: str) -> None:
        """Bind the tokens to a key that the request proves, named as in ``cnf``."""
        self.confirmation = {**(self.confirmation or {}), name: key}

    def parameter(self, name: str, rule: str = "RFC 6749 section 5.2") -> str:
        """Return a required parameter.

        :raises Rejection: ``invalid_request`` if the request does not have it.
        """
        value = self.payload.data.get(name)
        if value is None:
            raise invalid_request(f"The request has no {name}.", rule)
        return value


def read_query(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of the query string."""
    return _decode(request.environ.get("QUERY_STRING", "").encode("latin-1"))


def read_form(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of the body."""
    content_type = request.content_type
    if content_type == FORM:
        return _decode(_read_body(request))
    if not _read_body(request):
        return []
    raise invalid_request(
        f"The body has to be {FORM}.", "RFC 6749 section 3.2", content_type=content_type
    )


def _read_body(request: Request) -> bytes:
    """Return the body, which the request guard has put into memory as a whole."""
    request.body_file_raw.seek(0)
    body: bytes = request.body_file_raw.read()
    return body


def _decode(raw: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise invalid_request(_("The parameters are not UTF-8."), "RFC 6749 appendix B") from None
    except ValueError:
        raise invalid_request(_("There are too many parameters.")) from None
    if b"\x00" in raw or b"%00" in raw:
        raise invalid_request(_("A parameter holds the character NUL."))
    return pairs


def reject_query_credentials(request: Request) -> None:
    """Reject secrets in a URL, which logs and histories keep (RFC 6749 section 2.3.1)."""
    query = request.environ.get("QUERY_STRING", "")
    if query and any(name in query for name in ("client_secret", "client_assertion", "password")):
        raise Rejection(
            "invalid_request",
            "Credentials must not be sent in the URL.",
            rule="RFC 6749 section 2.3.1",
        )
