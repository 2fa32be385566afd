"""A relying party on requests-oauthlib. See support/relying_party_process.py."""

import json
import os
from typing import Any

import requests
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the provider of the test speaks http


def hear() -> Any:
    """Return the next line."""
    return json.loads(input())


configuration = hear()
metadata: dict[str, Any] = requests.get(
    f"{configuration['issuer']}/.well-known/openid-configuration", timeout=30
).json()
secret: str = configuration["client_secret"]
documented: dict[str, Any] = {}
exec(configuration["settings"], {"OAuth2Session": OAuth2Session}, documented)
session: OAuth2Session = documented["session"]
session.auto_refresh_url = metadata["token_endpoint"]
session.auto_refresh_kwargs = {"client_id": configuration["client_id"], "client_secret": secret}
session.token_updater = lambda token: None
url, _state = session.authorization_url(metadata["authorization_endpoint"])
print(json.dumps({"open": url}), flush=True)
token = session.fetch_token(
    metadata["token_endpoint"], authorization_response=hear(), client_secret=secret
)
report: dict[str, Any] = {"userinfo": session.get(metadata["userinfo_endpoint"]).json()}
session.token = {**session.token, "expires_at": 1}
report["userinfo_after_refresh"] = session.get(metadata["userinfo_endpoint"]).json()
refreshed = session.refresh_token(
    metadata["token_endpoint"], client_id=configuration["client_id"], client_secret=secret,
    refresh_token=session.token["refresh_token"],
)  # fmt: skip
report["rotated"] = refreshed["refresh_token"] != token["refresh_token"]
revocation = session.post(
    metadata["revocation_endpoint"],
    {"token": refreshed["refresh_token"], "client_id": configuration["client_id"],
     "client_secret": secret},
    withhold_token=True,
)  # fmt: skip
report["revocation"] = revocation.status_code
report["userinfo_after_revocation"] = requests.get(
    metadata["userinfo_endpoint"],
    headers={"Authorization": f"Bearer {refreshed['access_token']}"},
    timeout=30,
).status_code
print(json.dumps({"report": report}))
