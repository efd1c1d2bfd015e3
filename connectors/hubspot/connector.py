"""HubSpot's contacts, deals or leads as our leads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.base import HealthCheck, ListedLead, Page, SetupStep, WriteOutcome
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.fields import LeadFields
from connectors.hubspot.health import Doctor
from connectors.hubspot.reading import ARCHIVED, KINDS, LATE_ASSOCIATIONS, Reader
from connectors.hubspot.setup import Setup
from connectors.hubspot.stages import StageReader
from connectors.hubspot.transport import Transport, Usage, build_quota
from connectors.hubspot.writing import BATCH_ROWS, Writer
from connectors.lead import InteractionKind, Stage
from connectors.priority import Priority
from connectors.quota import Quota
from connectors.retry import RetryPolicy


class HubSpotConnector:
    """One HubSpot portal; implements `Connector`."""

    name = "hubspot"
    priorities_at_once = BATCH_ROWS

    def __init__(self, config: HubSpotConfig, retry: RetryPolicy | None = None, quota: Quota | None = None) -> None:
        # Interactions come before leads: a lead's links are compared with what has been read of them.
        self.frequent_streams = (*KINDS, config.object)
        self.streams = (*self.frequent_streams, ARCHIVED, LATE_ASSOCIATIONS)
        ends = f"won {config.won}, lost {config.lost}"
        self.reads = f"{config.object} by {config.stage_property}; {ends}; without {','.join(config.excluded_fields)}"
        self._transport = Transport(config, retry or RetryPolicy(), quota or build_quota(config))
        fields = LeadFields(self._transport, config)
        self._stages = StageReader(self._transport, config, fields)
        self._reader = Reader(self._transport, config, self._stages, fields)
        self._writer = Writer(self._transport, config, self._stages, fields)
        self._setup = Setup(self._transport, config)
        self._doctor = Doctor(self._transport, config, self._stages, fields)

    @property
    def calls(self) -> int:
        return self._transport.usage.calls

    @property
    def calls_left(self) -> int | None:
        return self._transport.usage.left_today

    @property
    def usage(self) -> Usage:
        """What this session has cost so far."""
        return self._transport.usage

    def list_stages(self) -> list[Stage]:
        return self._stages.list_stages()

    def read(self, stream: str, *, since: datetime | None = None, position: str | None = None) -> Iterator[Page]:
        return self._reader.read(stream, since, position)

    def read_leads(self, ids: Sequence[str]) -> Page:
        return self._reader.read_leads(ids)

    def read_interactions(self, kind: InteractionKind, ids: Sequence[str]) -> Page:
        return self._reader.read_interactions(kind, ids)

    def check_health(self) -> list[HealthCheck]:
        return self._doctor.check()

    def setup(self, *, check_only: bool = False) -> list[SetupStep]:
        return self._setup.run(check_only=check_only)

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        return self._writer.write(priorities)

    def list_shown(self, priorities: Sequence[Priority]) -> set[str]:
        return self._writer.list_shown(priorities)

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        return self._writer.list_by_rank(stage)
