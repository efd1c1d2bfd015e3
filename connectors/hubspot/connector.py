"""HubSpot contacts as leads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.base import ListedLead, Page, SetupStep, WriteOutcome
from connectors.hubspot.reading import Reader
from connectors.hubspot.schema import STREAM_KINDS
from connectors.hubspot.transport import HubSpotConfig, Transport
from connectors.hubspot.writing import Writer
from connectors.lead import Stage
from connectors.priority import Priority
from connectors.retry import RetryPolicy


class HubSpotConnector:
    """One HubSpot portal; implements `Connector`."""

    name = "hubspot"
    streams = ("contacts", *STREAM_KINDS)

    def __init__(self, config: HubSpotConfig, retry: RetryPolicy | None = None) -> None:
        self._transport = Transport(config, retry or RetryPolicy())
        self._reader = Reader(self._transport, config)
        self._writer = Writer(self._transport, config)

    @property
    def calls(self) -> int:
        return self._transport.calls

    def list_stages(self) -> list[Stage]:
        return self._reader.list_stages()

    def read(self, stream: str, *, since: datetime | None = None, position: str | None = None) -> Iterator[Page]:
        return self._reader.read(stream, since, position)

    def setup(self, *, check_only: bool = False) -> list[SetupStep]:
        return self._writer.setup(check_only=check_only)

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        return self._writer.write(priorities)

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        return self._writer.list_by_rank(stage)
