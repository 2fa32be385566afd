"""Client metadata that is rejected, with all its mistakes."""

from collections.abc import Callable
from typing import Any

from oidcserver.oauth.errors import Rejection

#: Characters of a name that an error quotes.
MAX_SHOWN = 100


class InvalidClientMetadata(Rejection):
    """Client metadata that is rejected (RFC 7591 section 3.2.2).

    ``field`` is the member, and ``others`` are the mistakes of other members.
    """

    others: tuple["InvalidClientMetadata", ...] = ()

    def __init__(self, field: str, sentence: str, error: str = "invalid_client_metadata") -> None:
        super().__init__(error, sentence, rule="RFC 7591 section 3.2.2", received={"member": field})
        self.field = field


class Problems(list[InvalidClientMetadata]):
    """Collects mistakes, so that they are reported together."""

    def call(self, check: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a check; if it raises, keep the mistake and return None."""
        try:
            return check(*arguments)
        except InvalidClientMetadata as problem:
            self.append(problem)

    def reject(self) -> None:
        """Raise the first mistake, with all others, if there is one."""
        if self:
            self[0].others = tuple(self[1:])
            raise self[0]


def printable(text: str) -> str:
    """Return the beginning of a text without the characters that an error description may not have.

    See RFC 6749 section 5.2.
    """
    kept = (c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in text)
    return "".join(kept)[:MAX_SHOWN]
