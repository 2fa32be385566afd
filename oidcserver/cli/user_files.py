"""Files of users, CSV or JSON: read into records, and written from them.

A record has ``username`` and may have ``id``, ``password_hash``, ``groups``, ``disabled`` and
``claims``. In CSV each further column is a claim, and the type of the claim says what a cell means.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from oidcserver.cli.application import counted
from oidcserver.keys.strict_json import parse_text
from oidcserver.oidc.claim_types import TYPES, number_of, types_of
from oidcserver.oidc.languages import plain_name
from oidcserver.settings import Settings

Record = Mapping[str, Any]

#: The columns that are no claims, and the members of the objects in JSON.
COLUMNS = ("username", "id", "password_hash", "groups", "disabled")
#: A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = tuple("=+-@\t\r")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
#: Characters of one cell.
LONGEST_CELL = 1 << 20


class Line(NamedTuple):
    """Where a record is in a file, such as ``line 2``, and the record, or why there is none."""

    place: str
    record: Record | None
    problem: str = ""


def read_records(settings: Settings, content: bytes) -> Iterator[Line]:
    """Yield the records of a file: JSON if it begins with ``[``, otherwise CSV with a header.

    :param settings: which have the types of claims.
    :raises ValueError: with a sentence, if it is neither.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("The file is not UTF-8.") from None
    if text.lstrip().startswith("{"):
        raise ValueError(
            "The file is one JSON object: write [ and ] around it, for a list of users."
        )
    return _read_json(text) if text.lstrip().startswith("[") else _read_csv(settings, text)


def _read_json(text: str) -> Iterator[Line]:
    try:
        records = parse_text(text)
    except ValueError as problem:
        raise ValueError(f"The file is not JSON: {problem}.") from None
    for number, record in enumerate(records, start=1):
        place = f"user {number}"
        if not isinstance(record, dict):
            yield Line(place, None, "It is not an object.")
            continue
        unknown = sorted(set(record) - {*COLUMNS, "claims"})
        if unknown:
            yield Line(place, None, f"It has unknown members: {', '.join(unknown)}.")
        else:
            yield Line(place, record)


def _read_csv(settings: Settings, text: str) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, ())]
        if "username" not in header or len(set(header)) < len(header) or "" in header:
            raise ValueError(
                "The first line of a CSV file names its columns, each once, and one is username."
            )
        for cells in reader:
            place = f"line {reader.line_num}"
            if len(cells) != len(header):
                if cells:
                    has = counted(len(cells), "cell")
                    yield Line(place, None, f"It has {has}, and the first line has {len(header)}.")
                continue
            try:
                yield Line(place, _record(settings, dict(zip(header, cells, strict=True))))
            except ValueError as problem:
                yield Line(place, None, str(problem))
    except csv.Error as problem:
        raise ValueError(f"The file is not CSV: line {reader.line_num}: {problem}.") from None


def _record(settings: Settings, cells: Mapping[str, str]) -> Record:
    """Return the record of a line; an empty cell says nothing."""
    filled = {name: _without_mark(cell) for name, cell in cells.items() if cell.strip()}
    record: dict[str, Any] = {name: filled.pop(name) for name in COLUMNS if name in filled}
    if "groups" in record:
        record["groups"] = _list(record["groups"])
    if "disabled" in record:
        disabled = record["disabled"].strip().lower()
        record["disabled"] = _TRUTHS.get(disabled, disabled)
    record["claims"] = {name: _claim(settings, name, cell) for name, cell in filled.items()}
    return record


def _without_mark(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _list(cell: str) -> Any:
    """Return the groups of a cell: a JSON list, or names between semicolons."""
    if cell.lstrip().startswith("["):
        try:
            return parse_text(cell)
        except ValueError:
            raise ValueError("The groups are no JSON list.") from None
    return [name.strip() for name in cell.split(";") if name.strip()]


def _claim(settings: Settings, name: str, cell: str) -> Any:
    """Return the value of a cell; a text where another type has to be is left as it is."""
    types = types_of(settings, plain_name(name))
    if types == TYPES["boolean"]:
        return _TRUTHS.get(cell.strip().lower(), cell)
    if types == TYPES["number"]:
        number = number_of(cell.strip())
        return cell if number is None else number
    if types in (TYPES["list"], TYPES["object"]) or (types is None and cell.lstrip()[0] in "[{"):
        try:
            return parse_text(cell)
        except ValueError:
            if types is None:
                raise ValueError(f"The claim {name} is not JSON.") from None
    return cell


def write_csv(records: Sequence[Record]) -> str:
    """Return records as CSV, which :func:`read_records` reads and a spreadsheet shows as text."""
    claims = sorted({name for record in records for name in record["claims"]})
    columns = [name for name in COLUMNS if any(name in record for record in records)]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*(columns or ["username"]), *claims])
    for record in records:
        values: Iterable[Any] = (
            *(record.get(name) for name in columns),
            *(record["claims"].get(name) for name in claims),
        )
        writer.writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None or value == []:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text
