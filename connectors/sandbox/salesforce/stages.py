"""The steps of the funnel: lead statuses and opportunity stages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.sandbox.salesforce.org import SalesforceOrg


@dataclass(frozen=True, slots=True)
class Step:
    """One lead status, or one stage of an opportunity with its chance in per cent."""

    name: str
    won: bool = False
    closed: bool = False
    chance: float = 0.0


STATUSES = (
    Step("Open - Not Contacted"),
    Step("Working - Contacted"),
    Step("Closed - Converted", won=True, closed=True),
    Step("Closed - Not Converted", closed=True),
)
STAGES = (
    Step("Prospecting", chance=10.0),
    Step("Qualification", chance=10.0),
    Step("Needs Analysis", chance=20.0),
    Step("Value Proposition", chance=50.0),
    Step("Id. Decision Makers", chance=60.0),
    Step("Perception Analysis", chance=70.0),
    Step("Proposal/Price Quote", chance=75.0),
    Step("Negotiation/Review", chance=90.0),
    Step("Closed Won", won=True, closed=True, chance=100.0),
    Step("Closed Lost", closed=True),
)


def define_statuses(org: "SalesforceOrg", steps: Sequence[Step]) -> None:
    """Give the org these lead statuses in place of those it has; the first is every new lead's."""
    org.tables["LeadStatus"].clear()
    for number, step in enumerate(steps):
        values = {"ApiName": step.name, "MasterLabel": step.name, "SortOrder": number + 1}
        org.insert("LeadStatus", {**values, "IsDefault": number == 0, "IsConverted": step.won}, org.founded_at)
    _set_choices(org, "Lead", "Status", [step.name for step in steps], default=steps[0].name)


def define_stages(org: "SalesforceOrg", steps: Sequence[Step]) -> None:
    """Give the org these opportunity stages in place of those it has."""
    org.tables["OpportunityStage"].clear()
    for number, step in enumerate(steps):
        values = {"ApiName": step.name, "MasterLabel": step.name, "SortOrder": number + 1, "IsActive": True}
        forecast = "Closed" if step.won else "Omitted" if step.closed else "Pipeline"
        more = {"ForecastCategory": forecast, "ForecastCategoryName": forecast, "DefaultProbability": step.chance}
        states = {"IsClosed": step.closed, "IsWon": step.won}
        org.insert("OpportunityStage", {**values, **more, **states}, org.founded_at)
    _set_choices(org, "Opportunity", "StageName", [step.name for step in steps], default=None)


def _set_choices(org: "SalesforceOrg", sobject: str, name: str, choices: Sequence[str], default: str | None) -> None:
    known = org.objects[sobject].fields[name]
    org.add_field(sobject, replace(known, choices=tuple(choices), default=default))
