"""The setting ``oidc.acr_methods``: which combinations of methods reach which class.

Without it, each way to begin a sign-in reaches ``oidc.password_acr``, and each with a second
factor, as a passkey alone, reaches ``oidc.second_factor_acr``.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from oidcserver.interfaces.authentication import PASSKEY, PASSWORD, UPSTREAM
from oidcserver.interfaces.upstream import Upstream
from oidcserver.plugins.selection import FIRST_FACTORS, SECOND_FACTORS, UPSTREAMS
from oidcserver.settings import ConfigurationProblem, Settings, nearest

METHODS = "oidc.acr_methods"
PASSWORD_ACR, SECOND_FACTOR_ACR = "oidc.password_acr", "oidc.second_factor_acr"

Classes = dict[str, tuple[frozenset[str], ...]]


def classes_of(settings: Settings) -> Classes:
    """Return each class with its combinations, the weakest first.

    :raises ConfigurationProblem: if the lines of the setting contradict each other or others.
    """
    if not settings[METHODS]:
        return _by_default(settings)
    classes = _read(settings)
    problem = next(_contradictions(settings, classes), None)
    if problem is not None:
        raise ConfigurationProblem(problem)
    return classes


def with_upstreams(settings: Settings, declared: Classes, upstreams: Iterable[Upstream]) -> Classes:
    """Return the classes, where a sign-in at an upstream reaches the one that its setting names.

    :raises ConfigurationProblem: if an upstream reaches no class, or one that is not declared.
    """
    classes = dict(declared)
    explicit = bool(settings[METHODS])
    second = settings[SECOND_FACTOR_ACR]
    for upstream in upstreams:
        alone = frozenset({f"{UPSTREAM}{upstream.name}"})
        if not upstream.acr:
            if not any(alone in found for found in classes.values()):
                raise ConfigurationProblem(_lacks(min(alone)))
            continue
        if explicit and upstream.acr not in classes:
            raise ConfigurationProblem(
                f"The upstream {upstream.name!r} has acr = {upstream.acr}, which {METHODS} does "
                f"not declare.{nearest(upstream.acr, classes)}"
            )
        others = [name for name in classes if alone in classes[name] and name != upstream.acr]
        if explicit and others:
            raise ConfigurationProblem(
                f"The upstream {upstream.name!r} has acr = {upstream.acr}, but {METHODS} has it "
                f"for {others[0]!r}: remove one."
            )
        for name in others:
            classes[name] = tuple(it for it in classes[name] if it != alone)
        classes[upstream.acr] = (*classes.get(upstream.acr, ()), alone)
    if not explicit and second in classes:
        classes[second] = classes.pop(second)  # the strongest stays the last
    return classes


def begins_here(settings: Settings, combination: frozenset[str]) -> bool:
    """Whether one form of the login page is all that a combination needs."""
    return len(combination) == 1 and combination <= {PASSWORD, *settings[FIRST_FACTORS]}


def _first(settings: Settings) -> tuple[str, ...]:
    upstreams = (f"{UPSTREAM}{name}" for name in settings[UPSTREAMS])
    return (PASSWORD, *settings[FIRST_FACTORS], *upstreams)


def _alone(settings: Settings) -> tuple[str, ...]:
    """Return the methods that sign a user in by themselves."""
    passkey = (PASSKEY,) if PASSKEY in settings[SECOND_FACTORS] else ()
    return (*_first(settings), *passkey)


def _by_default(settings: Settings) -> Classes:
    first, second = _first(settings), settings[SECOND_FACTORS]
    classes: Classes = {settings[PASSWORD_ACR]: tuple(frozenset({name}) for name in first)}
    if second:
        both = [frozenset({one, other}) for one in first for other in second]
        both += [frozenset({PASSKEY})] if PASSKEY in second else []
        name = settings[SECOND_FACTOR_ACR]
        classes[name] = (*classes.get(name, ()), *both)
    return classes


def _read(settings: Settings) -> Classes:
    classes: Classes = {}
    for line in settings[METHODS]:
        # The name of a class may be a URN: the last colon with a space behind it ends it.
        name, separator, rest = line.rpartition(": ")
        if not separator or not name or " " in name:
            raise ConfigurationProblem(
                f"{METHODS} has the line {line!r}: it takes lines such as `2: password+totp "
                "passkey`, the weakest class first."
            )
        if name in classes:
            raise ConfigurationProblem(f"{METHODS} has two lines for {name!r}: keep one.")
        classes[name] = tuple(frozenset(word.split("+")) for word in rest.split())
    return classes


def _contradictions(settings: Settings, classes: Classes) -> Iterator[str]:
    for other in (PASSWORD_ACR, SECOND_FACTOR_ACR):
        if settings.origins[other] == "ini":
            yield f"{METHODS} and {other} are both set: {METHODS} names all classes, so remove it."
    known = (*_first(settings), *settings[SECOND_FACTORS])
    alone = set(_alone(settings))
    for name, found in classes.items():
        for combination in found:
            for method in sorted(combination - set(known)):
                yield (
                    f"{METHODS} names {method!r}, which is no method that is selected."
                    f"{nearest(method, known)} Selected: {', '.join(known)}."
                )
            if not combination & alone:
                yield (
                    f"{METHODS} has {_written(combination)} for {name!r}, by which no sign-in can "
                    "begin: add a method such as password."
                )
    for method in (PASSWORD, *settings[FIRST_FACTORS], *(alone & {PASSKEY})):
        if not any(frozenset({method}) in found for found in classes.values()):
            yield _lacks(method)
    yield from _never_reached(list(classes.items()))


def _never_reached(classes: Sequence[tuple[str, tuple[frozenset[str], ...]]]) -> Iterator[str]:
    for (weak, ours), (strong, theirs) in combinations(classes, 2):
        for combination in ours:
            for other in theirs:
                if other <= combination:
                    yield (
                        f"{METHODS} has {_written(combination)} for {weak!r}, but "
                        f"{_written(other)} reaches {strong!r}, which comes later and so is the "
                        "stronger class: remove one."
                    )


def _lacks(method: str) -> str:
    return f"{METHODS} has no class for {method} alone: add it, perhaps to the first line."


def _written(combination: frozenset[str]) -> str:
    return "+".join(sorted(combination))
