"""Salesforce Leads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.base import Health, HealthCheck, ListedLead, Page, SetupStep, WriteOutcome
from connectors.errors import ConnectorError
from connectors.lead import Stage
from connectors.priority import Priority
from connectors.retry import RetryPolicy
from connectors.salesforce.reading import Reader
from connectors.salesforce.transport import SalesforceConfig, Transport
from connectors.salesforce.writing import Writer


class SalesforceConnector:
    """One Salesforce org; implements `Connector`."""

    name = "salesforce"
    streams = Reader.streams

    def __init__(self, config: SalesforceConfig, retry: RetryPolicy | None = None) -> None:
        self.reads = f"lost {','.join(config.lost)}; without {','.join(config.excluded_fields)}"
        self._transport = Transport(config, retry or RetryPolicy())
        self._reader = Reader(self._transport, config)
        self._writer = Writer(self._transport, self._reader)

    @property
    def calls(self) -> int:
        return self._transport.calls

    def list_stages(self) -> list[Stage]:
        return self._reader.list_stages()

    def read(self, stream: str, *, since: datetime | None = None, position: str | None = None) -> Iterator[Page]:
        return self._reader.read(stream, since, position)

    def check_health(self) -> list[HealthCheck]:
        what = "salesforce: stages"
        try:
            stages = self.list_stages()
        except ConnectorError as error:
            return [HealthCheck(what, Health.FAIL, str(error), "check SALESFORCE__CLIENT_ID and the integration user")]
        missing = [step.what for step in self.setup(check_only=True) if not step.exists]
        fields = HealthCheck("salesforce: our fields", Health.OK, "all there")
        if missing:
            fields = HealthCheck(fields.what, Health.FAIL, f"missing: {', '.join(missing)}", "run `callfirst setup`")
        return [HealthCheck(what, Health.OK, f"{len(stages)} lead statuses"), fields]

    def setup(self, *, check_only: bool = False) -> list[SetupStep]:
        return self._writer.setup(check_only=check_only)

    def write_priorities(self, priorities: Sequence[Priority]) -> list[WriteOutcome]:
        return self._writer.write(priorities)

    def list_by_rank(self, stage: str) -> list[ListedLead]:
        return self._writer.list_by_rank(stage)
