"""Rejections of UserInfo (RFC 6750 section 3.1), and those that it records."""

from typing import Any

import pytest
from sqlalchemy import func, select
from support.app import Provider

from oidcserver.models import RecordedRejection


def rows(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalars(select(func.count()).select_from(RecordedRejection)).one()


def test_a_client_s_own_token_is_about_no_user(provider: Provider) -> None:
    client = provider.register(
        grant_types=["client_credentials"], response_types=[], redirect_uris=[], scope="email"
    )
    token = client.token(grant_type="client_credentials", scope="email").json["access_token"]
    rejected = client.userinfo(token, status=403)
    assert rejected.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')
    with provider.database() as dbsession:
        row = dbsession.get_one(RecordedRejection, rejected.headers["Error-Reference"])
    assert (row.client_id, row.error) == (client.client_id, "insufficient_scope")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer unknown"}])
def test_what_strangers_send_is_not_recorded(provider: Provider, headers: Any) -> None:
    rejected = provider.browser().get("/oauth/userinfo", headers=headers, status=401)
    assert rejected.headers["WWW-Authenticate"].startswith("Bearer")
    assert "Error-Reference" not in rejected.headers
    assert rows(provider) == 0
