"""The names of the settings, and the texts with which they refer to a user."""

import re

URL = "oidc.ldap_url"
STARTTLS = "oidc.ldap_starttls"
CA_BUNDLE = "oidc.ldap_ca_bundle"
BIND_DN = "oidc.ldap_bind_dn"
BIND_PASSWORD = "oidc.ldap_bind_password"
BASE = "oidc.ldap_base"
USER_FILTER = "oidc.ldap_user_filter"
DISABLED_FILTER = "oidc.ldap_disabled_filter"
ID_ATTRIBUTE = "oidc.ldap_id_attribute"
USERNAME_ATTRIBUTE = "oidc.ldap_username_attribute"
CLAIMS = "oidc.ldap_claims"
EMAIL_VERIFIED = "oidc.ldap_email_verified"
GROUP_ATTRIBUTE = "oidc.ldap_group_attribute"
GROUP_BASE = "oidc.ldap_group_base"
GROUP_FILTER = "oidc.ldap_group_filter"
GROUP_NAME_ATTRIBUTE = "oidc.ldap_group_name_attribute"
NESTED_GROUPS = "oidc.ldap_nested_groups"
MAX_GROUPS = "oidc.ldap_max_groups"
TIMEOUT = "oidc.ldap_timeout"
PLACES = "oidc.ldap_places"

#: In a filter: the name that was entered, or of the user; and the DN of the user.
USERNAME, DN = "{username}", "{dn}"
#: A comparison of an attribute with the name of the user, such as ``(uid={username})``: the
#: attribute, and the value that it has to have.
COMPARISON = re.compile(r"\(([A-Za-z][\w.;-]*)=([^()*]*\{username\}[^()*]*)\)", re.ASCII)
