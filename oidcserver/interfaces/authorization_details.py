"""Types of authorization details (RFC 9396 section 2), and the check of their shape."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oidcserver.texts import is_plain

#: One entry of ``authorization_details``, as JSON has it.
Detail = Mapping[str, Any]

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
#: Characters of a text, and items of a list.
MAX_TEXT = 1000
MAX_ITEMS = 50
#: The members of RFC 9396 section 2.2 that hold several values: fewer of them is less.
_SEVERAL = frozenset({"locations", "actions", "datatypes", "privileges"})


@dataclass(frozen=True, slots=True)
class AuthorizationDetailsType:
    """A type on offer; ``config.add_authorization_details_type`` describes the fields."""

    name: str
    members: Mapping[str, Any]
    describe: Callable[[Detail], str | Sequence[str]]
    validate: Callable[[Detail], None] | None
    covers: Callable[[Detail, Detail], bool]

    def check(self, detail: Detail) -> None:
        """Check an entry of this type.

        :raises ValueError: with the member and its mistake, without a quote of the input.
        """
        own = {name: value for name, value in detail.items() if name != "type"}
        check_shape(self.members, own, self.name)
        if self.validate is not None:
            self.validate(detail)
        if not self.describe(detail):  # before a user signs in for it
            raise ValueError(f"{self.name} has no description of this entry")

    def sentences(self, detail: Detail) -> list[str]:
        """Return the sentences for the consent page; one at least."""
        described = self.describe(detail)
        sentences = [described] if isinstance(described, str) else list(described)
        return sentences or [self.name]


def check_shape(shape: Any, value: Any, name: str) -> None:
    """Check a JSON value.

    :param shape: ``str``, ``int``, ``float`` or ``bool``; a list of one shape, for a list of such
        values; a mapping of names and shapes, for an object with these members and no others, of
        which those with a question mark at the end may be missing; or a function that takes the
        value and raises ``ValueError`` with half a sentence, such as ``"is not an IBAN"``.
    :param name: of the value, for the sentence.
    :raises ValueError: with the name and the mistake.
    """
    if isinstance(shape, type):
        _check_type(shape, value, name)
    elif isinstance(shape, list):
        if not isinstance(value, list) or not 0 < len(value) <= MAX_ITEMS:
            raise ValueError(f"{name} is not a list of 1 to {MAX_ITEMS} values")
        for item in value:
            check_shape(shape[0], item, f"an item of {name}")
    elif isinstance(shape, Mapping):
        _check_members(shape, value, name)
    else:
        try:
            shape(value)
        except ValueError as problem:
            raise ValueError(f"{name} {problem}") from None


def _check_type(kind: type, value: Any, name: str) -> None:
    # bool is a subclass of int, and a whole number is a number too.
    right = type(value) in (int, float) if kind is float else type(value) is kind
    if not right:
        raise ValueError(f"{name} is not {_NAMES[kind]}")
    if kind is str and not (0 < len(value) <= MAX_TEXT and is_plain(value)):
        raise ValueError(f"{name} has not 1 to {MAX_TEXT} visible characters")


def _check_members(shape: Mapping[str, Any], value: Any, name: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is not an object")
    known = {member.removesuffix("?") for member in shape}
    if not known.issuperset(value):
        raise ValueError(f"{name} has an unknown member; there are {', '.join(sorted(known))}")
    for member, inner in shape.items():
        plain = member.removesuffix("?")
        if plain in value:
            check_shape(inner, value[plain], plain)
        elif plain == member:
            raise ValueError(f"{name} has no {member}")


def shape_problem(shape: Any) -> str | None:
    """Return why something is not a shape that :func:`check_shape` takes, or None."""
    if isinstance(shape, type):
        return None if shape in _NAMES else f"{shape.__name__} is not str, int, float or bool"
    if isinstance(shape, list):
        return shape_problem(shape[0]) if len(shape) == 1 else "a list has to hold one shape"
    if isinstance(shape, Mapping):
        return next(filter(None, map(shape_problem, shape.values())), None)
    return None if callable(shape) else f"{shape!r} is not a shape"


def covers_by_default(granted: Detail, asked: Detail) -> bool:
    """Whether an entry allows no more than another.

    All members are equal; only of ``locations``, ``actions``, ``datatypes`` and ``privileges``
    (RFC 9396 section 2.2) it may have fewer values, but not none.
    """
    if granted.keys() != asked.keys():
        return False
    return all(_is_within(name, granted[name], asked[name]) for name in granted)


def _is_within(name: str, granted: Any, asked: Any) -> bool:
    if name in _SEVERAL and isinstance(granted, list) and isinstance(asked, list):
        return bool(asked) and all(value in granted for value in asked)
    return type(granted) is type(asked) and bool(granted == asked)
