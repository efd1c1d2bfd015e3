"""Salesforce's Leads or Opportunities as our leads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.base import HealthCheck, KnownTexts, ListedLead, Page, SetupStep, WriteOutcome
from connectors.lead import InteractionKind, Stage
from connectors.priority import Priority
from connectors.retry import RetryPolicy
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.fields import Fields
from connectors.salesforce.health import Doctor
from connectors.salesforce.package import OutboundMessageTarget
from connectors.salesforce.reading import Reader
from connectors.salesforce.schema import LEAD_OBJECTS
from connectors.salesforce.setup import Setup
from connectors.salesforce.stages import StageReader
from connectors.salesforce.transport import Transport, Usage
from connectors.salesforce.writing import BATCH_ROWS, Writer


class SalesforceConnector:
    """One Salesforce org; implements `Connector` and `Rereader`."""

    name = "salesforce"
    priorities_at_once = BATCH_ROWS

    def __init__(
        self,
        config: SalesforceConfig,
        retry: RetryPolicy | None = None,
        *,
        known_texts: KnownTexts = lambda _kind, _ids: {},
        outbound: OutboundMessageTarget | None = None,
        urgent: bool = False,
    ) -> None:
        """Open no connection yet.

        Args:
            config: How to reach the org.
            retry: How often a call is tried.
            known_texts: What the store holds of notes, whose texts cost a call each.
            outbound: Where Salesforce is to send messages of new activities; `setup` tells it.
            urgent: Whether this session may use what others leave of the org's daily calls.
        """
        lead = LEAD_OBJECTS[config.object]
        without = ",".join(config.excluded_fields)
        self.reads = f"{config.object}; lost {','.join(config.lost)}; chatter {config.chatter}; without {without}"
        self._transport = Transport(config, retry or RetryPolicy(), urgent=urgent)
        fields = Fields(self._transport, config)
        self._stages = StageReader(self._transport, config)
        self._reader = Reader(self._transport, config, self._stages, fields, known_texts)
        self._writer = Writer(self._transport, lead)
        self._setup = Setup(self._transport, lead, fields, outbound)
        self._doctor = Doctor(self._transport, config, self._stages, fields)
        self.streams = self.frequent_streams = self._reader.streams

    @property
    def calls(self) -> int:
        return self._transport.usage.calls

    @property
    def calls_left(self) -> int | None:
        usage = self._transport.usage
        if usage.used_today is None or usage.allowed_a_day is None:
            return None
        return usage.allowed_a_day - usage.used_today

    @property
    def usage(self) -> Usage:
        """What this session has cost so far, and how much the whole org has used today."""
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
