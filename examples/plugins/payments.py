"""A type of authorization details (RFC 9396): a user allows one payment, and nothing else.

``oauth.authorization_details_types`` may select it, and a client that uses it registers it in its
member ``authorization_details_types``.
"""

import re
from decimal import Decimal
from typing import Any

from oidcserver.interfaces.authorization_details import Detail
from oidcserver.types import Configurator

NAME = "payment_initiation"
CURRENCIES = ("EUR", "CHF", "USD")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,8})\.[0-9]{2}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


def currency(value: Any) -> None:
    """Check a currency."""
    if value not in CURRENCIES:
        raise ValueError(f"is not one of {', '.join(CURRENCIES)}")


def amount(value: Any) -> None:
    """Check an amount of money: text, so that no digit is lost."""
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError("is not an amount such as 123.50")


def iban(value: Any) -> None:
    """Check an account number and its check digits (ISO 13616)."""
    known = isinstance(value, str) and _IBAN.fullmatch(value)
    if not known or int("".join(str(int(c, 36)) for c in value[4:] + value[:4])) % 97 != 1:
        raise ValueError("is not an IBAN")


MEMBERS: dict[str, Any] = {
    "locations?": [str],
    "instructedAmount": {"currency": currency, "amount": amount},
    "creditorName": str,
    "creditorAccount": {"iban": iban},
    "remittanceInformationUnstructured?": str,
}


def describe(payment: Detail) -> list[str]:
    """Return the sentences for the consent page."""
    money = payment["instructedAmount"]
    sentences = [
        f"Pay {money['amount']} {money['currency']} to {payment['creditorName']}",
        f"Account {payment['creditorAccount']['iban']}",
    ]
    purpose = payment.get("remittanceInformationUnstructured")
    return [*sentences, f"Purpose: {purpose}"] if purpose else sentences


def covers(granted: Detail, asked: Detail) -> bool:
    """Say whether a payment is the granted one, or the same with a smaller amount."""
    money, less = granted["instructedAmount"], asked["instructedAmount"]
    same = {**granted, "instructedAmount": None} == {**asked, "instructedAmount": None}
    cheaper = Decimal(less["amount"]) <= Decimal(money["amount"])
    return same and cheaper and less["currency"] == money["currency"]


def includeme(config: Configurator) -> None:
    """Offer the type."""
    config.add_authorization_details_type(NAME, MEMBERS, describe, covers=covers)
