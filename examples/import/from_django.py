"""Writes the users of a Django site for `oidcserver users import`, into users.json.

python manage.py shell < from_django.py
"""

import json
from pathlib import Path

from django.contrib.auth import get_user_model

users = []
for user in get_user_model().objects.prefetch_related("groups"):
    claims = {
        "name": user.get_full_name(),
        "given_name": user.first_name,
        "family_name": user.last_name,
        "email": user.email,
    }
    users.append(
        {
            "username": user.get_username(),
            "password_hash": user.password,
            "disabled": not user.is_active,
            "groups": [group.name for group in user.groups.all()],
            "claims": {name: value for name, value in claims.items() if value},
        }
    )
Path("users.json").write_text(json.dumps(users, indent=2))
