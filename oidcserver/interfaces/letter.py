"""The content of a mail, apart from its form."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of a few sentences, with a link or a code that the user needs.

    :param purpose: one word for the log.
    :param sentences: the paragraphs before the link and the code.
    :param link: the text of a button, and its URL.
    :param code: a code to type, where the link cannot be opened.
    :param after: the paragraphs at the end.
    """

    purpose: str
    subject: str
    sentences: tuple[str, ...]
    link: tuple[str, str] | None = None
    code: str = ""
    after: tuple[str, ...] = ()
