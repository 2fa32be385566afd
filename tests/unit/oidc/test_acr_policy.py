"""Which methods reach which class, and the lines of the ini that contradict each other."""

from typing import Any

import pytest

from oidcserver.interfaces.authentication import NO_CLASS, AcrPolicy
from oidcserver.oidc.acr_policy import METHODS, PASSWORD_ACR, SECOND_FACTOR_ACR, classes_of
from oidcserver.settings import (
    ConfigurationProblem,
    Setting,
    Settings,
    convert_settings,
    lines,
    text,
    words,
)

DECLARED = (
    Setting(METHODS, lines, (), ""),
    Setting(PASSWORD_ACR, text, "1", ""),
    Setting(SECOND_FACTOR_ACR, text, "2", ""),
    Setting("oidc.first_factors", words, (), ""),
    Setting("oidc.second_factors", words, (), ""),
    Setting("oidc.upstreams", words, (), ""),
)
ALL = {
    "oidc.first_factors": "email_link",
    "oidc.second_factors": "totp passkey recovery_codes",
    "oidc.upstreams": "work",
}


def settings(**changes: Any) -> Settings:
    return convert_settings(DECLARED, {f"oidc.{name}": it for name, it in changes.items()})


def policy(text: str, **changes: str) -> AcrPolicy:
    raw = {**ALL, METHODS: text, **{f"oidc.{name}": it for name, it in changes.items()}}
    return AcrPolicy(tuple(classes_of(convert_settings(DECLARED, raw)).items()))


LINES = """
    mail: email_link
    urn:example:1: password
    2: password+totp password+recovery_codes upstream.work
    3: passkey password+totp+email_link
"""


@pytest.mark.parametrize(
    ("methods", "reached"),
    [
        (["email_link"], "mail"),
        (["password"], "urn:example:1"),
        (["email_link", "password"], "urn:example:1"),
        (["email_link", "totp"], "mail"),
        (["password", "totp"], "2"),
        (["totp", "password"], "2"),
        (["upstream.work"], "2"),
        (["passkey"], "3"),
        (["password", "passkey"], "3"),
        (["password", "email_link", "totp"], "3"),
        (["totp"], NO_CLASS),
        (["of-a-plugin"], NO_CLASS),
        ([], NO_CLASS),
    ],
)
def test_a_sign_in_reaches_the_strongest_class_that_its_methods_allow(
    methods: list[str], reached: str
) -> None:
    assert policy(LINES).class_of(methods) == reached


def test_classes_have_an_order() -> None:
    made = policy(LINES)
    assert made.strongest(["mail", "3", "2"]) == "3"
    assert made.strongest([NO_CLASS, "mail"]) == "mail"
    assert made.strongest([]) is None


def test_without_the_setting_there_are_two() -> None:
    made = AcrPolicy(tuple(classes_of(convert_settings(DECLARED, ALL)).items()))
    for first in ("password", "email_link", "upstream.work"):
        assert made.class_of([first]) == "1"
        for second in ("totp", "recovery_codes", "passkey"):
            assert made.class_of([first, second]) == "2"
    assert made.class_of(["passkey"]) == "2"
    assert [name for name, _ in made.classes] == ["1", "2"]


def test_without_second_factors_there_is_one() -> None:
    assert list(classes_of(settings(password_acr="only"))) == ["only"]


def test_one_class_may_be_both() -> None:
    made = classes_of(settings(password_acr="0", second_factor_acr="0", second_factors="totp"))
    assert list(made) == ["0"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2 password", "has the line '2 password'"),
        ("1:password", "has the line '1:password'"),
        (": password", "has the line ': password'"),
        ("1 2: password", "has the line '1 2: password'"),
        ("1: password\n1: email_link", "two lines for '1': keep one"),
        ("1: pasword", "names 'pasword'.* Did you mean 'password'?"),
        ("1: password email_link passkey sms", "names 'sms', which is no method"),
        ("1: password email_link passkey\n2: totp", "totp for '2', by which no sign-in can begin"),
        ("1: password+totp email_link passkey", "no class for password alone"),
        ("1: password passkey", "no class for email_link alone"),
        ("1: password email_link", "no class for passkey alone"),
        (
            "1: password+totp email_link\n2: password passkey",
            "password\\+totp for '1', but password reaches '2'",
        ),
        ("1: password email_link passkey\n2: password", "password for '1', but password reaches"),
    ],
)
def test_a_contradiction_stops_the_start(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence) as stopped:
        policy(text)
    assert str(stopped.value).startswith(METHODS)
    assert "\n" not in str(stopped.value)


@pytest.mark.parametrize("other", ["password_acr", "second_factor_acr"])
def test_the_names_of_two_classes_are_not_set_as_well(other: str) -> None:
    with pytest.raises(ConfigurationProblem, match=f"and oidc.{other} are both set"):
        policy(LINES, **{other: "9"})
