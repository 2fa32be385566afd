"""Browsers in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.texts import SOURCE
from oidcserver.views.user_agents import MAX_UNKNOWN, describe_user_agent

LINUX = "Mozilla/5.0 (X11; Linux x86_64"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (f"{LINUX}; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (f"{LINUX}) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
         "Chrome on Linux"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0", "Opera on Windows"),
        (f"{IPHONE} (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
         "Safari on iPhone"),
        (f"{IPHONE} (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
         "Chrome on iPhone"),
        (f"{IPHONE} (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/604.1",
         "Firefox on iPhone"),
        (f"{MAC} Version/18.5 Safari/605.1.15", "Safari on macOS"),
        (f"{ANDROID} Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
         "Samsung Internet on Android"),
        ("Firefox/1", "Firefox"),
        ("curl/8.0", "curl/8.0"),
        ("", "A browser"),
        ("   ", "A browser"),
    ],
)  # fmt: skip
def test_a_browser_has_a_name_and_a_system(user_agent: str, words: str) -> None:
    assert SOURCE.translate(describe_user_agent(user_agent)) == words


@given(st.text(max_size=300))
def test_any_text_has_words_of_bounded_length(user_agent: str) -> None:
    assert 0 < len(describe_user_agent(user_agent)) <= MAX_UNKNOWN
