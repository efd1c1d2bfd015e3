"""Snapshots show only what was known then."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.lead import Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.memory import InMemoryConnector
from worker.history import list_candidates, list_examples
from worker.pull import pull
from worker.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = [
    Stage("new", "New", 0, Outcome.OPEN),
    Stage("demo", "Demo", 1, Outcome.OPEN),
    Stage("won", "Won", 2, Outcome.WON),
    Stage("lost", "Lost", 3, Outcome.LOST),
]


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def lead(outcome: Outcome = Outcome.WON, stage: str = "won") -> Lead:
    return Lead("1", "Ann", stage, outcome, None, day(0), day(9), {"source": "fair"})


def note(id_: str, at: float, *, edited: float | None = None) -> Interaction:
    changed = day(at if edited is None else edited)
    return Interaction(id_, "1", InteractionKind.NOTE, day(at), day(at), changed, f"text {id_}")


def store_with(store: Store, notes: list[Interaction]) -> Store:
    changes = [StageChange("1", "new", day(0)), StageChange("1", "demo", day(4)), StageChange("1", "won", day(9))]
    pull(store, InMemoryConnector(STAGES, [lead()], notes, changes))
    return store


def test_one_example_for_each_stage_that_was_left(store: Store) -> None:
    examples = list_examples(store_with(store, [note("a", 1), note("b", 6)]), "memory")

    assert [(e.candidate.stage, [p.source for p in e.candidate.passages]) for e in examples] == [
        ("New", ["note:a"]),
        ("Demo", ["note:b", "note:a"]),
    ]
    assert all(example.won for example in examples)


def test_a_note_from_after_the_outcome_changes_nothing(store: Store) -> None:
    before = list_examples(store_with(store, [note("a", 1)]), "memory")
    leak = Interaction("z", "1", InteractionKind.NOTE, day(9.1), day(9.1), day(9.1), "congratulations on signing")
    pull(store, InMemoryConnector(STAGES, [lead()], [note("a", 1), leak], []), full=True)

    assert list_examples(store, "memory") == before


def test_a_note_that_was_backdated_or_edited_later_is_left_out(store: Store) -> None:
    backdated = Interaction("b", "1", InteractionKind.NOTE, day(1), day(9.5), day(9.5), "signed!")
    examples = list_examples(store_with(store, [note("a", 1, edited=9.5), backdated]), "memory")

    assert all(example.candidate.passages == () for example in examples)


def test_salesforce_history_tells_the_first_stage_by_the_change_that_left_it(store: Store) -> None:
    changes = [StageChange("1", "won", day(9), previous="demo")]
    pull(store, InMemoryConnector(STAGES, [lead()], [note("a", 1)], changes))

    assert [example.candidate.stage for example in list_examples(store, "memory")] == ["Demo"]


def test_open_leads_are_candidates_as_they_stand(store: Store) -> None:
    pull(store, InMemoryConnector(STAGES, [lead(Outcome.OPEN, "demo")], [note("a", 1)]))

    [(_, candidate)] = list_candidates(store, "memory", day(20))
    assert (candidate.stage, len(candidate.passages)) == ("Demo", 1)


@pytest.mark.parametrize(
    ("path", "level", "complete"),
    [
        ([("new", 0), ("lost", 3)], 0.0, True),
        ([("demo", 0), ("new", 3)], 0.25, True),
        ([("new", 0), ("demo", 3)], 0.5, True),
        ([("new", 0), ("demo", 3), ("offer", 5)], 0.75, True),
        ([("new", 0), ("demo", 3), ("offer", 5), ("won", 7)], 1.0, True),
        # What happens after the horizon does not count, and before it is over nobody is a loser yet.
        ([("new", 0), ("demo", 3), ("won", 300)], 0.5, True),
        ([("new", 0), ("demo", 395)], 0.5, False),
        ([("new", 0), ("demo", 395), ("won", 398)], 1.0, True),
    ],
)
def test_the_level_is_what_happens_within_the_horizon(
    store: Store, path: list[tuple[str, float]], level: float, complete: bool
) -> None:
    changes = [StageChange("1", stage, day(at)) for stage, at in path]
    stages = [*STAGES[:2], Stage("offer", "Offer", 2, Outcome.OPEN), *STAGES[2:]]
    pull(store, InMemoryConnector(stages, [lead()], [], changes))

    first = list_examples(store, "memory", now=day(400))[0]

    assert (first.level, first.complete) == (level, complete)
