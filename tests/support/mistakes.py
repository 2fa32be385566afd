"""Mistakes that stop a start: each an ini file with one thing wrong, and what has to be said."""

import multiprocessing
import os
import pkgutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pyramid.scripts import pserve

import oidcserver

PLUGINS = {
    "raises_at_import.py": "raise OSError('The vouchers are sold out')\n",
    "raises_when_included.py": "def includeme(config):\n    return {}['vouchers']\n",
    "raises_later.py": ("def includeme(config):\n    config.action('vouchers', lambda: 1 / 0)\n"),
    "lacks_a_module.py": "import vouchers_of_others\n",
    "broken_syntax.py": "def includeme(config)\n",
    "without_includeme.py": "",
    "misspells_directive.py": "def includeme(config):\n    config.add_oauth_grnat('x', object)\n",
    "misspells_neighbour.py": (
        "def includeme(config):\n"
        "    config.add_oauth_step('authorization_request', 'x', str, after='narrow_scop')\n"
    ),
    "misspells_flow.py": (
        "def includeme(config):\n"
        "    config.add_oauth_step('authorisation', 'x', str, after='send')\n"
    ),
    "two_words.py": "def includeme(config):\n    config.add_scope('read write', 'Both')\n",
    "lame_method.py": (
        "def includeme(config):\n    config.add_client_authentication_method('lame', object())\n"
    ),
    "lame_directory.py": (
        "def includeme(config):\n    config.add_user_directory('lame', object())\n"
    ),
    "deaf_directory.py": (
        "class Deaf:\n"
        "    def authenticate(self, request, username, password): ...\n"
        "    def find(self): ...\n"
        "def includeme(config):\n"
        "    config.add_user_directory('deaf', Deaf())\n"
    ),
    "same_path.py": (
        "def includeme(config):\n"
        "    config.add_oauth_endpoint('tea', '/oauth/token', lambda request: None)\n"
    ),
    "conflicts.py": (
        "def includeme(config):\n"
        "    config.action('vouchers', None)\n"
        "    config.add_directive('elsewhere', lambda c: c.action('vouchers', None))\n"
        "    config.elsewhere()\n"
    ),
}

PRODUCTION = {"oidcserver.mode": "production", "oidc.issuer": "https://login.example",
              "oidc.user_directory": "database"}  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """An ini file with one thing wrong. ``None`` takes a setting out."""

    name: str
    #: What the sentence holds: the setting or option, its value, what is on offer or to be done.
    said: tuple[str, ...]
    app: Mapping[str, str | None] = field(default_factory=dict)
    server: Mapping[str, str | None] = field(default_factory=dict)
    #: Changes the text of the ini file.
    text: Callable[[str], str] | None = None
    #: Changes the directory of the ini file.
    prepare: Callable[[Path], object] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Whether PasteDeploy stops before it has called any code of ours.
    before_us: bool = False
    #: Whether it is another example of a kind that `pserve` is started with already.
    another: bool = False
    #: Whether a plugin is to blame, whose traceback is logged before the sentence.
    traceback: bool = False

    def write(self, directory: Path, port: int, keys: Path) -> Path:
        """Make the ini file and what is beside it; return its path."""
        directory.mkdir()
        for name, source in PLUGINS.items():
            (directory / name).write_text(source)
        app = {
            "oidcserver.mode": "development",
            "oidc.issuer": f"http://127.0.0.1:{port}",
            "oidcserver.database_url": f"sqlite:///{directory}/provider.sqlite",
            "oidcserver.keys_directory": str(keys),
            "oidc.user_directory": "demo",
            **self.app,
        }
        server = {"listen": f"127.0.0.1:{port}", **self.server}
        lines = ["[app:main]", "use = egg:oidcserver", *_lines(app)]
        lines += ["", "[server:main]", "use = egg:oidcserver", *_lines(server), ""]
        text = "\n".join(lines)
        path = directory / "provider.ini"
        path.write_bytes((self.text(text) if self.text else text).encode("latin-1"))
        if self.prepare is not None:
            self.prepare(directory)
        return path


def _lines(options: Mapping[str, str | None]) -> list[str]:
    return [f"{name} = {value}" for name, value in options.items() if value is not None]


def run(command: str, *words: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run an installed command; return its exit code and what it says on standard error."""
    ended = subprocess.run(
        [str(Path(sys.executable).with_name(command)), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        timeout=240,
        check=False,
    )
    return ended.returncode, ended.stderr.decode()


def make_starter() -> Callable[[Path], tuple[int | None, str]]:
    """Return a function that runs `pserve` and returns as :func:`run` does.

    It forks a process that has imported what `pserve` imports, which is most of its time.
    """
    context = multiprocessing.get_context("forkserver")
    modules = (it.name for it in pkgutil.walk_packages(oidcserver.__path__, "oidcserver."))
    ours = [it for it in modules if not it.startswith("oidcserver.migrations.")]
    context.set_forkserver_preload(["pyramid.scripts.pserve", "alembic.command", *ours])

    def start(ini: Path) -> tuple[int | None, str]:
        error = ini.with_name("standard-error")
        process = context.Process(target=_pserve, args=(str(ini), str(error)))
        process.start()
        process.join(240)
        return process.exitcode, error.read_text()

    return start


def _pserve(ini: str, error: str) -> None:
    os.dup2(os.open(error, os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
    try:
        code = pserve.main(["pserve", ini])
    except Exception:  # as the interpreter does
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.exit(code)


def _replace(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


def _add(line: str) -> Callable[[str], str]:
    return lambda text: text + line


def _revision(number: str) -> Callable[[Path], object]:
    def prepare(directory: Path) -> None:
        connection = sqlite3.connect(directory / "provider.sqlite")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (number,))
        connection.commit()
        connection.close()

    return prepare


def _foreign_table(directory: Path) -> None:
    connection = sqlite3.connect(directory / "provider.sqlite")
    connection.execute("CREATE TABLE client (shoe_size INTEGER)")
    connection.close()


def _no_driver(directory: Path) -> None:
    package = directory / "hidden" / "psycopg"
    package.mkdir(parents=True)
    said = "No module named 'psycopg'"
    (package / "__init__.py").write_text(f"raise ModuleNotFoundError({said!r}, name='psycopg')\n")


def _damaged_keys(directory: Path) -> None:
    (directory / "damaged").mkdir(mode=0o700)
    key = directory / "damaged" / "sig-RS256-x.json"
    key.write_text("{")
    key.chmod(0o600)


def _plugin(name: str, *said: str, traceback: bool = False, **app: str) -> Mistake:
    own = {key.replace("__", "."): value for key, value in app.items()}
    settings = {"oidcserver.includes": name, **own}
    return Mistake(f"plugin {name}", said, app=settings, traceback=traceback)


def _value(setting: str, value: str | None, *said: str, another: bool = False) -> Mistake:
    name = f"{setting} = {value}"
    return Mistake(name, (setting, *said), app={setting: value}, another=another)


def _url(value: str, *said: str) -> Mistake:
    return _value("oidcserver.database_url", value, *said)


def _production(name: str, *said: str, prepare: Callable[[Path], object] | None = None,
                **app: str) -> Mistake:  # fmt: skip
    own = {key.replace("__", "."): value for key, value in app.items()}
    return Mistake(f"production: {name}", said, app={**PRODUCTION, **own}, prepare=prepare)


def _ldap(name: str, *said: str, another: bool = True, **change: str) -> Mistake:
    settings = {
        "oidc.user_directory": "ldap",
        "oidc.ldap_url": "ldaps://ldap.example",
        "oidc.ldap_base": "dc=example,dc=com",
        **{f"oidc.ldap_{key}": value for key, value in change.items()},
    }
    return Mistake(f"ldap: {name}", said, app=settings, another=another)


MISTAKES = (
    # The ini file.
    Mistake("an option twice", ("provider.ini, line ", "oidc.issuer", "[app:main] twice", "Keep"),
            text=_replace("[app:main]\n", "[app:main]\noidc.issuer = http://localhost\n"),
            before_us=True),
    Mistake("a section twice", ("provider.ini, line ", "[app:main]", "twice"),
            text=_add("[app:main]\nuse = egg:oidcserver\n"), before_us=True),
    Mistake("a line before the first section", ("line 1", "'hello'", "before any [section]"),
            text=lambda text: f"hello\n{text}", before_us=True),
    Mistake("a line without a value", ("provider.ini, line ", "hello", "name = value"),
            text=_replace("[server:main]\n", "[server:main]\nhello\n"), before_us=True),
    Mistake("not UTF-8", ("provider.ini", "UTF-8"), text=_add("# \xfc\n"), before_us=True),
    Mistake("no server section", ("no section [server:main]", "[app:main]"),
            text=_replace("[server:main]", "[srever:main]"), before_us=True),
    Mistake("a server that is not installed", ("egg:oidcsever", "not installed"),
            text=_replace("[server:main]\nuse = egg:oidcserver",
                          "[server:main]\nuse = egg:oidcsever"),
            before_us=True),
    Mistake("a logging handler that is not there", ("logging", "'handler_sylog'"),
            text=_add("[loggers]\nkeys = root\n[handlers]\nkeys = sylog\n[formatters]\nkeys =\n"
                      "[logger_root]\nhandlers = syslog\n"),
            before_us=True),
    Mistake("no application section", ("no section [app:main]", "Did you mean 'app:mian'?"),
            text=_replace("[app:main]", "[app:mian]")),
    Mistake("an application that is not installed", ("egg:oidcsever", "not installed"),
            text=_replace("[app:main]\nuse = egg:oidcserver",
                          "[app:main]\nuse = egg:oidcsever")),
    _value("oidcserver.database_url", "postgresql://u:p%40x@localhost/x", "[app:main]", "%%"),
    _value("oidcserver.keys_directory", "%(her)s/keys", "[app:main]", "%(her)s", "%(here)s"),
    # The server.
    Mistake("a place that is none", ("listen = '127.0.0.1:http:x'", "127.0.0.1:6543"),
            server={"listen": "127.0.0.1:http:x"}),
    Mistake("a port that is too high", ("listen = '127.0.0.1:99999'", "127.0.0.1:6543"),
            server={"listen": "127.0.0.1:99999"}, another=True),
    Mistake("an option that the server has not", ("'thread'", "Did you mean 'threads'?"),
            server={"thread": "4"}),
    Mistake("a number that is none", ("threads = 'many'", "whole number"),
            server={"threads": "many"}),
    Mistake("an option that needs another", ("trusted_proxy",),
            server={"trusted_proxy_headers": "x-forwarded-for"}),
    # Plugins.
    _plugin("raises_at_impot", "oidcserver.includes", "no module 'raises_at_impot'", "beside"),
    _plugin("without_includeme", "oidcserver.includes", "no function includeme"),
    _plugin("lacks_a_module", "lacks_a_module", "vouchers_of_others", traceback=True),
    _plugin("broken_syntax", "broken_syntax.py:1", "SyntaxError", traceback=True),
    _plugin("raises_at_import", "raises_at_import.py:1", "sold out", traceback=True),
    _plugin("raises_when_included", "raises_when_included.py:2", "'vouchers'", traceback=True),
    _plugin("raises_later", "raises_later.py:2", "ZeroDivisionError", traceback=True),
    _plugin("misspells_directive", "add_oauth_grnat", "misspells_directive.py:2",
            "Did you mean 'add_oauth_grant'?"),
    _plugin("misspells_neighbour", "after 'narrow_scop'", "Did you mean 'narrow_scope'?"),
    _plugin("misspells_flow", "'authorisation'", "Did you mean 'authorization'?"),
    _plugin("two_words", "'read write'", "two_words.py:2", "no space"),
    _plugin("lame_method", "'lame'", "lame_method.py:2", "no presented and no authenticate"),
    _plugin("lame_directory", "'lame'", "lame_directory.py:2", "has no authenticate"),
    _plugin("deaf_directory", "'deaf'", "deaf_directory.py:5", "'find'", "2 arguments"),
    _plugin("same_path", "'tea_endpoint'", "/oauth/token", "keep one",
            oauth__endpoints="authorization token tea"),
    _value("oidc.accounts_per_browser", "0", "whole number from 1 to 10"),
    _value("oidc.editable_claims", "name groups", "takes some of", "not groups", another=True),
    # The database.
    _url("postgres://localhost/x", "'postgres'", "Did you mean 'postgresql'?"),
    _url("mysql://localhost/x", "'mysql'", "not supported", "sqlite:///PATH"),
    _url("postgresql+asyncpg://localhost/x", "'postgresql+asyncpg'", "postgresql://USER@"),
    _url("postgresql+psycopg2://localhost/x", "'postgresql+psycopg2'", "mean 'postgresql'?"),
    _url("postgresql://localhost:5x32/x", "port"),
    _url("provider.sqlite", "not the URL of a database", "sqlite:///PATH"),
    _url("sqlite://", "names no file"),
    _url("postgresql://nobody@127.0.0.1:1/x", "127.0.0.1:1/x", "does not answer", "refused"),
    _url("sqlite:////does/not/exist/x.sqlite", "/does/not/exist/x.sqlite", "directory"),
    Mistake("a file that is no database", ("provider.sqlite", "file is not a database"),
            prepare=lambda directory: (directory / "provider.sqlite").write_text("no" * 999)),
    _url("env:NOT_SET_ANYWHERE", "environment variable NOT_SET_ANYWHERE"),
    _url("file:/does/not/exist", "file /does/not/exist"),
    Mistake("no database", ("oidcserver.database_url is missing",),
            app={"oidcserver.database_url": None}),
    Mistake("a driver that is not installed", ("oidcserver.database_url", "psycopg",
                                               "pip install 'oidcserver[postgresql]'"),
            app={"oidcserver.database_url": "postgresql://localhost/x"}, prepare=_no_driver,
            environment={"PYTHONPATH": "hidden"}),
    Mistake("a table of somebody else", ("'client'", "of its own"),
            prepare=_foreign_table),
    Mistake("a schema of a newer release", ("revision 9999", "newer release"),
            prepare=_revision("9999")),
    _production("no schema", "has no schema", "oidcserver initdb"),
    _production("an old schema", "at revision 0001", "oidcserver initdb",
                prepare=_revision("0001")),
    _production("a password in the ini", "holds a secret", "env:NAME",
                oidcserver__database_url="postgresql://u:hunter2@localhost/x"),
    # Keys.
    _production("no keys", "/does/not/exist", "oidcserver keys rotate",
                oidcserver__keys_directory="/does/not/exist"),
    Mistake("a damaged key", ("sig-RS256-x.json", "not a whole key", "restore"),
            app={"oidcserver.keys_directory": "%(here)s/damaged"}, prepare=_damaged_keys),
    _value("oidcserver.keys_directory", "/dev/null", "/dev/null", "directory"),
    Mistake("no key directory", ("oidcserver.keys_directory is missing",),
            app={"oidcserver.keys_directory": None}),
    # Values.
    _value("oauth.grant", "code", "Did you mean 'oauth.grants'?"),
    _value("oath.profile", "oauth21", "Did you mean 'oauth.profile'?"),
    _value("odic.page", "login", "Did you mean 'oidc.pages'?", another=True),
    _value("oidc.administrators", "alice, bob", "'alice, bob'", "no comma"),
    _value("oidc.administrators", "alice,bob", "no comma", another=True),
    _value("oidcserver.includes", "functools, json", "'functools,'", another=True),
    _value("oidc.upstreams", "google, github", "no comma", another=True),
    _value("oauth.outbound_ca_bundle", "/no/such", "/no/such cannot be read (No such file"),
    _value("oauth.outbound_ca_bundle", "%(here)s/provider.ini", "provider.ini holds no certificate",
           another=True),
    _value("oidc.mail_ca_bundle", "%(here)s/provider.ini", "holds no certificate", another=True),
    _value("oidc.ldap_ca_bundle", "%(here)s", "cannot be read (Is a directory)", another=True),
    _value("oauth.client_document_hosts", "https://client.example", "'https://client.example'",
           "host names such as client.example", another=True),
    _value("oidc.catalogues", "/no/such", "no directory /no/such", another=True),
    _value("oauth.grants", "authorization_cod", "'authorization_cod'",
           "Did you mean 'authorization_code'?"),
    _value("oauth.endpoints", "tokens", "'tokens'", "Did you mean 'token'?"),
    _value("oidc.pages", "logn", "'logn'", "Did you mean 'login'?", another=True),
    _value("oauth.token_endpoint_auth_methods", "basic", "'basic'", "client_secret_basic",
           another=True),
    _value("oauth.response_types", "cod", "'cod'", "On offer: code", another=True),
    _value("oauth.response_modes", "qery", "'qery'", "Did you mean 'query'?", another=True),
    _value("oauth.scopes", "opneid", "'opneid'", "Did you mean 'openid'?", another=True),
    _value("oauth.profile", "oauth2", "'oauth2'", "Did you mean 'oauth21'?"),
    _value("oidc.user_directory", "databse", "'databse'", "Did you mean 'database'?", another=True),
    _value("oidc.subject_types", "publik", "'publik'", "Did you mean 'public'?", another=True),
    _value("oidc.claims", "badge: integer", "string, number, boolean, list, object", another=True),
    _value("oidc.upstreams", "google", "'google'", "oidc.upstream.google.issuer", another=True),
    Mistake("an upstream without a secret",
            ("'them' has no client_secret for client_secret_basic: set "
             "oidc.upstream.them.client_secret.",), another=True,
            app={"oidc.upstreams": "them", "oidc.upstream.them.issuer": "https://them.example",
                 "oidc.upstream.them.client_id": "x"}),
    _value("oidcserver.mode", "prod", "'prod'", "one of production, development"),
    _value("oidc.request_parameter", "maybe", "'maybe'", "true or false"),
    _value("oidcserver.rejection_rows_per_minute", "few", "'few'", "a whole number"),
    _value("oauth.access_token_lifetime", "soon", "'soon'", "10m"),
    _value("oauth.access_token_format", "yaml", "'yaml'", "sealed, jwt", another=True),
    _value("oauth.access_token_signing_alg", "ES999", "'ES999'", "RS256, PS256, ES256"),
    _value("oidc.signing_algs", "RS255", "RS255", "RS256"),
    _value("oidc.decryption_algs", "RSA1_5", "RSA1_5", "RSA-OAEP-256", another=True),
    _value("oidc.encryption_algs", "RSA1_5", "RSA1_5", "RSA-OAEP-256", another=True),
    _value("oauth.token_endpoint_auth_signing_algs", "XS1", "XS1", "PS256", another=True),
    _value("oidc.issuer", "localhost:6543", "'localhost:6543'", "https://login.example.com"),
    _value("oidc.issuer", "https://[::1", "it takes a URL such as https://login.example.com"),
    Mistake("no issuer", ("oidc.issuer is missing",), app={"oidc.issuer": None}),
    _production("http", "oidc.issuer", "https", oidc__issuer="http://login.example"),
    _production("the demo directory", "oidc.user_directory = demo", "database",
                oidc__user_directory="demo"),
    # The LDAP server.
    _ldap("no server", "oidc.ldap_url is missing", url="", another=False),
    _ldap("no LDAP server", "'https://x'", "ldaps://ldap.example.com", url="https://x"),
    _ldap("a port that is none", "'ldap://x:p'", url="ldap://x:p"),
    _ldap("half an address", "'ldap://[::1'", "ldaps://ldap.example.com", url="ldap://[::1"),
    _ldap("in the clear of a name", "in the clear", url="ldap://x.localhost", starttls="false"),
    _ldap("in the clear", "in the clear", "oidc.ldap_starttls", url="ldap://x", starttls="false"),
    _ldap("two schemes", "has ldap and ldaps", url="ldap://x ldaps://x"),
    _ldap("no such bundle", "oidc.ldap_ca_bundle", "/no/such", ca_bundle="/no/such"),
    _ldap("no base", "oidc.ldap_base is missing", base=""),
    _ldap("no password", "oidc.ldap_bind_password", "need each other", bind_dn="cn=x"),
    _ldap("no filter", "oidc.ldap_user_filter", "is not a filter", user_filter="(uid={username}"),
    _ldap("two filters", "oidc.ldap_disabled_filter", "is not a filter",
          disabled_filter="(a=b)(c=d)"),
    _ldap("a filter of everybody", "oidc.ldap_user_filter", "{username}", user_filter="(uid=*)"),
    _ldap("a filter of similar names", "oidc.ldap_user_filter", "compares an attribute",
          user_filter="(uid~={username})"),
    _ldap("a filter with a rule", "oidc.ldap_user_filter", "compares an attribute",
          user_filter="(uid:caseExactMatch:={username})"),
    _ldap("groups of nobody", "oidc.ldap_group_filter", "{dn}", group_filter="(cn=*)"),
    _ldap("two kinds of groups", "oidc.ldap_group_attribute", "exclude each other",
          group_filter="(member={dn})", group_attribute="memberOf"),
    _ldap("nested groups", "oidc.ldap_nested_groups", "needs oidc.ldap_group_filter",
          nested_groups="true"),
    _ldap("no attribute", "oidc.ldap_id_attribute", "'entry UUID'", id_attribute="entry UUID"),
    _ldap("a claim without an attribute", "oidc.ldap_claims", "'email'", claims="email"),
    _ldap("an unknown claim", "oidc.ldap_claims", "'shoe_size'", "oidc.scope_claims",
          claims="shoe_size=size"),
    _ldap("a claim that is no text", "oidc.ldap_claims", "'address'",
          claims="address=postalAddress"),
    _ldap("no time", "oidc.ldap_timeout is at least 1", timeout="0"),
    _production("an LDAP password in the ini", "oidc.ldap_bind_password", "env:NAME",
                **{"oidc__user_directory": "ldap", "oidc__ldap_url": "ldaps://ldap.example",
                   "oidc__ldap_base": "dc=x", "oidc__ldap_bind_dn": "cn=x",
                   "oidc__ldap_bind_password": "hunter2"}),
)  # fmt: skip
