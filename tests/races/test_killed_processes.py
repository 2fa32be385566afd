"""Processes that are killed in the middle of requests, and started again."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from threading import Event

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from support.app import REDIRECT_URI, Provider, RelyingParty
from support.families import make_codes, make_refresh_tokens
from support.fleet import Fleet
from support.racing import FULL, Answer, Racer

from oidcserver.models import Authorization, AuthorizationCode, RefreshToken

pytestmark = pytest.mark.races

KILLS = 200 if FULL else 3


class Client:
    """A client that asks the next process when one does not answer."""

    def __init__(self, fleet: Fleet, party: RelyingParty) -> None:
        self.party = party
        self.racers = [Racer(url) for url in fleet.urls]
        self.unanswered = 0

    def ask(self, **form: str) -> tuple[Answer, int]:
        """Ask until there is an answer; return it, and how many requests got none."""
        unanswered = 0
        while True:
            racer = random.choice(self.racers)
            try:
                return racer.post("/oauth/token", form, self.party.basic()), unanswered
            except (OSError, HTTPException):
                racer.close()
                unanswered += 1
                self.unanswered += 1
                assert unanswered < 1000
                time.sleep(0.01)

    def close(self) -> None:
        for racer in self.racers:
            racer.close()


def redeem_codes(client: Client, stop: Event) -> int:
    """Redeem codes: each gives tokens once, or, if an answer was lost, never again."""
    done = 0
    while not stop.is_set():
        for code in make_codes(client.party, 5):
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": REDIRECT_URI,
                "code_verifier": client.party.verifier,
            }
            answer, unanswered = client.ask(**form)
            assert answer.error == "" or (answer.error == "invalid_grant" and unanswered), answer
            again, _ = client.ask(**form)
            assert again.error == "invalid_grant"
            done += 1
    return done


def refresh(client: Client, stop: Event) -> int:
    """Refresh again and again: a lost answer loses nothing, since it may be asked for again."""
    done = 0
    [token] = make_refresh_tokens(client.party, 1)
    while not stop.is_set():
        answer, _ = client.ask(grant_type="refresh_token", refresh_token=token)
        assert answer.error == "", answer
        token = answer.json["refresh_token"]
        done += 1
    return done


def sign_in(client: Client, stop: Event) -> int:
    """Get new authorizations."""
    done = 0
    while not stop.is_set():
        answer, _ = client.ask(
            grant_type="password", username="walker", password="valid", scope="profile"
        )
        assert answer.error == "", answer
        done += 1
    return done


WORK: tuple[Callable[[Client, Event], int], ...] = (redeem_codes, refresh, refresh, sign_in)


@contextmanager
def at_work(clients: list[Client], counts: list[int]) -> Iterator[None]:
    """Let each client do its work; at the end say in ``counts`` how often each did."""
    stop = Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        futures = [pool.submit(work, *(c, stop)) for work, c in zip(WORK, clients, strict=True)]
        try:
            yield
        finally:
            stop.set()
        counts.extend(future.result() for future in futures)


def test_nothing_is_used_twice_nor_left_over(fleet: Fleet, client: RelyingParty) -> None:
    clients = [Client(fleet, client) for _ in WORK]
    counts: list[int] = []
    try:
        with at_work(clients, counts):
            for number in range(KILLS):
                time.sleep(random.uniform(0.05, 0.2))
                victim = number % len(fleet.servers)
                fleet.servers[victim].kill9()
                fleet.restart(victim)
    finally:
        for asking in clients:
            asking.close()
    assert min(counts) > 0
    assert sum(asking.unanswered for asking in clients) > 0  # the kills were felt
    check_rows(client.provider, client.client_id)


def check_rows(provider: Provider, client_id: str) -> None:
    """Each row has what it rests on, and what was written together is there together."""
    with provider.database() as dbsession:
        check_references(dbsession)
        families = {
            id_: (used_codes, tokens, live_tokens)
            for id_, used_codes, tokens, live_tokens in dbsession.execute(
                select(
                    Authorization.id,
                    select(func.count(AuthorizationCode.used_at))
                    .where(AuthorizationCode.authorization_id == Authorization.id)
                    .scalar_subquery(),
                    select(func.count())
                    .where(RefreshToken.authorization_id == Authorization.id)
                    .scalar_subquery(),
                    select(func.count())
                    .where(
                        RefreshToken.authorization_id == Authorization.id,
                        RefreshToken.used_at.is_(None),
                    )
                    .scalar_subquery(),
                ).where(Authorization.client_id == client_id)
            )
        }
        of_code = set(
            dbsession.scalars(
                select(AuthorizationCode.authorization_id).where(
                    AuthorizationCode.client_id == client_id
                )
            )
        )
    # A code that was used has given one refresh token; one that was not, none.
    by_code = {id_: family for id_, family in families.items() if id_ in of_code}
    assert {family for family in by_code.values() if family not in {(1, 1, 1), (0, 0, 0)}} == set()
    # Every other family has exactly one token that works.
    others = [family for id_, family in families.items() if id_ not in of_code]
    assert {live for _, _, live in others} == {1}


def check_references(dbsession: Session) -> None:
    """No row points to an authorization that is not there, and the database is sound."""
    for model in (AuthorizationCode, RefreshToken):
        orphans = select(func.count()).select_from(model)
        orphans = orphans.outerjoin(Authorization, Authorization.id == model.authorization_id)
        assert dbsession.scalar(orphans.where(Authorization.id.is_(None))) == 0
    if dbsession.get_bind().dialect.name == "sqlite":
        assert dbsession.scalar(text("PRAGMA integrity_check")) == "ok"
        assert dbsession.execute(text("PRAGMA foreign_key_check")).all() == []
