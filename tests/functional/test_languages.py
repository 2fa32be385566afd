"""The language of a page: who chooses it, what it reaches, and what cannot disturb it."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import webtest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from pyramid.config import Configurator
from support.app import DEVELOPMENT, Browser, Provider, follow_to_answer
from support.pushing import ENDPOINTS, push, visit
from support.sentences import LANGUAGES, catalogue

from oidcserver.settings import ConfigurationProblem
from oidcserver.texts import places

HEADINGS = {
    "en": "Sign in",
    "de": "Anmelden",
    "fr": "Se connecter",
    "es": "Iniciar sesión",
    "ar": "تسجيل الدخول",
}


def asking_for(language: str) -> dict[str, str]:
    return {"Accept-Language": language}


def language_of(page: webtest.TestResponse) -> tuple[str, str]:
    """Return the language of a page, as it says itself, and its heading."""
    html = page.html.find("html")
    assert html["dir"] == ("rtl" if html["lang"] == "ar" else "ltr")
    return html["lang"], page.html.find("h1").get_text().strip()


def compile_catalogue(directory: Path, language: str, domain: str, **sentences: Any) -> None:
    """Write a catalogue as an operator or a plugin brings it; sentences are given as pairs."""
    catalog = Catalog(locale=language, charset="utf-8")
    for message, translation in sentences.values():
        catalog.add(message, translation)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    path = directory / language / "LC_MESSAGES" / f"{domain}.mo"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(compiled.getvalue())


# Who chooses


@pytest.mark.parametrize("language", HEADINGS)
def test_a_page_has_the_language_of_the_browser(provider: Provider, language: str) -> None:
    page = provider.browser().get("/login", headers=asking_for(language))
    assert language_of(page) == (language, HEADINGS[language])


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("se", "en"),
        ("*", "en"),
        ("de-AT", "de"),
        ("DE-at", "de"),
        ("ar-EG, de", "ar"),
        ("se, fr-CA;q=0.5, de;q=0.4", "fr"),
        ("de;q=0, es;q=0.1", "es"),
        ("zh-Hant-TW, es-419", "es"),
        ("../de", "en"),
        ("de;q=x", "en"),
        (", ".join(["se-x-y"] * 500 + ["de"]), "en"),
    ],
)
def test_the_browser_names_languages_in_its_order(
    provider: Provider, header: str, language: str
) -> None:
    page = provider.browser().get("/login", headers=asking_for(header))
    assert language_of(page)[0] == language


@pytest.mark.parametrize(
    ("ui_locales", "language"),
    [
        ("de", "de"),
        ("se fr-CA en", "fr"),
        ("DE-at", "de"),
        ("se", "es"),
        ("", "es"),
        ("../x", "es"),
        ("de;q=0.1", "es"),
        ("de,fr", "es"),
        ("  ar  de ", "ar"),
        (" ".join(["x"] * 800), "es"),
        ("<script>", "es"),
    ],
)
def test_the_application_names_languages_before_the_browser(
    provider: Provider, ui_locales: str, language: str
) -> None:
    browser = provider.browser()
    browser.extra_environ["HTTP_ACCEPT_LANGUAGE"] = "es"
    page = provider.register().authorize(browser, ui_locales=ui_locales)
    assert language_of(page) == (language, HEADINGS[language])


def test_the_language_of_the_application_lasts_until_its_answer(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, ui_locales="de", prompt="login consent")
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "wrong"
    refused = form.submit(status=403)
    assert language_of(refused) == ("de", "Anmelden")
    assert "Benutzername und Passwort passen nicht zusammen" in refused.text
    refused.forms["login"]["password"] = "valid"
    consent = follow_to_answer(refused.forms["login"].submit())
    assert language_of(consent) == ("de", "The Example Application bittet um Zugriff")
    assert "Ihren Namen, Ihr Bild und andere Profildaten sehen" in consent.text
    assert client.answer(client.complete(consent))["code"]
    assert language_of(browser.get("/account")) == ("en", "Your account")


def test_a_pushed_request_keeps_its_language(make_provider: Any) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS)
    client = provider.register()
    page = visit(client, provider.browser(), push(client, ui_locales="ar"))
    assert language_of(page) == ("ar", HEADINGS["ar"])
    consent = client.complete(page)
    assert client.answer(consent)["code"]


def test_an_error_is_shown_in_the_language_and_sent_in_english(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, ui_locales="de", redirect_uri="https://other.example/")
    assert language_of(page) == ("de", "Diese Anfrage kann nicht beantwortet werden")
    assert "Die redirect_uri ist keine, die die Anwendung registriert hat." in page.text
    sent = client.answer(client.authorize(browser, ui_locales="de", prompt="none"))
    assert sent["error_description"].isascii()
    assert sent["error_description"].startswith("End-User interaction is required")


def test_what_only_developers_read_is_marked_as_english(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = browser.get("/create_client", headers=asking_for("ar")).forms["client"]
    form["client_name"], form["redirect_uris"] = "Shop", "javascript:alert(1)"
    page = form.submit(status=400, headers=asking_for("ar"))
    error = page.html.find(id="redirect_uris-error").find("span", lang="en")
    assert error["dir"] == "ltr"
    assert error.get_text().startswith("Redirect URI 1 ")


def test_signing_out_has_the_language_that_the_application_asks_for(provider: Provider) -> None:
    client = provider.register(post_logout_redirect_uris=["https://client.example/out"])
    browser = provider.browser()
    client.login(browser)
    query = {"client_id": client.client_id, "ui_locales": "xx es-MX"}
    page = browser.get("/oauth/end_session", query).follow()
    assert language_of(page) == ("es", "¿Cerrar sesión?")
    page = page.forms["logout"].submit().follow()
    assert language_of(page) == ("es", "Ha cerrado la sesión")


# The choice at the end of a page


def choose(page: webtest.TestResponse, language: str, **fields: str) -> webtest.TestResponse:
    """Press the button of a language."""
    [form] = [it for it in page.forms.values() if it.action.endswith("/language")]
    for name, value in fields.items():
        form[name] = value
    return form.submit("locale", value=language)


def test_a_choice_leads_back_to_the_page_and_lasts(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, ui_locales="fr")
    back = choose(page, "de")
    assert back.status_int == 303
    assert "HttpOnly" in back.headers["Set-Cookie"]
    again = back.follow()
    assert again.request.url == page.request.url
    assert language_of(again) == ("de", HEADINGS["de"])  # and not what the application asks for
    consent = client.complete(again)
    assert client.answer(consent)["code"]
    assert language_of(browser.get("/account", headers=asking_for("es")))[0] == "de"


def test_the_page_names_each_language_in_itself(provider: Provider) -> None:
    footer = provider.browser().get("/login", headers=asking_for("fr")).html.find("footer")
    names = {it["lang"]: it.get_text().strip() for it in footer.find_all(lang=True)}
    assert names == {
        "en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ar": "العربية",
    }  # fmt: skip
    assert footer.find(attrs={"aria-current": "true"})["lang"] == "fr"
    assert footer.form["aria-label"] == "Langue"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""],
)
def test_a_choice_leads_nowhere_else(provider: Provider, target: str) -> None:
    page = provider.browser().get("/login")
    assert choose(page, "de", next=target).location == f"{provider.issuer}/"


@pytest.mark.parametrize("tag", ["", "xx", "../de", "DE", "de\x00", "d" * 5000])
def test_only_a_language_that_exists_is_kept(provider: Provider, tag: str) -> None:
    browser = provider.browser()
    answer = choose(browser.get("/login"), tag)
    assert "language=" not in answer.headers.get("Set-Cookie", "")
    name = provider.registry.oidc.provider.cookie_name("language")
    cookie = {"Cookie": f"{name}={tag.encode().hex()}"}
    assert language_of(browser.get("/login", headers=cookie))[0] == "en"


def test_another_site_cannot_choose(provider: Provider) -> None:
    browser = provider.browser()
    browser.get("/login")
    browser.post("/language", {"locale": "de", "next": "/login"}, status=403)
    assert language_of(browser.get("/login"))[0] == "en"
    assert browser.get("/language").location == f"{provider.issuer}/"


def test_the_secret_of_a_client_is_on_no_page_with_a_choice(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = browser.get("/create_client").forms["client"]
    form["client_name"], form["redirect_uris"] = "Shop", "https://shop.example/cb"
    page = form.submit()
    assert page.html.find(id="client_secret")
    assert page.html.find("footer") is None


# Which languages there are


def test_the_operator_selects_the_languages(make_provider: Any) -> None:
    provider = make_provider(oidc__locales="es de", oidc__default_locale="de")
    browser = provider.browser()
    assert language_of(browser.get("/login"))[0] == "de"
    assert language_of(browser.get("/login", headers=asking_for("fr, en")))[0] == "de"
    discovery = browser.get("/.well-known/openid-configuration").json
    assert discovery["ui_locales_supported"] == ["es", "de"]
    footer = browser.get("/login").html.find("footer")
    assert [it["lang"] for it in footer.find_all(lang=True)] == ["es", "de"]


@pytest.mark.parametrize(
    "settings",
    [{"oidc__locales": "en"}, {"oidc__pages": "home login consent logout"}],
    ids=["one language", "not selected"],
)
def test_without_a_choice_there_is_no_footer(make_provider: Any, settings: dict[str, str]) -> None:
    page = make_provider(**settings).browser().get("/login")
    assert page.html.find("footer") is None


def test_a_page_that_is_not_selected_has_no_url(make_provider: Any) -> None:
    browser = make_provider(oidc__pages="home login consent logout").browser()
    browser.get("/language", status=404)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"oidc__locales": "en nl"},
            "oidc.locales names 'nl', but there is no catalogue nl/LC_MESSAGES/oidcserver.mo in ",
        ),
        ({"oidc__locales": "../de"}, "oidc.locales = '../de' cannot be read: it takes language "),
        ({"oidc__locales": ""}, "oidc.locales = '' cannot be read: it takes language tags such "),
        (
            {"oidc__locales": "de fr"},
            "oidc.default_locale is 'en', which oidc.locales does not name.",
        ),
    ],
)
def test_a_language_that_does_not_exist_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem) as stopped:
        make_provider(**settings)
    assert str(stopped.value).startswith(sentence)


# Catalogues of operators and plugins


def test_the_catalogue_of_an_operator_changes_sentences_and_adds_a_language(
    make_provider: Any, tmp_path: Path
) -> None:
    compile_catalogue(tmp_path, "nl", "oidcserver", a=("Sign in", "Inloggen"))
    compile_catalogue(tmp_path, "pt_BR", "oidcserver", a=("Sign in", "Entrar"))
    compile_catalogue(tmp_path, "en", "oidcserver", a=("Sign in", "Sign in to Example"))
    compile_catalogue(
        tmp_path, "de", "oidcserver", a=("See your groups", "Ihre Gruppen sehen"),
        b=("Password", "Kennwort <b>&amp;</b> %(user)s {0.__class__}"),
        c=("User name", "Name <b>&amp;</b>"),
    )  # fmt: skip
    provider = make_provider(
        oidc__locales="en de nl pt-BR",
        oidc__catalogues=str(tmp_path),
        oidc__scope_claims="groups: groups | See your groups",
    )
    client, browser = provider.register(scope="openid groups"), provider.browser()
    headings = {tag: language_of(browser.get("/login", headers=asking_for(tag))) for tag in
                ("en", "nl-BE", "pt-BR", "de")}  # fmt: skip
    assert headings == {
        "en": ("en", "Sign in to Example"), "nl-BE": ("nl", "Inloggen"),
        "pt-BR": ("pt-BR", "Entrar"), "de": ("de", "Anmelden"),
    }  # fmt: skip
    page = client.authorize(browser, scope="openid groups", ui_locales="de")
    labels = [str(label.decode_contents()) for label in page.html.find_all("label")]
    # Markup is text, and a translation with other places for values is not used.
    assert labels == ["Name &lt;b&gt;&amp;amp;&lt;/b&gt;", "Password"]
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    assert "Ihre Gruppen sehen" in follow_to_answer(form.submit()).text


@pytest.fixture
def badges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin with a page, a scope and a catalogue."""
    package = tmp_path / "badges"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from pyramid.i18n import TranslationStringFactory\n"
        "_ = TranslationStringFactory('badges')\n"
        "def page(request):\n"
        "    return {'notice': _('Badge of ${name}', mapping={'name': '<Ann>'})}\n"
        "def register(config):\n"
        "    config.add_oidc_route('badges', '/badges')\n"
        "    template = 'badges:templates/badge.jinja2'\n"
        "    config.add_oidc_view(page, route_name='badges', renderer=template)\n"
        "def includeme(config):\n"
        "    config.add_oidc_translations('badges:locale')\n"
        "    config.add_oauth_page('badges', register)\n"
        "    config.add_scope('badges', _('See your badges'), ())\n"
    )
    (package / "templates" / "badge.jinja2").write_text(
        "{%- extends 'oidcserver:templates/layout.jinja2' -%}\n"
        "{% block title %}{{ _('Badges') }}{% endblock %}\n"
        "{% block main %}<h1>{% trans count=3 %}{{ count }} badge{% pluralize %}"
        "{{ count }} badges{% endtrans %}</h1>\n{% for _ in 'x' %}<i>{{ _ }}</i>{% endfor %}"
        "<p>{{ notice }}</p><p id=b>{% trans name='<b>' %}Hello, {{ name }}{% endtrans %}</p>\n"
        "{% endblock %}"
    )
    compile_catalogue(
        package / "locale", "de", "badges", a=("See your badges", "Ihre Abzeichen sehen"),
        b=("Badge of ${name}", "Abzeichen von ${name}"), c=("Badges", "Abzeichen"),
        d=(("%(count)s badge", "%(count)s badges"), ("%(count)s Stück", "%(count)s Stücke")),
        e=("Hello, %(name)s", "Hallo, %(name)s"),
    )  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    sys.modules.pop("badges", None)


def test_a_plugin_brings_its_own_catalogue(make_provider: Any, badges: Path) -> None:
    pages = f"{DEVELOPMENT['oidc.pages']} badges"
    provider = make_provider(oidcserver__includes="badges", oidc__pages=pages)
    browser = provider.browser()
    german = browser.get("/badges", headers=asking_for("de"))
    assert language_of(german) == ("de", "3 Stücke")
    assert "<p>Abzeichen von &lt;Ann&gt;</p>" in german.text
    assert german.html.find(id="b").decode_contents() == "Hallo, &lt;b&gt;"
    assert german.html.title.get_text().startswith("Abzeichen")
    assert "Zum Inhalt springen" in german.text
    assert "<i>x</i>" in german.text
    french = browser.get("/badges", headers=asking_for("fr"))
    assert language_of(french) == ("fr", "3 badges")
    client = provider.register(scope="openid badges")
    page = client.authorize(browser, scope="openid badges", ui_locales="de")
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    assert "Ihre Abzeichen sehen" in follow_to_answer(form.submit()).text


def test_a_directory_without_a_package_stops_the_start(make_provider: Any, badges: Path) -> None:
    source = (badges / "__init__.py").read_text()
    (badges / "__init__.py").write_text(source.replace("badges:locale", str(badges / "locale")))
    with pytest.raises(ConfigurationProblem, match="add_oidc_translations takes a directory such"):
        make_provider(oidcserver__includes="badges")


# Within another application


def host_page(request: Any) -> dict[str, Any]:
    return {"language": request.locale_name}


def host_negotiator(request: Any) -> str:
    return str(request.GET.get("lang", "de"))


@pytest.fixture
def host(
    tmp_path: Path, provider_url: str, keys_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """An application in German or French with a catalogue, in which ours is included."""
    package = tmp_path / "hostapp"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "home.jinja2").write_text(
        "{{ language }}|{% trans %}Sign in{% endtrans %}|"
        "{% trans n='<b>' %}Hi {{ n }}{% endtrans %}"
        "|{{ _('Password') }}"
    )
    for language, hi in (("de", "<i>Hallo</i> %(n)s"), ("fr", "Salut %(n)s")):
        compile_catalogue(package / "locale", language, "hostapp", a=("Hi %(n)s", hi))
    monkeypatch.syspath_prepend(tmp_path)
    settings = {
        **DEVELOPMENT,
        "oidc.issuer": "http://localhost/auth",
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
        "jinja2.i18n.domain": "hostapp",
    }
    with Configurator(settings=settings) as config:
        config.set_locale_negotiator(host_negotiator)
        config.add_translation_dirs("hostapp:locale")
        config.include("oidcserver", route_prefix="/auth")
        config.add_route("host", "/")
        config.add_view(host_page, route_name="host", renderer="hostapp:home.jinja2")
    wsgi = config.make_wsgi_app()
    yield webtest.TestApp(wsgi)
    wsgi.registry.oidc.database.engine.dispose()
    sys.modules.pop("hostapp", None)


def test_the_languages_of_an_application_and_ours_do_not_meet(host: webtest.TestApp) -> None:
    ours = host.get("/auth/login", headers=asking_for("fr"))
    assert language_of(ours) == ("fr", HEADINGS["fr"])
    assert language_of(host.get("/auth/login?lang=de"))[0] == "en"
    # Its own templates have its negotiator, its catalogue, and Jinja's usual treatment of markup.
    own = host.get("/", headers=asking_for("fr"))
    assert own.text == "de|Sign in|<i>Hallo</i> &lt;b&gt;|Password"
    assert host.get("/?lang=fr").text == "fr|Sign in|Salut &lt;b&gt;|Password"


# Every page


def german_left_english(page: webtest.TestResponse, language: str) -> list[str]:
    """Return the sentences of the catalogue that a page shows in English."""
    translated = {
        it.id: it.string for it in catalogue(language)
        if isinstance(it.id, str) and it.id and not places(it.id)
    }  # fmt: skip
    soup = page.html
    for element in soup(["script", "style", "code", "pre", "footer"]) + soup.find_all(lang="en"):
        element.extract()
    shown = {" ".join(text.split()) for text in soup.stripped_strings}
    shown |= {element["aria-label"] for element in soup.find_all(attrs={"aria-label": True})}
    return [it for it in shown if it in translated and translated[it] != it]


class Tourist:
    """Opens pages in one language, and looks at each of them."""

    def __init__(self, provider: Provider, language: str) -> None:
        self.browser: Browser = provider.browser()
        self.browser.extra_environ["HTTP_ACCEPT_LANGUAGE"] = language
        self.language = language
        self.seen: set[str] = set()

    def look(self, page: webtest.TestResponse) -> webtest.TestResponse:
        """Assert that a page is in the language, as a whole."""
        assert language_of(page)[0] == self.language
        assert german_left_english(page, self.language) == []
        self.seen.add(page.html.find("h1").get_text().strip())
        return page

    def get(self, path: str, **options: Any) -> webtest.TestResponse:
        """Open a page, and look at it."""
        return self.look(self.browser.get(path, **options))

    def sign_in(self, page: webtest.TestResponse) -> webtest.TestResponse:
        """Fill the form in, and follow to the next page."""
        page.forms["login"]["username"], page.forms["login"]["password"] = "alice", "valid"
        return follow_to_answer(page.forms["login"].submit())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_the_language(make_provider: Any, language: str) -> None:
    provider = make_provider(
        oidc__pages=f"{DEVELOPMENT['oidc.pages']} device approvals",
        oidc__logout_channels="frontchannel",
        oauth__grants=f"{DEVELOPMENT['oauth.grants']} device_code ciba",
        oauth__endpoints=(
            f"{ENDPOINTS} device_authorization backchannel_authentication end_session registration"
        ),
        oauth__registration="open",
        oidc__recent_login="0",
    )
    tourist = Tourist(provider, language)
    client = provider.register(
        policy_uri="https://client.example/privacy",
        client_uri="https://client.example/",
        initiate_login_uri="https://client.example/login",
        frontchannel_logout_uri="https://client.example/out",
        post_logout_redirect_uris=["https://client.example/bye"],
    )
    # Visitors, mistakes, signing in and consent
    tourist.get("/")
    tourist.get("/no-such-page", headers={"Accept": "text/html"}, status=404)
    tourist.look(client.authorize(tourist.browser, client_id="unknown"))
    page = tourist.look(client.authorize(tourist.browser, scope="openid profile offline_access"))
    page.forms["login"]["username"] = "alice"
    tourist.look(page.forms["login"].submit(status=403))
    consent = tourist.look(tourist.sign_in(page))
    follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    tourist.look(client.authorize(tourist.browser, prompt="select_account"))
    everything = client.authorize(
        tourist.browser, scope="openid profile email offline_access", prompt="consent",
        claims='{"userinfo": {"birthdate": null, "zoneinfo": null}}',
    )  # fmt: skip
    tourist.look(everything)
    # The pages of the account
    tourist.get("/")
    account = tourist.get("/account")
    tourist.get("/login")
    tourist.get("/login?again=1&next=/account")
    tourist.get("/approvals")
    end = account.html.find("form", action=re.compile("sessions"))
    tourist.get(f"/account/sessions?session={end.find('button')['value']}")
    tourist.get(f"/account/applications?client={client.client_id}")
    # Devices
    tourist.look(tourist.browser.get("/device"))
    asked = provider.register(
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"], response_types=[],
        redirect_uris=[], token_endpoint_auth_method="none",
    ).post("/oauth/device_authorization", scope="openid profile").json  # fmt: skip
    form = tourist.browser.get("/device").forms["device"]
    tourist.look(form.submit(status=400))
    form["user_code"] = "BCDF-BCDF"
    tourist.look(form.submit(status=400))
    form["user_code"] = asked["user_code"]
    device = tourist.look(form.submit().follow())
    tourist.look(device.forms["decision"].submit("decision", value="allow").follow())
    # The pages of clients
    tourist.get("/clients")
    form = tourist.get("/create_client").forms["client"]
    tourist.look(form.submit(status=400))
    form["client_name"], form["redirect_uris"] = "Shop", "https://shop.example/cb"
    created = tourist.look(form.submit())
    shop = created.html.find("a", class_="primary")["href"]
    tourist.get(shop)
    tourist.get(f"{shop}?again=1&saved=1")
    tourist.get(f"{shop}/secret")
    tourist.get(f"{shop}/delete")
    # Signing out
    bye = {"client_id": client.client_id, "post_logout_redirect_uri": "https://client.example/bye"}
    tourist.look(follow_to_answer(tourist.browser.get("/oauth/end_session", bye)))
    out = tourist.get("/logout")
    frames = tourist.look(out.forms["logout"].submit())
    assert frames.html.find("iframe")
    tourist.get("/logout")
    tourist.look(tourist.browser.post("/logout", status=403))
    assert len(tourist.seen) >= 24


def test_values_stay_text_in_every_language(make_provider: Any) -> None:
    provider = make_provider()
    name = "<b>%(user)s ${name} {0.__class__}</b>"
    for language in HEADINGS:
        browser = provider.browser()
        browser.extra_environ["HTTP_ACCEPT_LANGUAGE"] = language
        browser.sign_in(name)
        heading = browser.get("/").html.find("h1")
        assert name in heading.get_text()
        assert [element.name for element in heading.find_all()] == ["bdi"]
        client = provider.register(client_name=name)
        consent = client.authorize(browser)
        assert name in consent.html.find("h1").get_text()
        query = parse_qs(urlsplit(consent.request.url).query)
        assert query["client_id"] == [client.client_id]
