"""Whether the reasons are the reasons: what is cited moves a lead, and says what the organisation planted.

    .venv/bin/python -m benchmarks.reasons [--seeds 31 32] [-o FILE]

For each open lead of the demo's organisations the strongest text for it and the strongest against it are cited. The
deletion test takes the cited text away and, for comparison, another text of the same lead of about the same length
(the nearest, a longer one in doubt); the lead's whole utility is computed anew each time, with every field and count.
The planted test asks whether the cited text holds a fact that raises (or lowers) the chance, where the lead has one.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks.organisations import PulledOrganisation, pull_organisations
from connectors.sandbox.org import FACT_WEIGHTS, OrgLead
from ranking.candidate import Candidate, Passage
from ranking.explanation import sentences, strongest
from ranking.general.model import find_general_model
from ranking.metrics import bootstrap_mean
from ranking.model import RankingModel
from ranking.reader import CachedReader
from ranking.training import train
from worker.demo import SEEDS
from worker.settings import Settings
from worker.wiring import build_reader


def main() -> None:
    """Print the share of cited texts that pass each test, with 95 % intervals over resampled citations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=list(SEEDS.values()))
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    settings = Settings(hubspot=None, salesforce=None)
    reader = build_reader(settings.ranking, settings.cache_dir)
    found: dict[str, list[float]] = {}
    for org in pull_organisations(arguments.seeds):
        model = train(org.examples, reader, find_general_model(reader.version), backbone=settings.ranking.backbone)
        for name, values in judge(org, model, reader).items():
            found.setdefault(name, []).extend(values)
    figures = {
        name: {"citations": len(values), **asdict(bootstrap_mean(np.array(values)))} for name, values in found.items()
    }
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if arguments.output is not None:
        arguments.output.write_text(text)


def judge(org: PulledOrganisation, model: RankingModel, reader: CachedReader) -> dict[str, list[float]]:
    """Return, by test, 1 or 0 for each citation that the test applies to; one half for a tie."""
    found: dict[str, list[float]] = {}
    variants: list[Candidate] = []
    signs: list[int] = []
    for item, lead in zip(model.score(org.candidates, reader), org.truth, strict=True):
        for sign, name in ((1, "for"), (-1, "against")):
            cited = strongest(item, sign)
            if cited is None:
                continue
            found.setdefault("a quoted sentence is an exact part of its text", []).extend(
                float(part in cited.text) for part in sentences(cited.text)
            )
            facts = [_fact(passage, lead) for passage in item.candidate.passages]
            if any(np.sign(fact) == sign for fact in facts):
                said = float(np.sign(_fact(cited, lead)) == sign)
                found.setdefault(f"planted: cited {name} holds a fact {name}", []).append(said)
                by_chance = float(np.mean([np.sign(fact) == sign for fact in facts]))
                found.setdefault(f"planted: any text of the lead holds a fact {name}", []).append(by_chance)
            others = [passage for passage in item.candidate.passages if passage is not cited]
            if others:
                other = min(others, key=lambda passage: (abs(len(passage.text) - len(cited.text)), -len(passage.text)))
                variants += [item.candidate, _without(item.candidate, cited), _without(item.candidate, other)]
                signs.append(sign)
    utilities = model.utilities(variants, reader).reshape(-1, 3)
    moved = np.array(signs)[:, None] * (utilities[:, [0]] - utilities[:, 1:])
    found["deletion: cited text moves the lead more than another"] = (
        np.sign(moved[:, 0] - moved[:, 1]) / 2 + 0.5
    ).tolist()
    return found


def _fact(passage: Passage, lead: OrgLead) -> float:
    """Return the weight of the fact that a text says, 0 for chatter."""
    said: Sequence[str | None] = [i.fact for i in lead.interactions if i.occurred_at == passage.occurred_at]
    return FACT_WEIGHTS.get(said[0] or "", 0.0) if said else 0.0


def _without(candidate: Candidate, passage: Passage) -> Candidate:
    return replace(candidate, passages=tuple(kept for kept in candidate.passages if kept is not passage))


if __name__ == "__main__":
    main()
