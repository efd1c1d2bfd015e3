"""Draws what each text of the corpus has to say, and the chance that follows from it: the causal model.

A note holds one to five facts, at most one of a group, told in a certain manner, among chatter. Its log-odds are the
sum of the facts' weights, each adapted to the stage and the manner. A snippet holds one fact, or chatter, alone. A
share of the facts is left to the writer's invention, with only their grade given, so that the corpus knows more facts
than any list. What is drawn here is then written, one text at a time; nothing is assembled from phrases.
"""

import random
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FACTS = Path(__file__).with_name("facts.toml")

STAGES = ("enquiry", "contacted", "qualified", "shown", "offer")
# How the weight of a fact grows from the first stage to the last: early on interest tells, later money and rivals do.
_EARLY_AND_LATE = {
    "money": (0.8, 1.2),
    "people": (0.9, 1.1),
    "timing": (1.0, 1.0),
    "fit": (1.0, 1.0),
    "rival": (0.8, 1.2),
    "contact": (1.2, 0.8),
    "own": (1.0, 1.0),
    "invented": (1.0, 1.0),
}
# What a fact counts for by the manner in which it is told.
MANNERS = {"plainly": 1.0, "strongly": 1.2, "as hearsay": 0.8, "with a maybe": 0.6}
_MANNER_ODDS = (6, 2, 1, 2)
_LANGUAGES = {"en": 60, "de": 11, "fr": 8, "es": 8, "it": 5, "pt": 4, "nl": 4}
_FORMS = {
    "rep's call note": 7,
    "rep's visit note": 4,
    "email from the customer": 5,
    "chat message from the customer": 2,
    "meeting minutes": 2,
    "rep's task or reminder": 2,
    "internal mail between colleagues": 1,
    "voice message, transcribed": 1,
}
_STYLES = {
    "telegram style, abbreviations": 5,
    "half sentences": 4,
    "lower case, typos": 3,
    "full sentences": 5,
    "dashes or bullets": 2,
    "wordy": 2,
    "formal": 2,
}
_LENGTHS = {"10-20 words": 4, "20-40 words": 6, "40-70 words": 3, "70-120 words": 1}
# More than this many facts do not fit into a text of that length.
_MOST_FACTS = {"10-20 words": 1, "20-40 words": 3, "40-70 words": 5, "70-120 words": 5}
# The rounds in which the corpus was drawn and written: (seed, notes and snippets of each trade).
ROUNDS = ((1, 270, 450), (2, 150, 500), (3, 80, 520))
_SHARE_INVENTED = 0.25
_SHARE_CHATTER = 0.2
_GRADES = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a text says. `weight` moves the log-odds of a sale; a fact without a meaning is to be invented."""

    id: str
    group: str
    weight: float
    meaning: str
    manner: str

    def effect(self, stage: str) -> float:
        """Return what the fact adds to the log-odds in a stage."""
        early, late = _EARLY_AND_LATE[self.group]
        progress = STAGES.index(stage) / (len(STAGES) - 1)
        return self.weight * MANNERS[self.manner] * (early + (late - early) * progress)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One text to be written. `utility` is the sum of the facts' effects: the graded truth, in log-odds."""

    id: str
    kind: str
    trade: str
    stage: str
    language: str
    form: str
    style: str
    length: str
    facts: tuple[Fact, ...]
    chatter: tuple[str, ...]

    @property
    def utility(self) -> float:
        return sum(fact.effect(self.stage) for fact in self.facts)


@dataclass(frozen=True, slots=True)
class FactTable:
    """The facts of every trade, by group, and the chatter: id to (weight, meaning), and id to meaning."""

    trades: Mapping[str, Mapping[str, Mapping[str, tuple[float, str]]]]
    chatter: Mapping[str, str]


def load_facts(file: Path = _FACTS) -> FactTable:
    """Return the table: each trade has the general groups and one of its own."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    general, chatter = table.pop("general"), table.pop("chatter")
    return FactTable({trade: general | groups for trade, groups in table.items()}, chatter)


def draw(table: FactTable, *, seed: int, notes: int, snippets: int) -> Iterator[Assignment]:
    """Yield `notes` notes and `snippets` snippets for every trade."""
    for trade, groups in table.trades.items():
        rng = random.Random(f"{seed}:{trade}")
        for number in range(notes):
            yield _draw_note(rng, f"{trade}-{seed}n{number:04}", trade, groups, table.chatter)
        for number in range(snippets):
            yield _draw_snippet(rng, f"{trade}-{seed}s{number:04}", trade, groups, table.chatter)


def _draw_note(
    rng: random.Random,
    id_: str,
    trade: str,
    groups: Mapping[str, Mapping[str, tuple[float, str]]],
    chatter: Mapping[str, str],
) -> Assignment:
    # A lead that goes well in one respect tends to in others, but far from always.
    odds_of_good = 1 / (1 + 2.718281828 ** -rng.gauss(0, 1.0))
    names = rng.sample([*groups, "invented"], rng.choices((1, 2, 3, 4, 5), (20, 30, 25, 15, 10))[0])
    facts = tuple(_draw_fact(rng, name, groups, good=rng.random() < odds_of_good) for name in names)
    lengths = {length: odds for length, odds in _LENGTHS.items() if len(facts) <= _MOST_FACTS[length]}
    return Assignment(
        id=id_,
        kind="note",
        trade=trade,
        stage=rng.choice(STAGES),
        language=_pick(rng, _LANGUAGES),
        form=_pick(rng, _FORMS),
        style=_pick(rng, _STYLES),
        length=_pick(rng, lengths),
        facts=facts,
        chatter=tuple(rng.sample(sorted(chatter), rng.choices((0, 1, 2), (4, 4, 2))[0])),
    )


def _draw_snippet(
    rng: random.Random,
    id_: str,
    trade: str,
    groups: Mapping[str, Mapping[str, tuple[float, str]]],
    chatter: Mapping[str, str],
) -> Assignment:
    is_chatter = rng.random() < _SHARE_CHATTER
    name = "invented" if rng.random() < _SHARE_INVENTED else rng.choice([*groups, "own"])
    return Assignment(
        id=id_,
        kind="snippet",
        trade=trade,
        stage=rng.choice(STAGES),
        language=_pick(rng, _LANGUAGES),
        form=rng.choice(("rep", "customer")),
        style=_pick(rng, _STYLES),
        length="4-18 words",
        facts=() if is_chatter else (_draw_fact(rng, name, groups, good=rng.random() < 0.5),),
        chatter=(rng.choice(sorted(chatter)),) if is_chatter else (),
    )


def _draw_fact(
    rng: random.Random, group: str, groups: Mapping[str, Mapping[str, tuple[float, str]]], *, good: bool
) -> Fact:
    manner = rng.choices(list(MANNERS), _MANNER_ODDS)[0]
    if group == "invented":
        grade = rng.choice([grade for grade in _GRADES if (grade > 0) is good])
        return Fact("invented", group, grade, "", manner)
    id_ = rng.choice([id_ for id_, (weight, _) in groups[group].items() if (weight > 0) is good])
    weight, meaning = groups[group][id_]
    return Fact(id_, group, weight, meaning, manner)


def _pick(rng: random.Random, odds: Mapping[str, int]) -> str:
    return rng.choices(list(odds), list(odds.values()))[0]
