"""The lines that a server prints when it is ready."""

from typing import Any

import pytest

from oidcserver.operations.welcome import introduction, welcome


def test_development_says_how_to_begin(
    make_provider: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    welcome(make_provider().wsgi)
    said = capsys.readouterr().out
    assert "Open          http://localhost:6543\n" in said
    assert 'The password is "valid", unless the account has its own.\n' in said
    assert "Add a client  http://localhost:6543/create_client\n" in said


def test_another_port_than_that_of_the_issuer_is_named(make_provider: Any) -> None:
    provider = make_provider().registry.oidc.provider
    assert "oidc.issuer" not in introduction(provider, [6543])
    assert "listens at port 6544, but oidc.issuer" in introduction(provider, [6544])


def test_without_demo_users_and_pages_it_names_the_commands(make_provider: Any) -> None:
    provider = make_provider(oidc__user_directory="database", oidc__pages="login consent logout")
    said = introduction(provider.registry.oidc.provider)
    assert "`oidcserver users create INI NAME`" in said
    assert "`oidcserver clients create --help`" in said


def test_of_other_applications_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    welcome(object())
    assert capsys.readouterr().out == ""
