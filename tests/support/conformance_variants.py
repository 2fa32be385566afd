"""The variants in which the OpenID Foundation's plans run their modules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True, order=True)
class Variant:
    """How a plan runs a module."""

    response_type: str = "code"
    response_mode: str = "default"
    registration: str = "static_client"
    client_auth: str = "client_secret_basic"

    def __str__(self) -> str:
        words = (self.response_type, self.response_mode, self.registration, self.client_auth)
        return "-".join(word.replace(" ", "_") for word in words)

    @property
    def aspects(self) -> frozenset[tuple[object, ...]]:
        """The properties of the variant that may change the result of a module."""
        return frozenset(
            {
                ("response_type", self.response_type),
                ("client_auth", self.client_auth),
                ("answer and client", self.response_mode, self.registration),
            }
        )


@dataclass(frozen=True, order=True)
class FAPIVariant(Variant):
    """How a plan of FAPI 2.0 runs a module. ``response_mode`` is ``jwt`` for JARM."""

    client_auth: str = "private_key_jwt"
    sender_constraint: str = "dpop"
    grant: str = "authorization_code"
    openid: bool = True
    rich: bool = False
    signed: bool = False

    def __str__(self) -> str:
        words = (
            self.client_auth,
            self.sender_constraint,
            "openid" if self.openid else "oauth",
            "client_credentials" if self.grant == "client_credentials" else "",
            "rar" if self.rich else "",
            "signed" if self.signed else "",
            "jarm" if self.response_mode == "jwt" else "",
        )
        return "-".join(filter(None, words))

    @property
    def aspects(self) -> frozenset[tuple[object, ...]]:
        """The properties of the variant that may change the result of a module."""
        names = ("grant", "openid", "rich", "signed", "response_mode")
        return frozenset(
            {
                ("keys", self.client_auth, self.sender_constraint),
                *((name, getattr(self, name)) for name in names),
            }
        )


class _HasAspects(Protocol):
    @property
    def aspects(self) -> frozenset[tuple[object, ...]]: ...


V = TypeVar("V", bound=_HasAspects)


def covering(variants: Sequence[V]) -> list[V]:
    """Return a few of the variants, which have every aspect of all of them."""
    chosen: list[V] = []
    missing = frozenset().union(*(variant.aspects for variant in variants))
    while missing:
        chosen.append(max(variants, key=lambda variant: len(variant.aspects & missing)))
        missing -= chosen[-1].aspects
    return chosen
