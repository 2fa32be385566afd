"""Codes as users of another script type them."""


def in_arabic(code: str) -> str:
    """Return a code with Arabic-Indic digits."""
    return code.translate({ord("0") + digit: chr(0x0660 + digit) for digit in range(10)})
