"""Prints the users of an exported realm of Keycloak for `oidcserver users import`.

    bin/kc.sh export --realm example --users realm_file --file realm.json
    python from_keycloak.py realm.json > users.json

The subjects stay the same: they are the identifiers of the users in the realm.
"""

import json
import sys
from pathlib import Path

users = []
for user in json.loads(Path(sys.argv[1]).read_text())["users"]:
    if "serviceAccountClientId" in user:
        continue
    passwords = [it for it in user.get("credentials", ()) if it["type"] == "password"]
    claims = {
        "name": " ".join(filter(None, (user.get("firstName"), user.get("lastName")))),
        "given_name": user.get("firstName"),
        "family_name": user.get("lastName"),
        "email": user.get("email"),
    }
    claims = {name: value for name, value in claims.items() if value}
    if "email" in claims:
        claims["email_verified"] = user.get("emailVerified", False)
    users.append(
        {
            "username": user["username"],
            "id": user["id"],
            "password_hash": passwords[0] if passwords else None,
            "disabled": not user.get("enabled", True),
            "groups": [path.removeprefix("/") for path in user.get("groups", ())],
            "claims": claims,
        }
    )
json.dump(users, sys.stdout, indent=2)
