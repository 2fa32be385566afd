"""The report: a table for the terminal, and a page with the same and a plot."""

import datetime
import os
import platform
import textwrap
from pathlib import Path
from typing import Any

OURS = "oidcserver"
BEGIN, END = "<!-- figures of make bench -->", "<!-- end of the figures -->"


def rows(figures: Any) -> list[tuple[str, ...]]:
    """Return the table: a line a work and server, with our rate as a multiple of the server's."""
    head = ("work", "server", "a second", "ours to it", "p50 ms", "p99 ms", "p50 half", "p99 half")
    table = [head]
    for work, by_server in figures.works.items():
        for name, measured in by_server.items():
            latencies = [
                measured.latency(percentile, half=half)
                for half in (False, True)
                for percentile in ("p50", "p99")
            ]
            ratio = f"{by_server[OURS].ratio(measured):.2f}" if OURS in by_server else ""
            table.append(
                (work, name, f"{measured.rate():,.0f}", ratio,
                 *(f"{value:.1f}" for value in latencies))
            )  # fmt: skip
    return table


def peers(figures: Any) -> list[tuple[str, ...]]:
    """Return what was measured: a line a server, and why others were not."""
    return [
        ("server", "version", "access tokens", "set up with"),
        *((name, peer.version, " or ".join(peer.tokens), peer.setup)
          for name, peer in figures.peers.items()),
        *((name, "not measured", "", reason) for name, reason in figures.missing.items()),
    ]  # fmt: skip


def facts(figures: Any) -> list[tuple[str, str]]:
    """Return the limits, memory and start-up times."""
    return [
        *((f"{name}, a second", f"{rate:,.0f}") for name, rate in figures.limits.items()),
        *((f"{name}: memory, MiB", f"{size:.0f}") for name, size in figures.memory.items()),
        *((f"{name}: start, s", f"{took:.2f}") for name, took in figures.start.items()),
    ]


def table(figures: Any) -> str:
    """Return everything as text in columns."""
    limits = "\n".join(f"{name:44}{value:>10}" for name, value in facts(figures))
    return "\n\n".join((_columns(rows(figures)), _columns(peers(figures)), limits))


def _columns(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _markdown(lines: list[tuple[str, ...]]) -> str:
    head, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *body))


def write(figures: Any, folder: Path, *, rounds: int, seconds: int) -> None:
    """Write the plot, and the figures between the marks of performance.md, into a folder."""
    text = textwrap.dedent(
        f"""\
        Measured on {datetime.date.today():%Y-%m-%d}: {os.cpu_count()} cores, {platform.system()},
        Python {platform.python_version()}; medians of {rounds} rounds of {seconds} seconds.

        ![Right answers a second](performance.png)

        """
    )
    limits = [("limit, memory, start", ""), *facts(figures)]
    text += "\n\n".join(map(_markdown, (rows(figures), peers(figures), limits))) + "\n"
    page = folder / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
    _plot(figures, folder / "performance.png")


def _plot(figures: Any, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    works = list(figures.works)
    heights = [0.5 + 0.2 * len(figures.works[work]) for work in works]
    figure, axes = pyplot.subplots(
        len(works), 1, figsize=(8, sum(heights)), height_ratios=heights, squeeze=False
    )
    for (axis,), work in zip(axes, works, strict=True):
        by_server = figures.works[work]
        names = list(by_server)[::-1]
        rates = [by_server[name].rate() for name in names]
        colours = ["#1f6feb" if name == OURS else "#9aa4b2" for name in names]
        axis.barh(names, rates, color=colours)
        axis.bar_label(axis.containers[0], fmt="{:,.0f}", padding=3, fontsize=8)
        axis.tick_params(labelsize=8)
        axis.set_title(f"{work}, a second", loc="left", fontsize=10)
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
