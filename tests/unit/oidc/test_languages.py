"""A claim in the language that was asked for, or else in the one that there is."""

import pytest

from oidcserver.oidc.languages import in_languages

KNOWN = {
    "name": "Cologne",
    "name#de": "Köln",
    "name#ja-Kana-JP": "ケルン",
    "name#pt-BR": "Colônia",
    "nickname#de": "Domstadt",
}


@pytest.mark.parametrize(
    ("asked", "locales", "names"),
    [
        ("name", [], {"name"}),
        ("name", ["de"], {"name", "name#de"}),
        ("name", ["fr", "de-CH", "ja-Kana-JP"], {"name", "name#de"}),
        ("name", ["ja-kana-jp"], {"name", "name#ja-Kana-JP"}),
        ("name", ["pt"], {"name"}),
        ("name", ["se"], {"name"}),
        ("name#de", ["fr"], {"name#de"}),
        ("name#DE-at", [], {"name#de"}),
        ("name#se", [], {"name"}),
        ("nickname", ["fr"], set()),
        ("nickname", ["fr", "de"], {"nickname#de"}),
        ("nickname#fr", [], set()),
        ("nickname#", [], set()),
        ("email", ["de"], set()),
    ],
)
def test_the_languages_of_a_claim(asked: str, locales: list[str], names: set[str]) -> None:
    assert in_languages(KNOWN, asked, locales) == {name: KNOWN[name] for name in names}
