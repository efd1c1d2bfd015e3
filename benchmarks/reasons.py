"""Whether the reasons are the reasons: what is cited moves a lead, and says what the organisation planted.

    .venv/bin/python -m benchmarks.reasons [--seeds 31 32] [-o FILE]

For each open lead of the demo's organisations the strongest text for it and the strongest against it are cited. The
deletion test takes the cited text away and, for comparison, another text of the same lead of about the same length
(the nearest, a longer one in doubt); the lead's whole utility is computed anew each time, with every field and count.
The planted test asks whether the cited text holds a fact that raises (or lowers) the chance, where the lead has one.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.organisations import PulledOrganisation, argument_parser, open_reader, pull_organisations
from connectors.sandbox.org import FACT_WEIGHTS, OrgLead
from ranking.candidate import Candidate, Passage
from ranking.explanation import explain, strongest
from ranking.metrics import Interval, bootstrap_statistic
from ranking.model import RankingModel
from ranking.reader import CachedReader
from ranking.training import train
from worker.scores import choose_quotes

# The quotes of a reason, as `explain` writes them; a shortened one ends in an ellipsis.
_QUOTED = re.compile(r'(?:^|; )(?:For|Against): "(.*?)" \([^()]*, \d{4}-\d{2}-\d{2}\)')


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a test says of one citation or quote of a lead: 1 passed, 0 failed, one half for a tie."""

    test: str
    lead: str
    passed: float


def main() -> None:
    """Print the share of citations that pass each test, with 95 % intervals over resampled leads."""
    arguments = argument_parser(__doc__).parse_args()
    reader, general, backbone = open_reader()
    verdicts: dict[str, list[Verdict]] = {}
    for org in pull_organisations(arguments.seeds):
        model = train(org.examples, reader, general, backbone=backbone)
        for verdict in judge(org, model, reader):
            verdicts.setdefault(verdict.test, []).append(verdict)
    figures = {test: {"citations": len(found), **asdict(_share(found))} for test, found in verdicts.items()}
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if arguments.output is not None:
        arguments.output.write_text(text)


def judge(org: PulledOrganisation, model: RankingModel, reader: CachedReader) -> Iterator[Verdict]:
    """Yield what each test says of each citation that it applies to, and of each quote that the CRM would be told."""
    scored = model.score(org.candidates, reader)
    quotes = choose_quotes(scored, model, reader)
    variants: list[Candidate] = []
    signs: list[int] = []
    for item, lead in zip(scored, org.truth, strict=True):
        key = f"{org.crm} {item.candidate.id}"
        said = [passage.text for passage in item.candidate.passages]
        for quote in _QUOTED.findall(explain(item, quotes.get(item.candidate.id, {}))):
            exact = any(quote.removesuffix("…") in text for text in said)
            yield Verdict("a quote in a reason is an exact part of a text", key, float(exact))
        for sign, name in ((1, "for"), (-1, "against")):
            cited = strongest(item, sign)
            if cited is None:
                continue
            facts = [_fact(passage, lead) for passage in item.candidate.passages]
            if any(np.sign(fact) == sign for fact in facts):
                right = float(np.sign(_fact(cited, lead)) == sign)
                yield Verdict(f"planted: the text cited {name} holds a fact {name}", key, right)
                by_chance = float(np.mean([np.sign(fact) == sign for fact in facts]))
                yield Verdict(f"planted: any text of the lead holds a fact {name}", key, by_chance)
            others = [passage for passage in item.candidate.passages if passage is not cited]
            if others:
                other = min(others, key=lambda passage: (abs(len(passage.text) - len(cited.text)), -len(passage.text)))
                variants += [item.candidate, _without(item.candidate, cited), _without(item.candidate, other)]
                signs.append(sign)
    utilities = model.utilities(variants, reader, refine=False).reshape(-1, 3)
    moved = np.array(signs)[:, None] * (utilities[:, [0]] - utilities[:, 1:])
    passed = np.sign(moved[:, 0] - moved[:, 1]) / 2 + 0.5
    for candidate, value in zip(variants[::3], passed.tolist(), strict=True):
        yield Verdict("deletion: the cited text moves the lead more than another", f"{org.crm} {candidate.id}", value)


def _share(verdicts: Sequence[Verdict]) -> Interval:
    values = np.array([verdict.passed for verdict in verdicts])
    return bootstrap_statistic(lambda found: float(found.mean()), (values,), [verdict.lead for verdict in verdicts])


def _fact(passage: Passage, lead: OrgLead) -> float:
    """Return the weight of the fact that a text says, 0 for chatter."""
    said: Sequence[str | None] = [i.fact for i in lead.interactions if i.occurred_at == passage.occurred_at]
    return FACT_WEIGHTS.get(said[0] or "", 0.0) if said else 0.0


def _without(candidate: Candidate, passage: Passage) -> Candidate:
    return replace(candidate, passages=tuple(kept for kept in candidate.passages if kept is not passage))


if __name__ == "__main__":
    main()
