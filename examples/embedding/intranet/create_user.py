"""``python -m intranet.create_user INI NAME FULL_NAME EMAIL``: create a user."""

import getpass
import sys
from typing import Any

from pyramid.paster import bootstrap

from intranet.models import User


def create_user(request: Any, name: str, full_name: str, email: str, password: str) -> None:
    """Add a user in the transaction of a request."""
    user = User(name=name, full_name=full_name, email=email)
    user.set_password(password)
    request.dbsession.add(user)


def main() -> None:
    """Ask for the password and create the user."""
    ini, name, full_name, email = sys.argv[1:]
    with bootstrap(ini) as env, env["request"].tm:
        create_user(env["request"], name, full_name, email, getpass.getpass("Password: "))


if __name__ == "__main__":
    main()
