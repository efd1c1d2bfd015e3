"""Which Salesforce objects and fields are read and written, and what we call them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connectors.lead import InteractionKind
from connectors.priority import PriorityField

PREFIX = "Callfirst_"
PERMISSION_SET = "Callfirst"


@dataclass(frozen=True, slots=True)
class LeadObject:
    """The object that is ranked: what it is called, and which of its fields mean what.

    `required` are the fields without which a row means nothing, `fields` those that describe it, with our names. Fields
    that only say how it ended (`Probability`, `ForecastCategory`, `CloseDate`) are not among them, nor is what a rep
    writes there until the end (`NextStep`, `Description`): a field has no history, and would tell of a past what came
    later.
    """

    name: Literal["Lead", "Opportunity"]
    stream: str
    prefix: str  # of its ids
    stage: str
    required: tuple[str, ...]
    fields: Mapping[str, str]
    parents: Mapping[str, str]  # fields of records above it, which no description of it lists
    history: str
    open_filter: str


_COMMON = ("Id", "Name", "OwnerId", "IsDeleted", "CreatedDate", "SystemModstamp")

LEAD_OBJECTS = {
    "Lead": LeadObject(
        name="Lead",
        stream="leads",
        prefix="00Q",
        stage="Status",
        required=(*_COMMON, "Status", "IsConverted", "MasterRecordId"),
        fields={
            "Company": "company",
            "Title": "title",
            "Industry": "industry",
            "Country": "country",
            "City": "city",
            "NumberOfEmployees": "employees",
            "AnnualRevenue": "annual_revenue",
            "LeadSource": "source",
        },
        parents={},
        history="LeadHistory",
        open_filter="IsConverted = false",
    ),
    "Opportunity": LeadObject(
        name="Opportunity",
        stream="opportunities",
        prefix="006",
        stage="StageName",
        required=(*_COMMON, "StageName", "IsClosed", "IsWon"),
        fields={"Amount": "amount", "Type": "type", "LeadSource": "source"},
        parents={
            "Account.Name": "company",
            "Account.Industry": "industry",
            "Account.BillingCountry": "country",
            "Account.NumberOfEmployees": "employees",
            "Account.AnnualRevenue": "annual_revenue",
        },
        history="OpportunityHistory",
        open_filter="IsClosed = false",
    ),
}

# What an id says of its record: the first three characters.
# https://help.salesforce.com/s/articleView?id=000385203
TASK, EVENT, EMAIL, DOCUMENT, VERSION, NOTE, POST, CONTACT = "00T", "00U", "02s", "069", "068", "002", "0D5", "003"

# The kinds that a record of an object may be: a Task is a call, a mail or a task, and may become another.
KINDS_OF = {
    TASK: (InteractionKind.TASK, InteractionKind.CALL, InteractionKind.EMAIL),
    EVENT: (InteractionKind.MEETING,),
    EMAIL: (InteractionKind.EMAIL,),
    DOCUMENT: (InteractionKind.NOTE,),
    NOTE: (InteractionKind.NOTE,),
    POST: (InteractionKind.NOTE,),
}


def field_name(field: PriorityField) -> str:
    """Return one of our fields as Salesforce spells it."""
    words = "priority" if field.name == "band" else field.name
    return PREFIX + "_".join(word.capitalize() for word in words.split("_")) + "__c"
