"""The proofs that a process of an application elsewhere has seen."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oidcserver import clock as oidcserver_clock
from oidcserver.extensions.dpop.proof import Proof
from oidcserver.resource.confirmation import SeenProofs


def proof(jti: str, key: str = "key", lifetime: int = 60) -> Proof:
    return Proof(key, jti, None, oidcserver_clock.now() + lifetime)


def use(seen: SeenProofs, used: Proof) -> bool:
    request: Any = None
    return seen.use(request, used)


def test_a_proof_is_used_once() -> None:
    seen = SeenProofs()
    assert use(seen, proof("one"))
    assert not use(seen, proof("one"))
    assert use(seen, proof("two"))
    assert use(seen, proof("one", key="another"))


def test_it_is_forgotten_when_it_would_not_be_accepted_any_more(clock: Any) -> None:
    seen = SeenProofs()
    used = proof("one")
    assert use(seen, used)
    clock.advance(60)
    assert not use(seen, used)
    clock.advance(1)
    assert use(seen, proof("two"))
    assert len(seen._expiries) == 1


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SeenProofs, "MAX_ENTRIES", 3)
    seen = SeenProofs()
    for number in range(10):
        assert use(seen, proof(str(number)))
        assert len(seen._expiries) <= 3
    assert not use(seen, proof("9"))
    assert not use(seen, proof("7"))


def test_of_several_threads_with_one_proof_one_uses_it() -> None:
    seen = SeenProofs()
    with ThreadPoolExecutor(8) as pool:
        for number in range(50):
            used = proof(str(number))
            assert sum(pool.map(lambda _, used=used: use(seen, used), range(8))) == 1
