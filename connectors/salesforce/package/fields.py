"""Our fields as Salesforce defines them, and the list view that shows them in call order.

One table for both formats: `PRIORITY_FIELDS`, and beside it only what Salesforce wants to know in addition.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from connectors.priority import PRIORITY_FIELDS, PriorityField
from connectors.salesforce.package.markup import Node
from connectors.salesforce.package.parts import Part
from connectors.salesforce.schema import field_name

LeadObjectName: TypeAlias = Literal["Lead", "Opportunity"]

LIST_VIEW = "Callfirst_Call_Order"
_LIST_VIEW_LABEL = "Callfirst: my call order"  # Salesforce allows 40 characters
_LISTED = ("band", "score", "rank", "call_order", "reason")

# Digits in all, those behind the point included.
_DIGITS = {"score": 4}
_DEFAULT_DIGITS = 6  # a place among a million leads
_LENGTHS = {"model_version": 80}
_MAX_TEXT = 255
# A reason is at most 255 characters, but it quotes people: a long text takes any characters they type, however
# Salesforce counts those, and a record page shows it whole on several lines.
_LONG_TEXTS = {"reason": 1000}
_VISIBLE_LINES = 3

# What reps read instead of the value; other choices show themselves.
_CHOICE_LABELS = {
    "ranked": "Ranked by your own history",
    "base": "Ranked by the general model",
    "insufficient": "Nothing to read yet",
}


@dataclass(frozen=True, slots=True)
class _ListFacts:
    """How list views spell an object's own fields, which differs from their API names."""

    columns: tuple[str, ...]
    closed: str


_LISTS: dict[LeadObjectName, _ListFacts] = {
    "Lead": _ListFacts(("FULL_NAME", "LEAD.COMPANY", "LEAD.STATUS"), "LEAD.CONVERTED"),
    "Opportunity": _ListFacts(("OPPORTUNITY.NAME", "ACCOUNT.NAME", "OPPORTUNITY.STAGE_NAME"), "OPPORTUNITY.CLOSED"),
}


def define_fields(lead_object: LeadObjectName) -> list[Part]:
    """Return our custom fields on the object that is ranked, by name: so Salesforce's own tools order them."""
    fields = sorted(PRIORITY_FIELDS, key=field_name)
    return [Part("CustomField", field_name(field), _define(field), lead_object) for field in fields]


def define_list_view(lead_object: LeadObjectName) -> Part:
    """Return the view of a rep's own open leads with their places.

    A list view stores no sort order: that is each user's own choice, made by a click on the column.
    """
    facts = _LISTS[lead_object]
    ours = [field_name(field) for field in PRIORITY_FIELDS if field.name in _LISTED]
    body: list[Node] = [
        *(("columns", column) for column in (*facts.columns, *ours)),
        ("filterScope", "Mine"),
        ("filters", [("field", facts.closed), ("operation", "equals"), ("value", "0")]),
        ("label", _LIST_VIEW_LABEL),
    ]
    return Part("ListView", LIST_VIEW, body, lead_object)


def _define(field: PriorityField) -> list[Node]:
    return [
        ("description", field.description),
        ("inlineHelpText", field.description),
        ("label", field.label),
        *_shape(field),
    ]


def _shape(field: PriorityField) -> list[Node]:
    match field.kind:
        case "choice":
            return [("type", "Picklist"), ("valueSet", _choices(field))]
        case "number":
            digits = _DIGITS.get(field.name, _DEFAULT_DIGITS)
            return [("precision", str(digits)), ("scale", str(field.decimals)), ("type", "Number")]
        case "time":
            return [("type", "DateTime")]
        case "text" if field.name in _LONG_TEXTS:
            length = str(_LONG_TEXTS[field.name])
            return [("length", length), ("type", "LongTextArea"), ("visibleLines", str(_VISIBLE_LINES))]
        case "text":
            return [("length", str(_LENGTHS.get(field.name, _MAX_TEXT))), ("type", "Text")]
        case kind:
            raise ValueError(f"{field.name}: Salesforce has no type for a {kind}")


def _choices(field: PriorityField) -> list[Node]:
    values: list[Node] = [
        ("value", [("fullName", choice), ("default", "false"), ("label", _CHOICE_LABELS.get(choice, choice))])
        for choice in field.choices
    ]
    # Restricted: the API refuses any other value, so a typing error of ours cannot become a choice.
    return [("restricted", "true"), ("valueSetDefinition", [("sorted", "false"), *values])]
