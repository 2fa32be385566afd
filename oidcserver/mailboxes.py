"""Email addresses."""

from collections.abc import Mapping
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from email_validator import EmailNotValidError, validate_email

#: The longest normalised form.
MAX_LENGTH = 320
_LOWER_CASE = str.maketrans(ascii_uppercase, ascii_lowercase)


def normalise_address(address: str) -> str:
    """Return an address in the form in which two spellings of one mailbox are mostly equal.

    The local part is in NFC with ASCII letters in lower case, and the domain consists of A-labels
    (RFC 5890 section 2.3.2.1). Case folding would make different mailboxes equal: it maps ``ß`` to
    ``ss``, in domains too, where both names may have an owner (RFC 5894 section 7.2).

    :raises ValueError: if it is not one address, with a sentence for the user.
    """
    try:
        # The name of a domain may be reserved (RFC 6761), as in a test; it is not looked up.
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as problem:
        raise ValueError(str(problem)) from None
    normalised = f"{found.local_part.translate(_LOWER_CASE)}@{found.ascii_domain}"
    if len(normalised) > MAX_LENGTH:
        raise ValueError("The email address is too long.")
    return normalised


def address_problem(address: str) -> str | None:
    """Return why an address cannot receive mail, as a sentence, or None."""
    try:
        normalise_address(address)
    except ValueError as problem:
        return str(problem)
    return None


def address_key(text: str) -> str | None:
    """Return the normalised form of an address, or None for any other text."""
    try:
        return normalise_address(text)
    except ValueError:
        return None


def verified_address_key(claims: Mapping[str, Any]) -> str | None:
    """Return the normalised form of the address in claims, if it is verified."""
    verified = claims.get("email_verified") is True
    return address_key(str(claims.get("email", ""))) if verified else None
