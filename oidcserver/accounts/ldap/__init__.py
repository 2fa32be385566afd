"""The user directory ``ldap``: users, passwords and groups of an LDAP server (RFC 4511).

The package of the protocol, python-ldap, is an extra: only :mod:`oidcserver.accounts.ldap.sign_in`
and the modules below it import it, and only where ``oidc.user_directory = ldap`` selects it.
"""

from oidcserver.accounts.ldap import names
from oidcserver.accounts.ldap.directory import LdapDirectory
from oidcserver.accounts.ldap.rules import ldap_problem
from oidcserver.http.waiting import WaitingPlaces
from oidcserver.settings import boolean, ca_bundle, integer, reference, seconds, text, words
from oidcserver.types import Configurator

SETTINGS = (
    (names.URL, words, (),
     "The LDAP server, such as ldaps://ldap.example.com or ldap://ldap.example.com. Of several, "
     "which have to hold the same entries, the first that accepts a connection is asked."),
    (names.STARTTLS, boolean, True,
     "Whether a connection to ldap:// begins with StartTLS. Only on this machine it may be false."),
    (names.CA_BUNDLE, ca_bundle, None,
     "The certificates that verify the LDAP server's; by default the system's."),
    (names.BIND_DN, text, "",
     "The DN that the server searches as; empty: without a name."),
    (names.BIND_PASSWORD, reference, "",
     "The password of oidc.ldap_bind_dn, as env:NAME or file:PATH."),
    (names.BASE, text, "", "The DN below which users are, such as ou=people,dc=example,dc=com."),
    (names.USER_FILTER, text, "(uid={username})",
     "The filter that finds the entry of a user by the name that was entered, such as "
     "(|(uid={username})(mail={username}))."),
    (names.DISABLED_FILTER, text, "",
     "A filter of the entries that may not sign in, by attributes that the server knows, such as "
     "(pwdAccountLockedTime=*) for OpenLDAP's password policies, or for Active Directory "
     "(userAccountControl:1.2.840.113556.1.4.803:=2)."),
    (names.ID_ATTRIBUTE, text, "entryUUID",
     "The attribute that accounts here refer to, which never changes: entryUUID, or objectGUID of "
     "Active Directory."),
    (names.USERNAME_ATTRIBUTE, text, "uid",
     "The attribute with the user name, such as uid, or sAMAccountName of Active Directory."),
    (names.CLAIMS, words, ("name=cn", "given_name=givenName", "family_name=sn", "email=mail"),
     "The claims of users, as CLAIM=ATTRIBUTE."),
    (names.EMAIL_VERIFIED, boolean, False,
     "Whether the email addresses of the directory count as verified (email_verified)."),
    (names.GROUP_ATTRIBUTE, text, "",
     "The attribute of a user that holds the DNs of the user's groups, such as memberOf."),
    (names.GROUP_BASE, text, "",
     "The DN below which groups are; by default oidc.ldap_base, or with oidc.ldap_group_attribute "
     "any."),
    (names.GROUP_FILTER, text, "",
     "The filter that finds the groups of a user, such as (member={dn}) or "
     "(memberUid={username}); instead of oidc.ldap_group_attribute."),
    (names.GROUP_NAME_ATTRIBUTE, text, "cn",
     "The attribute with the name of a group that oidc.ldap_group_filter finds."),
    (names.NESTED_GROUPS, boolean, False,
     "Whether the members of a group within another group are members of that group too."),
    (names.MAX_GROUPS, integer, 1000,
     "The number of groups that a user may have. A user with more has none here, and the log has a "
     "line about it."),
    (names.TIMEOUT, seconds, 5, "How long a sign-in may wait for the LDAP server."),
    (names.PLACES, integer, 2,
     "The number of sign-ins of a process that may wait for the LDAP server at once. With "
     "oauth.outbound_places they should be fewer than the threads of the server."),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Offer the directory, and add its settings."""
    for setting in SETTINGS:
        config.add_oauth_setting(*setting)
    config.add_user_directory("ldap", LdapDirectory())

    def make_places() -> None:
        oidc = config.registry.oidc
        oidc.ldap_places = WaitingPlaces(oidc.provider.settings[names.PLACES])

    config.action(("oauth", "ldap places"), make_places)
    config.add_startup_check("ldap", ldap_problem)
