"""The funnel: lead statuses or opportunity stages, and which of them are the end."""

from collections.abc import Mapping
from typing import Any

from connectors.errors import SchemaError
from connectors.lead import Outcome, Stage
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.transport import Transport


class StageReader:
    """The stages of one org, and what a lead's row says of its own end."""

    def __init__(self, transport: Transport, config: SalesforceConfig) -> None:
        self._transport = transport
        self._config = config

    def list_stages(self) -> list[Stage]:
        """Return the funnel in the org's order.

        Raises:
            SchemaError: None of the statuses that the configuration calls lost exists.
        """
        if self._config.object == "Opportunity":
            rows = self._transport.query_rows(
                "SELECT ApiName, MasterLabel, SortOrder, IsClosed, IsWon FROM OpportunityStage ORDER BY SortOrder"
            )
            return [
                Stage(row["ApiName"], row["MasterLabel"], position, self.outcome_of(row))
                for position, row in enumerate(rows)
            ]
        rows = self._transport.query_rows(
            "SELECT ApiName, MasterLabel, SortOrder, IsConverted FROM LeadStatus ORDER BY SortOrder"
        )
        names = [row["ApiName"] for row in rows]
        if not set(self._config.lost) & set(names):
            raise SchemaError(
                f"[salesforce] lost = {list(self._config.lost)} names no lead status; the org's are {names}"
            )
        return [
            Stage(row["ApiName"], row["MasterLabel"], position, self.outcome_of({**row, "Status": row["ApiName"]}))
            for position, row in enumerate(rows)
        ]

    def outcome_of(self, row: Mapping[str, Any]) -> Outcome:
        """Return how a lead ended, from its row; of a stage, from the stage's."""
        if self._config.object == "Opportunity":
            if not row["IsClosed"]:
                return Outcome.OPEN
            return Outcome.WON if row["IsWon"] else Outcome.LOST
        if row["IsConverted"]:
            return Outcome.WON
        return Outcome.LOST if row["Status"] in self._config.lost else Outcome.OPEN
