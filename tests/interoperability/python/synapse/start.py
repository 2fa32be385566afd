"""A Matrix homeserver that signs users in at the provider.

``python start.py`` reads one line of JSON: ``port``, ``directory``, ``application`` (the URL of the
Matrix application) and ``settings``, the YAML of further settings. It writes the configuration and
becomes the homeserver.
"""

import json
import os
import sys
from pathlib import Path

import yaml

configuration = json.loads(input())
directory = Path(configuration["directory"])
port = configuration["port"]
homeserver = {
    "server_name": "homeserver.test",
    "public_baseurl": f"http://127.0.0.1:{port}/",
    "listeners": [
        {
            "port": port,
            "type": "http",
            "bind_addresses": ["127.0.0.1"],
            "resources": [{"names": ["client"]}],
        }
    ],
    "database": {"name": "sqlite3", "args": {"database": str(directory / "homeserver.sqlite")}},
    "signing_key_path": str(directory / "signing.key"),
    "media_store_path": str(directory / "media"),
    "pid_file": str(directory / "homeserver.pid"),
    "trusted_key_servers": [],
    "report_stats": False,
    "macaroon_secret_key": "test",
    "form_secret": "test",
    # Users go on to this application without a question of the homeserver.
    "sso": {"client_whitelist": [configuration["application"]]},
    **yaml.safe_load(configuration["settings"]),
}
path = directory / "homeserver.yaml"
path.write_text(yaml.safe_dump(homeserver))
os.execv(
    sys.executable,
    [sys.executable, "-m", "synapse.app.homeserver", "--config-path", str(path)],
)
