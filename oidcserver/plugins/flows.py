"""The steps of each flow at the start: those of its table, and those that plugins insert."""

from typing import Any

from oidcserver.interfaces import InsertedStep, Step
from oidcserver.provider import Provider
from oidcserver.settings import ConfigurationProblem, nearest

KIND = " step"


def select_flows(provider: Provider) -> dict[str, tuple[Step[Any], ...]]:
    """Return the effective steps of each flow, in order.

    :raises ConfigurationProblem: for a step of a flow that does not exist, or beside a step that
        its flow does not have.
    """
    flows = {name: list(offer.value) for name, offer in provider.catalog.offers("flow").items()}
    for kind in provider.catalog.kinds():
        if kind.endswith(KIND):
            _insert_steps(provider, kind, flows)
    return {
        name: tuple(step for step in steps if step.when is None or step.when(provider))
        for name, steps in flows.items()
    }


def _insert_steps(provider: Provider, kind: str, flows: dict[str, list[Step[Any]]]) -> None:
    flow = kind.removesuffix(KIND)
    for name, offer in provider.catalog.offers(kind).items():
        if flow not in flows:
            raise ConfigurationProblem(
                f"The step {name!r} ({offer.where}) is for the flow {flow!r}, which does not exist."
                f"{nearest(flow, flows)} There are: {', '.join(flows)}."
            )
        steps, inserted = flows[flow], offer.value
        names = [step.name for step in steps]
        if name in names:
            raise ConfigurationProblem(
                f"The step {name!r} ({offer.where}) has the name of a step that the flow {flow!r} "
                "has already."
            )
        steps.insert(_place(inserted, names, offer.where), inserted.step)


def _place(inserted: InsertedStep, names: list[str], where: str) -> int:
    side = "after" if inserted.after is not None else "before"
    neighbour = inserted.after or inserted.before
    assert neighbour is not None
    if neighbour not in names:
        raise ConfigurationProblem(
            f"The step {inserted.step.name!r} ({where}) has to come {side} {neighbour!r}, which "
            f"the flow {inserted.flow!r} does not have.{nearest(neighbour, names)} "
            f"It has: {', '.join(names)}."
        )
    return names.index(neighbour) + (side == "after")
