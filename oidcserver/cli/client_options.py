"""The options of commands that set the members of a client: one for each field."""

from collections.abc import Callable, Mapping
from typing import IO, Any

import click

from oidcserver.clients.fields import (
    FIELDS,
    FLAG,
    JSON,
    MAYBE,
    NUMBER,
    SCOPES,
    Field,
)
from oidcserver.keys.jwk_set import read_pem
from oidcserver.keys.strict_json import parse_text

STDIN = "<stdin>"
#: Options whose name is not that of the member.
_NAMES = {"client_name": "name"}


def member_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each field, and ``--metadata``, to a command."""
    command = click.option(
        "--metadata",
        "metadata_file",
        type=click.File("rb"),
        help="A file with a JSON object of members; - is standard input.",
    )(command)
    for field in reversed(FIELDS.values()):
        command = _option(field)(command)
    return command


def option_name(field: Field) -> str:
    """Return the option of a field: ``--redirect-uri`` for ``redirect_uris``."""
    name = _NAMES.get(field.name, field.name)
    if field.several:
        name = name.removesuffix("s")
    return "--" + name.replace("_", "-")


def given_members(options: Mapping[str, Any], metadata_file: IO[bytes] | None) -> dict[str, Any]:
    """Return the members that the options and the file set.

    :raises click.ClickException: if a file cannot be read, or both set a member.
    """
    given = {name: _value(FIELDS[name], value) for name, value in options.items() if _given(value)}
    if metadata_file is None:
        return given
    read = read_json(metadata_file)
    if not isinstance(read, dict):
        raise click.ClickException("--metadata has to be a JSON object of client metadata.")
    twice = sorted(given.keys() & read.keys())
    if twice:
        raise click.ClickException(f"Both --metadata and an option set: {', '.join(twice)}.")
    return given | read


def read_json(file: IO[bytes]) -> Any:
    """Return the JSON value in a file.

    :raises click.ClickException: if the file is not JSON.
    """
    return _parse(file.read(), file)


def _read_keys(file: IO[bytes]) -> Any:
    """Return the JWK Set in a file, or one with the public key that the file has in PEM."""
    content = file.read()
    if not content.lstrip().startswith(b"-----BEGIN"):
        return _parse(content, file)
    try:
        key = read_pem(content)
    except ValueError as problem:
        raise click.ClickException(f"{file_name(file)}: {problem}") from None
    if key.is_private:
        raise click.ClickException(
            f"{file_name(file)} holds a private key. Give the public key: openssl pkey -pubout."
        )
    return {"keys": [key.as_dict(private=False)]}


def _parse(content: bytes, file: IO[bytes]) -> Any:
    try:
        return parse_text(content)
    except ValueError:
        raise click.ClickException(f"{file_name(file)} is not JSON.") from None


def file_name(file: IO[bytes]) -> str:
    """Return the name of a file; standard input may have none."""
    name: str = getattr(file, "name", STDIN)
    return name


def _option(field: Field) -> Callable[..., Any]:
    option = option_name(field)
    words = f"{field.label}. {field.help}".strip() if field.kind == MAYBE else f"{field.label}."
    if field.kind in (FLAG, MAYBE):
        return click.option(f"{option}/--no-{option[2:]}", field.name, default=None, help=words)
    if field.kind == JSON:
        return click.option(
            option, field.name, type=click.File("rb"), help=f"{field.label}, from a file."
        )
    if field.kind == NUMBER:
        return click.option(option, field.name, type=int, help=words)
    if field.several or field.kind == SCOPES:
        return click.option(option, field.name, multiple=True, help=f"{words} May be given again.")
    return click.option(option, field.name, help=words)


def _given(value: Any) -> bool:
    return value is not None and value != ()


def _value(field: Field, value: Any) -> Any:
    if field.name == "jwks":
        return _read_keys(value)
    if field.kind == JSON:
        return read_json(value)
    if field.kind == SCOPES:
        return " ".join(value)
    return list(value) if field.several else value
