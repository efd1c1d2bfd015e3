"""The demo's organisations as benchmarks need them: pulled through the real clients, with the planted truth beside."""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

from connectors.sandbox.faults import Faults
from connectors.sandbox.org import OrgLead, build_organisation
from connectors.sandbox.server import SandboxServer
from ranking.candidate import Candidate, Example
from ranking.general.model import GeneralModel, find_general_model
from ranking.reader import CachedReader
from worker.demo import SEEDS, build_sandbox, connect
from worker.history import list_candidates, list_examples
from worker.pull import pull
from worker.settings import Settings
from worker.store import Store
from worker.wiring import build_reader


@dataclass(frozen=True, slots=True)
class PulledOrganisation:
    """One CRM's finished leads as examples, its open leads as candidates, and the truth of each candidate."""

    crm: str
    examples: list[Example]
    candidates: list[Candidate]
    truth: list[OrgLead]


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the command line's `seeds`, at most one a CRM, and `output`, a file or None."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS.values()))
    parser.add_argument("-o", "--output", type=Path)
    return parser


def open_reader() -> tuple[CachedReader, GeneralModel | None, str]:
    """Return the language model as it is configured, its general model, and its name."""
    settings = Settings(hubspot=None, salesforce=None)
    reader = build_reader(settings.ranking, settings.cache_dir)
    return reader, find_general_model(reader.version), settings.ranking.backbone


def pull_organisations(seeds: Sequence[int]) -> Iterator[PulledOrganisation]:
    """Yield an organisation for each seed, the first in HubSpot, a second in Salesforce.

    Leads whose truth nobody knows are left out.

    Raises:
        SystemExit: There are more seeds than CRMs.
    """
    if len(seeds) > len(SEEDS):
        raise SystemExit(f"{len(seeds)} seeds, but one goes with each CRM: {', '.join(SEEDS)}")
    for crm, seed in zip(SEEDS, seeds, strict=False):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(f"sqlite:///{folder}/callfirst.db")
            store.upgrade()
            app, truth = build_sandbox(crm, build_organisation(seed, datetime.now(UTC)), Faults())
            with SandboxServer(app) as server:
                pull(store, connect(crm, server.url))
            known = [
                (truth[lead.id], candidate)
                for lead, candidate in list_candidates(store, crm, datetime.now(UTC))
                if not isnan(truth[lead.id].truth)
            ]
            examples = list_examples(store, crm)
            store.close()
        yield PulledOrganisation(
            crm, examples, [candidate for _, candidate in known], [org_lead for org_lead, _ in known]
        )
