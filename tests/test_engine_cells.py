"""The cache's accounts: no cell is lost, none is held twice, and what is shared is counted once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engine.cells import Cache, Held, common_length

CELLS, SEQUENCES = 64, 6


class Memory:
    """Keeps each sequence's tokens as llama.cpp would."""

    def __init__(self) -> None:
        self.lengths: dict[int, int] = {}

    def copy(self, source: int, target: int, length: int) -> None:
        assert self.lengths.get(source, 0) >= length
        self.lengths[target] = length

    def trim(self, sequence: int, length: int) -> None:
        self.lengths[sequence] = min(self.lengths.get(sequence, 0), length)

    def clear(self) -> None:
        self.lengths.clear()


def tokens(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def cache() -> tuple[Cache, Memory]:
    memory = Memory()
    return Cache(memory, cells=CELLS, sequences=SEQUENCES), memory


def compute(cache: Cache, memory: Memory, held: Held, count: int) -> None:
    cache.grow(held, count)
    memory.lengths[held.sequence] = held.computed


def test_a_common_prefix_is_counted() -> None:
    assert common_length(tokens(1, 2, 3), tokens(1, 2, 4, 5)) == 2
    assert common_length(tokens(1, 2), tokens(1, 2, 3)) == 2
    assert common_length(tokens(), tokens(1)) == 0


def test_a_shared_prefix_takes_no_cells_and_outlives_its_first_owner() -> None:
    store, memory = cache()
    first = store.start(tokens(*range(40)), final=40)
    compute(store, memory, first, 40)
    second = store.start(tokens(*range(40), 99), final=50, source=first, shared=40)
    assert store.room(CELLS - 50)
    assert not store.room(CELLS - 49)
    store.finish(first, keep_all=False)
    compute(store, memory, second, 10)
    assert memory.lengths[second.sequence] == 50
    assert not store.room(CELLS - 49)
    store.drop(second)
    assert store.room(CELLS)


def test_a_prompts_last_token_is_never_shared() -> None:
    store, memory = cache()
    first = store.start(tokens(1, 2, 3), final=3)
    compute(store, memory, first, 3)
    assert store.best_source(tokens(1, 2, 3)) == (first, 2)


def test_the_longest_prefix_is_found_and_of_equals_the_computed_one() -> None:
    store, memory = cache()
    coming = store.start(tokens(1, 2, 3, 4), final=4)
    done = store.start(tokens(1, 2, 3, 4, 5), final=5)
    compute(store, memory, done, 5)
    assert store.best_source(tokens(1, 2, 3, 9)) == (done, 3)
    assert store.best_source(tokens(7, 8)) == (None, 0)
    assert coming.computed == 0


def test_kept_prefixes_go_when_room_is_needed_the_oldest_first() -> None:
    store, memory = cache()
    kept = []
    for n in range(3):
        held = store.start(tokens(*range(n * 100, n * 100 + 20)), final=20)
        compute(store, memory, held, 20)
        store.finish(held, keep_all=True)
        kept.append(held)
    store.touch(kept[0])
    assert store.room(CELLS - 40)
    assert store.idle == [kept[2], kept[0]]


def test_a_batch_keeps_only_what_others_took() -> None:
    store, memory = cache()
    first = store.start(tokens(*range(30)), final=30)
    compute(store, memory, first, 30)
    second = store.start(tokens(*range(20), 77), final=21, source=first, shared=20)
    compute(store, memory, second, 1)
    store.finish(first, keep_all=False)
    store.finish(second, keep_all=False)
    assert [h.computed for h in store.idle] == [20]
    assert store.best_source(tokens(*range(25)))[1] == 20


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_cell_is_lost_whatever_happens(data: st.DataObject) -> None:
    store, memory = cache()
    running: list[Held] = []
    for _ in range(data.draw(st.integers(1, 30))):
        act = data.draw(st.sampled_from(["start", "grow", "finish", "drop"]))
        if act == "start":
            prompt = tokens(*data.draw(st.lists(st.integers(0, 2), min_size=2, max_size=20)))
            source, shared = store.best_source(prompt)
            shared = min(shared, source.computed) if source else 0
            if store.room(len(prompt) - shared, keep=source):
                running.append(store.start(prompt, final=len(prompt), source=source, shared=shared))
        elif running:
            held = data.draw(st.sampled_from(running))
            if act == "grow" and held.computed < held.final:
                compute(store, memory, held, data.draw(st.integers(1, held.final - held.computed)))
            elif act in {"finish", "drop"}:
                running.remove(held)
                if act == "drop":
                    store.drop(held)
                else:
                    store.finish(held, keep_all=data.draw(st.booleans()))
        for held in [*running, *store.idle]:
            assert memory.lengths.get(held.sequence, 0) == held.computed == len(held.cells)
    for held in running:
        store.drop(held)
    assert store.room(CELLS, sequences=SEQUENCES)
    assert not store.idle
