"""Sentences in the language of a page: their values, numbers, times, and mistakes in catalogues."""

from io import BytesIO
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from pyramid.i18n import Localizer, Translations, TranslationString, make_localizer

from oidcserver.texts import SOURCE, Counted, Locale, Moment, _


def locale(**sentences: Any) -> Locale:
    """A German catalogue of sentences, which are given as pairs."""
    catalog = Catalog(locale="de", charset="utf-8")
    for message, translation in sentences.values():
        catalog.add(message, translation)
    file = BytesIO()
    write_mo(file, catalog)
    file.seek(0)
    translations = make_localizer("de", ()).translations
    translations.add(Translations(file, "oidcserver"))
    return Locale("de", Localizer("de", translations))


def test_a_sentence_is_english_without_a_translation() -> None:
    assert locale().translate(_("Sign in")) == "Sign in"
    assert SOURCE.translate(_("Wait ${time}.", {"time": "a while"})) == "Wait a while."


def test_a_plain_text_is_never_translated() -> None:
    german = locale(it=("Sign in", "Anmelden"))
    assert german.translate("Sign in") == "Sign in"
    assert german.translate(_("Sign in")) == "Anmelden"
    assert german.translate(TranslationString("Sign in", "another")) == "Sign in"


def test_values_are_put_into_the_translation_and_translated_too() -> None:
    german = locale(
        it=("Open ${place} in ${time}.", "In ${time} ${place} öffnen."),
        time=(("a minute", "${count} minutes"), ("einer Minute", "${count} Minuten")),
    )

    def sentence(minutes: int) -> str:
        time = Counted("a minute", "${count} minutes", minutes)
        return german.translate(_("Open ${place} in ${time}.", {"place": "X", "time": time}))

    assert sentence(1) == "In einer Minute X öffnen."
    assert sentence(5) == "In 5 Minuten X öffnen."


def test_the_items_of_a_list_have_the_comma_of_the_language_between_them() -> None:
    found = locale(comma=(",", "،"), allow=("Allow", "سماح")).join([_("Allow"), "b"])
    assert found == "سماح، b"
    assert SOURCE.join(["a", "b", "c"]) == "a, b, c"


def test_a_value_is_not_read_as_a_sentence_with_values() -> None:
    assert SOURCE.translate(_("${a} and ${b}", {"a": "${b}", "b": "x"})) == "${b} and x"


@pytest.mark.parametrize(
    "translation",
    [
        "Warten.",
        "${zeit} warten.",
        "${time} warten, ${name}.",
        "${time} warten %(time)s.",
        "${time} warten, {0.__class__}.",
        "100 % ${time} warten.",
    ],
)
def test_a_translation_with_other_places_is_not_used(translation: str) -> None:
    german = locale(it=("Wait ${time}.", translation))
    assert german.translate(_("Wait ${time}.", {"time": "5 s"})) == "Wait 5 s."
    assert german.gettext("oidcserver", "Wait ${time}.") == "Wait ${time}."


def test_a_form_for_a_number_may_leave_the_number_out_but_add_nothing() -> None:
    days = ("${count} day", "${count} days")
    german = locale(it=(days, ("ein Tag", "${count} Tage")))
    assert german.translate(Counted(*days, 1)) == "ein Tag"
    assert german.translate(Counted(*days, 2)) == "2 Tage"
    wrong = locale(it=(days, ("${count} Tag", "${count} Tage ${n}")))
    assert wrong.translate(Counted(*days, 1)) == "1 Tag"
    assert wrong.translate(Counted(*days, 2)) == "2 days"


def test_a_time_is_written_in_the_standard_form_for_scripts() -> None:
    assert Moment(1_796_000_000).iso == "2026-11-30T00:53Z"


@pytest.mark.parametrize(
    ("tag", "direction"),
    [("en", "ltr"), ("ar", "rtl"), ("ar-EG", "rtl"), ("he", "rtl"), ("AR", "rtl"), ("arn", "ltr")],
)
def test_the_direction_of_a_language(tag: str, direction: str) -> None:
    assert Locale(tag, None).direction == direction
