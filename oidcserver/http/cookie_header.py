"""The Cookie header, to which other applications on the host add cookies.

WebOb parses it with a regular expression that takes quadratic time where no ``=`` follows, and
raises where a value is not UTF-8. So WebOb gets only the cookies that it can parse.
"""

import re

from webob.cookies import parse_cookie

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 6265 section 4.1.1
_VALUE = r"[!#$%&'()*+./0-9:<=>?@A-Z^_`a-z{|}~-]"  # what WebOb reads without quotes
_PLAIN = re.compile(rf'{_NAME}=(?:"[^"\\]*"|{_VALUE}*)')
#: With escapes. Their octets need not be UTF-8.
_ESCAPED = re.compile(rf'{_NAME}=(?:"(?:[^"\\]|\\.)*"|(?:{_VALUE}|\\.)*)')


def readable_cookies(header: str) -> str:
    """Return the cookies of a header that can be read; the others are left out.

    :param header: as WSGI has it: bytes as latin-1.
    """
    return "; ".join(pair for part in header.split(";") if _is_readable(pair := part.strip()))


def _is_readable(pair: str) -> bool:
    if not pair.isascii() or "\0" in pair:
        return False
    if "\\" not in pair:
        return _PLAIN.fullmatch(pair) is not None
    if _ESCAPED.fullmatch(pair) is None:
        return False
    try:
        return all("\0" not in value.decode("utf-8") for _, value in parse_cookie(pair))
    except UnicodeDecodeError:
        return False
