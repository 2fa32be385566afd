"""The catalogues: no sentence is missing, and a translation holds nothing but its sentence."""

import re
from io import BytesIO

import pytest
from babel.messages.mofile import write_mo
from support.sentences import LANGUAGES, LOCALE, PACKAGE, catalogue, sentences

from oidcserver.texts import LANGUAGE_TAG, places

REMEDY = "run `make catalogues`, and translate what is new in oidcserver/locale"


def test_there_is_a_catalogue_of_each_language() -> None:
    assert LANGUAGES == ["ar", "de", "es", "fr"]
    assert len([message for message in sentences() if message.id]) > 300


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_missing(language: str) -> None:
    translated = catalogue(language)
    missing = []
    for message in sentences():
        found = translated.get(message.id) if message.id else None
        if message.id and (found is None or found.fuzzy or not all(_forms(found.string))):
            missing.append(f"{message.locations[0][0]}: {message.id!r}")
    assert not missing, "\n".join([REMEDY, *missing])


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_left_that_no_page_shows(language: str) -> None:
    known = sentences()
    assert [it.id for it in catalogue(language) if it.id and known.get(it.id) is None] == [], REMEDY


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_places_for_values_agree(language: str) -> None:
    translated = catalogue(language)
    for message in translated:
        if not message.id:
            continue
        if isinstance(message.id, tuple):
            assert len(message.string) == translated.num_plurals, message.id
            for form in message.string:
                assert places(form) <= places(message.id[1]), message.id
        else:
            assert places(message.string) == places(message.id), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_plain_text(language: str) -> None:
    for message in catalogue(language):
        for form in _forms(message.string) if message.id else ():
            assert not re.search(r"[<>]|&\w+;|^\s|\s$", form), form


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_ends_as_its_sentence_does(language: str) -> None:
    ends = {".": ".。", "?": "?؟", ":": ":"}
    for message in catalogue(language):
        if not message.id or isinstance(message.id, tuple):
            continue
        last = message.id[-1]
        assert message.string[-1] in ends.get(last, message.string[-1]), message.id
        assert last in ends or message.string[-1] not in ".?:", message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_source(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    path = LOCALE / language / "LC_MESSAGES" / "oidcserver.mo"
    assert path.read_bytes() == compiled.getvalue(), "run `make .venv/test`, which compiles them"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_breaks_within_the_word_for_email(language: str) -> None:
    """An ordinary hyphen lets a browser break a heading after the E; U+2011 does not."""
    for message in catalogue(language):
        for form in _forms(message.string) if message.id else ():
            assert "e-mail" not in form.lower(), form


def test_templates_have_no_words_outside_of_sentences() -> None:
    """What remains of a template without tags, sentences and values is no word."""
    names = re.compile(r"\b(client_id|client_secret)\b|block width %\}\w+")
    for path in sorted((PACKAGE / "templates").glob("*.jinja2")):
        if path.name == "check_session.jinja2":  # a frame that users do not see
            continue
        text = names.sub("", path.read_text())
        for pattern in (
            r"\{#.*?#\}",
            r"\{%-? trans .*?endtrans -?%\}",
            r"\{%-? trans -?%\}.*?endtrans -?%\}",
            r"\{\{.*?\}\}",
            r"\{%.*?%\}",
            r"<[^>]*>",
            r""" [a-z-]+="[^"]*\"""",  # the attributes that a macro makes
        ):
            text = re.sub(pattern, " ", text, flags=re.DOTALL)
        left = re.findall(r"[A-Za-z]{2,}", text)
        assert left == [], path.name


def test_templates_give_macros_and_attributes_no_words() -> None:
    """A text between quotes that begins with a capital is read by users."""
    for path in sorted((PACKAGE / "templates").glob("*.jinja2")):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        text = re.sub(r"_\('[^']*'", "", re.sub(r'_\("[^"]*"', "", text))
        left = re.findall(r"""['"]([A-Z][a-z]+[^'"]*)['"]""", text)
        assert left == [], path.name


def test_the_tags_of_the_catalogues_are_language_tags() -> None:
    assert all(LANGUAGE_TAG.fullmatch(path.name.replace("_", "-")) for path in LOCALE.iterdir())


def _forms(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return string if isinstance(string, tuple) else (string,)
