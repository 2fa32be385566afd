"""URIs that get parameters."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode


def with_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """Append parameters to the query of a URI, which may have one (RFC 6749 section 3.1.2)."""
    separator = "&" if "?" in uri else "?"
    return uri + separator + urlencode(parameters, quote_via=quote)
