"""Turns the train rows of a data file into a history to learn from, also where the file was not made as one."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from ranking.candidate import Example
from ranking.training import MIN_LOST, MIN_WON
from worker.datafile import DataRow

# Rows of one person follow each other in an honest file, too, which makes runs longer than chance does.
_SORTED = 10
# With fewer users, or with more rows of one of them, their rows cannot be kept apart and be learned from.
_LEAST_USERS = 20
_MOST_OF_ONE_USER = 0.2


def list_train_examples(rows: Sequence[DataRow]) -> list[Example]:
    """Return the train rows as something to learn from.

    The highest label stands for a sale, and a grade of at least half of it counts as won; where that leaves fewer than
    ten rows won or lost, grades count by their places and are parted where most rows are on both sides. Outcomes that
    are sorted in time would leave nothing won before all is lost, or the other way round: chance stands for time then.
    Rows of few users are kept together lead by lead only.
    """
    train = [row for row in rows if row.split == "train"]
    levels, won = _grades([row.label or 0.0 for row in train])
    counts = Counter(row.group for row in train)
    by_lead = len(counts) < _LEAST_USERS or max(counts.values()) > _MOST_OF_ONE_USER * len(train)
    examples = [
        Example(row.to_candidate(), level, is_won, row.lead if by_lead else row.group, row.order)
        for row, level, is_won in zip(train, levels, won, strict=True)
    ]
    chance = random.Random(0).sample(range(len(examples)), len(examples))
    in_time = sorted(zip(examples, chance, strict=True), key=lambda pair: (pair[0].order, pair[1]))
    if not _lie_together([example.won is True for example, _ in in_time]):
        return examples
    return [replace(example, order=float(place)) for example, place in zip(examples, chance, strict=True)]


def _grades(labels: Sequence[float]) -> tuple[list[float], list[bool]]:
    """Return each label's level, from 0 to 1, and whether it counts as won."""
    highest = max(labels, default=1.0) or 1.0
    levels = [label / highest for label in labels]
    won = [level >= 0.5 for level in levels]
    counts = sorted(Counter(labels).items())
    if len(counts) < 2 or (sum(won) >= MIN_WON and len(won) - sum(won) >= MIN_LOST):
        return levels, won
    below = list(accumulate(count for _, count in counts[:-1]))
    cut = max(zip(below, counts[1:], strict=True), key=lambda split: min(split[0], len(labels) - split[0]))[1][0]
    places = {label: place / (len(counts) - 1) for place, (label, _) in enumerate(counts)}
    return [places[label] for label in labels], [label >= cut for label in labels]


def _lie_together(won: Sequence[bool]) -> bool:
    """Return whether equal outcomes lie together: in far fewer runs than chance makes (Wald and Wolfowitz, 1940)."""
    changes = sum(one != next_ for one, next_ in pairwise(won))
    expected = 2 * sum(won) * (len(won) - sum(won)) / max(len(won), 1)
    return changes < expected / _SORTED
