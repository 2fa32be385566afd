"""Actors (RFC 8693 sections 4.1 and 4.4): who acts for the subject, and who may."""

from typing import Any

#: The longest chain of actors.
MAX_DEPTH = 4


def actor(issuer: str, subject: str, before: Any = None) -> dict[str, Any]:
    """Return an ``act`` claim; the actors before are nested in it (section 4.1).

    :raises ValueError: if the chain before is malformed, or the new one longer than 4. The text is
        a sentence.
    """
    if before is None:
        return {"iss": issuer, "sub": subject}
    if depth_of(before) >= MAX_DEPTH:
        raise ValueError(f"The chain of actors would be longer than {MAX_DEPTH}.")
    return {"iss": issuer, "sub": subject, "act": before}


def depth_of(act: Any) -> int:
    """Return the number of actors of an ``act`` claim.

    :raises ValueError: if it is malformed or longer than 4. The text is a sentence.
    """
    depth = 0
    while act is not None:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"The chain of actors is longer than {MAX_DEPTH}.")
        _check_identity(act, "act")
        act = act.get("act")
    return depth


def may_act(claim: Any, issuer: str, subject: str) -> bool:
    """Whether a ``may_act`` claim names an actor of this provider by ``iss`` and ``sub``.

    :raises ValueError: if it is malformed. The text is a sentence.
    """
    _check_identity(claim, "may_act")
    return bool(claim.get("iss", issuer) == issuer and claim["sub"] == subject)


def _check_identity(claim: Any, name: str) -> None:
    if not isinstance(claim, dict) or not isinstance(claim.get("sub"), str):
        raise ValueError(f"The claim {name} is not an object with a sub.")
    if not isinstance(claim.get("iss", ""), str):
        raise ValueError(f"The iss of the claim {name} is not text.")
