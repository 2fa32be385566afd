"""A third party's package: what a company knows of its people, in a scope and a source."""

from collections.abc import Mapping
from typing import Any

PAYROLL: dict[str, Any] = {
    "employee_number": "E-7",
    "department": "Tidal Research",
    "name": "Alice of the Payroll",
    "salary": 1,
}


def payroll(request: Any, user: Any, names: frozenset[str]) -> Mapping[str, Any]:
    if user.username != "alice":
        return {"employee_number": None, "department": ""}
    # More than what was asked for, as careless sources do.
    return {**PAYROLL, "sub": "somebody else", "email": "payroll@company.example"}


def badges(request: Any, user: Any, names: frozenset[str]) -> Mapping[str, Any]:
    return {"department": "Tidal Research (badge)"}


def includeme(config: Any) -> None:
    config.add_scope("employment", "See where you work", ("employee_number", "department"))
    config.add_claims_source(
        "payroll",
        payroll,
        {
            "employee_number": "See your employee number",
            "department": "See your department",
            "name": "See the name on your contract",
            "salary": "See what you earn",
        },
    )
    config.add_claims_source("badges", badges, {"department": "See the door that you may open"})
