"""The requests of clients and users, sent at once by a worker for each kind."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from threading import Event

from support.app import RelyingParty
from support.families import make_refresh_tokens
from support.person import Person
from support.remote_party import RemoteParty

PEOPLE = 5

Step = Callable[[], None]
Work = Callable[[RemoteParty], Step]


def ask_client_credentials(party: RemoteParty) -> Step:
    def step() -> None:
        answer = party.token(grant_type="client_credentials", scope="profile")
        assert answer.status == 200, answer

    return step


def rotate_refresh_tokens(party: RemoteParty) -> Step:
    """Present each refresh token once, and then the one that came of it."""
    [refresh_token] = make_refresh_tokens(party.party, 1)

    def step() -> None:
        nonlocal refresh_token
        answer = party.refresh(refresh_token)
        assert answer.status == 200, answer
        refresh_token = answer.json["refresh_token"]

    return step


def ask_userinfo(party: RemoteParty) -> Step:
    access_token, _ = party.new_tokens()

    def step() -> None:
        answer = party.userinfo(access_token)
        assert answer.status == 200, answer

    return step


def introspect(party: RemoteParty) -> Step:
    access_token, _ = party.new_tokens()

    def step() -> None:
        assert party.introspect(access_token)

    return step


def sign_in(party: RemoteParty) -> Step:
    """Sign in anew each time: the login page, the consent page, the code, the tokens."""

    def step() -> None:
        with Person("newcomer") as person:
            answer = party.redeem(party.authorize(person)["code"])
        assert answer.status == 200, answer

    return step


def stay_signed_in(party: RemoteParty) -> Step:
    """Come back signed in, with a consent that is remembered: no page, the code, the tokens."""
    people = cycle(signed_in_people(party))

    def step() -> None:
        with next(people) as person:
            answer = party.redeem(party.authorize(person)["code"])
        assert person.seen == []
        assert answer.status == 200, answer

    return step


def read_discovery(party: RemoteParty) -> Step:
    def step() -> None:
        answer = party.http.get("/.well-known/openid-configuration")
        assert answer.json["issuer"] == party.url

    return step


DAILY_WORK: tuple[Work, ...] = (
    ask_client_credentials,
    rotate_refresh_tokens,
    ask_userinfo,
    introspect,
    sign_in,
    stay_signed_in,
)


def signed_in_people(party: RemoteParty) -> list[Person]:
    """Return people who are signed in and whose consent is remembered."""
    people = [Person(f"person-{number}", remembers=True) for number in range(PEOPLE)]
    for person in people:
        with person:
            party.authorize(person)
    return people


class Worker:
    """Does one thing again and again, and keeps what went wrong.

    ``pause`` is the time between two of them, in seconds.
    """

    def __init__(self, work: Work, party: RemoteParty, pause: float) -> None:
        self.name = work.__name__
        self.step = work(party)
        self.pause = pause
        self.done = 0
        self.failures: list[str] = []

    def run(self, stop: Event) -> None:
        while not stop.wait(self.pause):
            try:
                self.step()
                self.done += 1
            except Exception as problem:
                self.failures.append(f"{self.name}: {problem!r}")


@contextmanager
def load(
    works: Sequence[Work], urls: Sequence[str], client: RelyingParty, pause: float = 0
) -> Iterator[list[Worker]]:
    """Let all work be done at once until the end of the ``with``, each at the next of the URLs."""
    stop = Event()
    with ExitStack() as stack:
        workers = []
        for work, url in zip(works, cycle(urls), strict=False):
            party = stack.enter_context(RemoteParty(url, client))
            workers.append(Worker(work, party, pause))
        pool = stack.enter_context(ThreadPoolExecutor(len(works)))
        stack.callback(stop.set)
        for worker in workers:
            pool.submit(worker.run, stop)
        yield workers
