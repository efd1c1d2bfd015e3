"""A CRM in memory: for tests of what uses a connector, and as the plainest example of one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.base import Health, HealthCheck, ListedLead, Page, SetupStep, WriteOutcome
from connectors.errors import SchemaError
from connectors.lead import Interaction, InteractionKind, Lead, Outcome, Stage, StageChange
from connectors.priority import COMPARED_FIELDS, PRIORITY_FIELDS, Priority

_PAGE_ROWS = 50


class InMemoryConnector:
    """Leads, interactions and stage changes that are handed in; implements `Connector`.

    `priorities` holds what was written, by lead id. Tests change `leads` and `interactions` as a CRM would.
    """

    name = "memory"
    streams = ("stage_changes", "leads", "interactions")
    frequent_streams = streams
    priorities_at_once = 100
    reads = "everything"
    calls_left = None

    def __init__(
        self,
        stages: Sequence[Stage],
        leads: Iterable[Lead],
        interactions: Iterable[Interaction] = (),
        stage_changes: Iterable[StageChange] = (),
    ) -> None:
        self.stages = list(stages)
        self.leads = {lead.id: lead for lead in leads}
        self.interactions = list(interactions)
        self.stage_changes = list(stage_changes)
        self.priorities: dict[str, Priority] = {}
        self.has_fields = False
        self.calls = 0

    def list_stages(self) -> list[Stage]:
        self.calls += 1
        return list(self.stages)

    def read(self, stream: str, *, since: datetime | None = None, position: str | None = None) -> Iterator[Page]:
        start = int(position or 0)
        while True:
            self.calls += 1
            page, total = self._page(stream, since, start)
            start += _PAGE_ROWS
            yield replace(page, position=str(start) if start < total else None)
            if start >= total:
                return

    def _page(self, stream: str, since: datetime | None, start: int) -> tuple[Page, int]:
        rows = slice(start, start + _PAGE_ROWS)
        if stream == "leads":
            leads = [lead for lead in self.leads.values() if since is None or lead.modified_at >= since]
            return Page(leads=tuple(leads[rows])), len(leads)
        if stream == "interactions":
            found = [item for item in self.interactions if since is None or item.modified_at >= since]
            return Page(interactions=tuple(found[rows])), len(found)
        changes = [change for change in self.stage_changes if since is None or change.changed_at >= since]
        return Page(stage_changes=tuple(changes[rows])), len(changes)

    def read_leads(self, ids: Sequence[str]) -> Page:
        self.calls += 1
        known = tuple(id_ for id_ in ids if id_ in self.leads)
        return Page(
            leads=tuple(self.leads[id_] for id_ in known),
            interactions=tuple(item for item in self.interactions if item.lead_id in known),
            stage_changes=tuple(change for change in self.stage_changes if change.lead_id in known),
            gone_leads=tuple(id_ for id_ in ids if id_ not in self.leads),
            told_leads=known,
        )

    def read_interactions(self, kind: InteractionKind, ids: Sequence[str]) -> Page:
        self.calls += 1
        return Page(
            interactions=tuple(item for item in self.interactions if item.kind is kind and item.id in ids),
            told_interactions=tuple((kind, id_) for id_ in ids),
        )

    def check_health(self) -> list[HealthCheck]:
        if self.has_fields:
            return [HealthCheck("memory: our fields", Health.OK, "all there")]
        return [HealthCheck("memory: our fields", Health.FAIL, "missing", "run `callfirst setup`")]

    def setup(self, *, check_only: bool = False) -> list[SetupStep]:
        steps = [SetupStep(f"field {field.name}", self.has_fields) for field in PRIORITY_FIELDS]
        self.has_fields = self.has_fields or not check_only
        return steps

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        self.calls += 1
        if not self.has_fields:
            raise SchemaError("the priority fields do not exist; run `callfirst setup`")
        outcomes = []
        for priority in priorities:
            known = priority.lead_id in self.leads
            if known:
                self.priorities[priority.lead_id] = priority
            outcomes.append(WriteOutcome(priority.lead_id, written=known, detail="" if known else "NOT_FOUND"))
        return outcomes

    def list_shown(self, priorities: Sequence[Priority]) -> set[str]:
        self.calls += 1
        written = ((item, self.priorities.get(item.lead_id)) for item in priorities)
        return {
            wanted.lead_id
            for wanted, shown in written
            if shown is not None and all(getattr(wanted, name) == getattr(shown, name) for name in COMPARED_FIELDS)
        }

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        self.calls += 1
        written = [
            priority
            for id_, priority in self.priorities.items()
            if self.leads[id_].stage == stage and self.leads[id_].outcome is Outcome.OPEN
        ]
        return [
            ListedLead(
                lead_id=priority.lead_id,
                name=self.leads[priority.lead_id].name,
                stage=stage,
                band=priority.band.value,
                score=priority.score,
                rank=priority.rank,
                call_order=priority.call_order,
                reason=priority.reason,
            )
            for priority in sorted(written, key=lambda priority: priority.rank)
        ]
