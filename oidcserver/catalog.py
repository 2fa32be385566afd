"""The catalog of everything that the ini may select, and the code that offers it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oidcserver.settings import ConfigurationProblem, nearest


@dataclass(frozen=True, slots=True)
class Offer:
    """Something with a name that the ini may select, and the file and line that offers it."""

    kind: str
    name: str
    value: Any
    #: Pyramid's action info: the file and line of the directive's call.
    info: Any
    includepath: tuple[Any, ...] = ()

    @property
    def where(self) -> str:
        """The file and line of the offer."""
        return f"{self.info.file}:{self.info.line}"


class Catalog:
    """Every offer by kind and name, in the order of the offers."""

    def __init__(self) -> None:
        self._offers: dict[str, dict[str, Offer]] = defaultdict(dict)
        #: The kind of offers that a setting selects from, by the name of the setting.
        self.selected_by: dict[str, str] = {}

    def add(self, offer: Offer) -> None:
        """Add an offer. As with Pyramid's own actions, one with a shorter include path wins.

        Pyramid's discriminators are not used for this: Pyramid keeps the overridden actions and
        reports conflicts with them when an action adds actions, as selection does for routes.

        :raises ConfigurationProblem: if neither of two offers overrides the other.
        """
        offers = self._offers[offer.kind]
        other = offers.get(offer.name)
        if other is None or _overrides(offer, other):
            offers[offer.name] = offer
        elif not _overrides(other, offer):
            raise ConfigurationProblem(
                f"The {offer.kind} {offer.name!r} is offered twice: at {other.where} and at "
                f"{offer.where}."
            )

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that have offers."""
        return tuple(kind for kind, offers in self._offers.items() if offers)

    def offers(self, kind: str) -> Mapping[str, Offer]:
        """Return the offers of a kind by name."""
        return self._offers[kind]

    def select(self, kind: str, names: Iterable[str], setting: str) -> dict[str, Any]:
        """Return the values of the named offers, in the order of ``names``.

        :raises ConfigurationProblem: for a name that is not on offer.
        """
        self.selected_by[setting] = kind
        return {name: self.one(kind, name, setting) for name in names}

    def one(self, kind: str, name: str, setting: str) -> Any:
        """Return the value of one offer.

        :raises ConfigurationProblem: if it is not on offer.
        """
        self.selected_by[setting] = kind
        offers = self._offers[kind]
        if name not in offers:
            raise ConfigurationProblem(unknown(setting, name, offers))
        return offers[name].value


def _overrides(offer: Offer, other: Offer) -> bool:
    path = offer.includepath
    return len(path) < len(other.includepath) and other.includepath[: len(path)] == path


def unknown(setting: str, name: str, offers: Mapping[str, Offer]) -> str:
    """Say that a name is unknown: the setting, the name, the nearest match, what is on offer."""
    listed = "".join(f"\n  {offer.name} ({offer.where})" for offer in offers.values())
    near = nearest(name, offers)
    return f"{setting} names {name!r}, which nobody offers.{near} On offer:{listed or ' nothing.'}"
