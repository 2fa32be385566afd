"""A credential of one kind is none of another, and trying it costs nothing."""

from typing import Any

import pytest
from support.entrances import SETTINGS, collect, entrances, make_world

from oidcserver.models.suspended_request import REQUEST_URI_PREFIX

pytestmark = pytest.mark.both_databases


def test_each_credential_is_accepted_at_its_own_entrances_alone(make_provider: Any) -> None:
    world = make_world(make_provider(**SETTINGS))
    credentials = collect(world)
    places = entrances(credentials)
    for name, entrance in places.items():
        for kind, text in credentials.items():
            if kind in entrance.accepts:
                continue
            for spelling in (text, text.removeprefix(REQUEST_URI_PREFIX)):
                assert not entrance.present(world, spelling), (kind, name)
                assert not entrance.present(world, REQUEST_URI_PREFIX + spelling), (kind, name)
    for name, entrance in places.items():
        for kind in entrance.accepts:
            assert entrance.present(world, credentials[kind]), (kind, name)
