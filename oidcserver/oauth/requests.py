"""From Pyramid's request to Authlib's: the public URL, the parameters, and what is refused.

Duplicates, bad UTF-8 and NUL are refused here, so that nothing behind has to think of them.
"""

from collections import defaultdict
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.types import Request

#: Parameters that may be sent more than once (RFC 8707 section 2).
REPEATABLE = frozenset({"resource", "audience"})
MAX_PARAMETERS = 100
FORM = "application/x-www-form-urlencoded"


class Payload(OAuth2Payload):
    """Parameters by name. Those without a value count as left out (RFC 6749 section 3.1)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
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
        """Put another value in the place of those of a parameter."""
        self._datalist[name] = [value]
        self._data[name] = value

    def refuse_duplicates(self) -> None:
        """Refuse a repeated parameter (RFC 6749 section 3.1)."""
        for name, values in self._datalist.items():
            if len(values) > 1 and name not in REPEATABLE:
                raise invalid_request(
                    "A parameter is repeated.", "RFC 6749 section 3.1", parameter=name
                )


class PyramidOAuth2Request(OAuth2Request):
    """An Authlib request over a Pyramid one.

    ``uri`` is made of the configured issuer: no forged Host changes a link, and the https check
    sees the truth behind a proxy. ``authorization`` is the approved request that a grant redeems.
    It may be not yet written, for a grant that writes it together with what rests on it.
    """

    def __init__(self, request: Request, uri: str, payload: Payload) -> None:
        # Authlib looks at each URI for https; ours begin with the issuer, which the start checked.
        super().__init__(request.method, "https://checked.invalid")
        self.uri = uri
        self.headers = request.headers
        self.authorization_header: str = request.headers.get("Authorization", "")
        #: What a Basic header holds, once it was read.
        self.basic_credentials: tuple[str, tuple[str, ...]] | None = None
        self.request = request
        self.payload = payload
        self.authorization: Any = None
        self.unwritten_authorization: Any = None

    def take_unwritten_authorization(self) -> Any:
        """Return the row of the authorization for whoever writes it now; None if it is written."""
        row, self.unwritten_authorization = self.unwritten_authorization, None
        return row

    @property
    def args(self) -> dict[str, str]:
        """The parameters; the token endpoint never reads credentials of a query."""
        return self.payload.data

    @property
    def form(self) -> dict[str, str]:
        """The parameters of the body, or of the query of a GET."""
        return self.payload.data


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
        raise invalid_request("The parameters are not UTF-8.", "RFC 6749 appendix B") from None
    except ValueError:
        raise invalid_request("There are too many parameters.") from None
    if b"\x00" in raw or b"%00" in raw:
        raise invalid_request("A parameter holds the character NUL.")
    return pairs


def refuse_query_credentials(request: Request) -> None:
    """Refuse secrets in a URL, where logs and histories keep them (RFC 6749 section 2.3.1)."""
    query = request.environ.get("QUERY_STRING", "")
    if query and any(name in query for name in ("client_secret", "client_assertion", "password")):
        raise Rejection(
            "invalid_request",
            "Credentials do not belong into the URL.",
            rule="RFC 6749 section 2.3.1",
        )
