"""Debian's OpenLDAP server on free ports, with entries that the tests make."""

import secrets
import shutil
import subprocess
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ldap
import ldap.dn
from cryptography import x509
from support.certificates import ClientCertificate
from support.processes import end, free_port, wait_until_it_listens
from support.requirements import slapd

SUFFIX = "dc=example,dc=com"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{SUFFIX}", "the word of the admin"
#: The policy of people who are locked after three wrong passwords: their pwdPolicySubentry.
POLICY = f"cn=policy,{SUFFIX}"
#: Whom the provider searches as: it may read all but passwords.
READER, READER_PASSWORD = f"cn=reader,{SUFFIX}", "the word of the reader"

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {directory}/slapd.pid
TLSCertificateFile {directory}/server.pem
TLSCertificateKeyFile {directory}/server.key
TLSCACertificateFile {directory}/ca.pem
database mdb
suffix {suffix}
rootdn {admin}
rootpw "{admin_password}"
directory {directory}/data
dbnosync
index objectClass,uid,entryUUID,member,memberUid eq
access to attrs=userPassword by anonymous auth
access to * by dn.exact={reader} read
overlay ppolicy
overlay memberof
"""


class Slapd:
    """A server that lives as long as the tests.

    ``url``, ``tls_url`` and ``socket`` are where it listens. ``ca`` is a file with the authority of
    its certificate, which is for the address 127.0.0.1: for ``localhost`` the library of OpenLDAP
    takes the name of the machine.
    """

    def __init__(self) -> None:
        program = slapd()
        assert program is not None
        # Sockets' paths are short: not pytest's own directory.
        self.directory = Path(tempfile.mkdtemp(prefix="oidcldap", dir="/var/tmp"))
        (self.directory / "data").mkdir()
        self._write_certificates()
        configuration = self.directory / "slapd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                directory=self.directory,
                suffix=SUFFIX,
                admin=ADMIN,
                admin_password=ADMIN_PASSWORD,
                reader=READER,
            )
        )
        port, tls_port = free_port(), free_port()
        self.url, self.tls_url = f"ldap://127.0.0.1:{port}", f"ldaps://127.0.0.1:{tls_port}"
        self.socket = self.directory / "ldapi"
        listeners = f"{self.url} {self.tls_url} ldapi://{quote(str(self.socket), safe='')}"
        log = self.directory / "log"
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                [program, "-d", "0", "-f", configuration, "-h", listeners],
                stdout=stream,
                stderr=stream,
            )
        wait_until_it_listens(self._process, port, log)
        wait_until_it_listens(self._process, tls_port, log)
        self.admin = ldap.initialize(self.url)
        self.admin.simple_bind_s(ADMIN, ADMIN_PASSWORD)
        self.add(SUFFIX, objectClass=["dcObject", "organization"], dc="example", o="Example")
        self.add(
            READER, objectClass=["organizationalRole", "simpleSecurityObject"],
            userPassword=READER_PASSWORD,
        )  # fmt: skip
        self.add(
            POLICY,
            objectClass=["device", "pwdPolicy"],
            pwdAttribute="userPassword",
            pwdLockout="TRUE",
            pwdMaxFailure="3",
        )

    def _write_certificates(self) -> None:
        authority = ClientCertificate("CN=The authority of the tests")
        server = ClientCertificate(
            "CN=The server", authority=authority, names=[x509.IPAddress(ip_address("127.0.0.1"))]
        )
        self.ca = self.directory / "ca.pem"
        self.ca.write_text(authority.pem)
        (self.directory / "server.pem").write_text(server.pem)
        (self.directory / "server.key").write_text(server.private_pem)

    def add(self, dn: str, **attributes: Any) -> str:
        """Add an entry; return its DN. A value is text or bytes, or a list of them."""
        self.admin.add_s(dn, [(name, _values(value)) for name, value in attributes.items()])
        return dn

    def change(self, dn: str, **attributes: Any) -> None:
        """Replace attributes of an entry; None removes one."""
        self.admin.modify_s(
            dn,
            [
                (ldap.MOD_REPLACE, name, None if value is None else _values(value))
                for name, value in attributes.items()
            ],
        )

    def read(self, dn: str, attribute: str) -> list[bytes]:
        """Return the values of an attribute."""
        [(_, attributes)] = self.admin.search_s(dn, ldap.SCOPE_BASE, attrlist=[attribute])
        values: list[bytes] = attributes.get(attribute, [])
        return values

    def new_unit(self) -> "Unit":
        """Return an empty place of a test's own."""
        return Unit(self)

    def stop(self) -> None:
        """End the server and remove its files."""
        self.admin.unbind_s()
        end(self._process)
        shutil.rmtree(self.directory)


class Unit:
    """People and groups of one test, below a DN of its own: ``base``."""

    def __init__(self, server: Slapd) -> None:
        self.server = server
        name = secrets.token_hex(8)
        self.base = server.add(f"ou={name},{SUFFIX}", objectClass="organizationalUnit", ou=name)

    def add_person(self, uid: str, password: str | None = "a long word", **attributes: Any) -> str:
        """Add a person of the class inetOrgPerson; return the DN."""
        values = {"cn": uid.title(), "sn": uid.title(), "uid": uid, **attributes}
        if password is not None:
            values["userPassword"] = password
        dn = f"uid={ldap.dn.escape_dn_chars(uid)},{self.base}"
        return self.server.add(dn, objectClass="inetOrgPerson", **values)

    def add_group(self, cn: str, *members: str) -> str:
        """Add a groupOfNames of DNs; return its DN."""
        dn = f"cn={ldap.dn.escape_dn_chars(cn)},{self.base}"
        return self.server.add(dn, objectClass="groupOfNames", cn=cn, member=list(members))

    def rename(self, dn: str, uid: str) -> str:
        """Give a person another name; return the new DN."""
        rdn = f"uid={ldap.dn.escape_dn_chars(uid)}"
        self.server.admin.rename_s(dn, rdn)
        return f"{rdn},{self.base}"

    def settings(self, **settings: object) -> dict[str, object]:
        """Return the settings of a provider whose users are the people here."""
        return {
            "oidc__user_directory": "ldap",
            "oidc__ldap_url": self.server.url,
            "oidc__ldap_ca_bundle": str(self.server.ca),
            "oidc__ldap_bind_dn": READER,
            "oidc__ldap_bind_password": READER_PASSWORD,
            "oidc__ldap_base": self.base,
            "oidc__directory_sync_interval": "0",
            **settings,
        }


def _values(value: Any) -> list[bytes]:
    values = value if isinstance(value, list) else [value]
    return [it if isinstance(it, bytes) else it.encode() for it in values]
