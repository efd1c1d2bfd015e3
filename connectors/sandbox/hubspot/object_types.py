"""The kinds of object that a portal holds, how paths name them, and how they may be tied to each other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of object: `plural` is its name here, `created` and `modified` the properties that date it."""

    plural: str
    singular: str
    id: str
    created: str
    modified: str
    scope: str
    schema_scope: str
    defaults: tuple[str, ...] = ()


def _engagement(plural: str, singular: str, id_: str) -> ObjectType:
    # Engagements have no scope of their own: whoever reads contacts reads what was said to them.
    return ObjectType(plural, singular, id_, "hs_createdate", "hs_lastmodifieddate", "contacts", "contacts")


OBJECT_TYPES = {
    type_.plural: type_
    for type_ in (
        ObjectType(
            "contacts",
            "contact",
            "0-1",
            "createdate",
            "lastmodifieddate",
            "contacts",
            "contacts",
            ("email", "firstname", "lastname"),
        ),
        ObjectType(
            "companies",
            "company",
            "0-2",
            "createdate",
            "hs_lastmodifieddate",
            "companies",
            "companies",
            ("domain", "name"),
        ),
        ObjectType(
            "deals",
            "deal",
            "0-3",
            "createdate",
            "hs_lastmodifieddate",
            "deals",
            "deals",
            ("amount", "closedate", "dealname", "dealstage", "pipeline"),
        ),
        ObjectType("leads", "lead", "0-136", "hs_createdate", "hs_lastmodifieddate", "leads", "leads"),
        _engagement("notes", "note", "0-46"),
        _engagement("emails", "email", "0-49"),
        _engagement("calls", "call", "0-48"),
        _engagement("meetings", "meeting", "0-47"),
        _engagement("tasks", "task", "0-27"),
        _engagement("communications", "communication", "0-18"),
    )
}
ENGAGEMENTS = ("notes", "emails", "calls", "meetings", "tasks", "communications")
_BY_NAME = {name: type_ for type_ in OBJECT_TYPES.values() for name in (type_.plural, type_.singular, type_.id)}

# From singular and to singular: the unlabelled association's type id, and that of the way back.
# https://developers.hubspot.com/docs/api-reference/crm-associations-v4/guide lists them; the way back of a lead's
# associations is not in it and is taken to be the number before.
_PAIRS = """
note-contact 202 201, note-company 190 189, note-deal 214 213,
email-contact 198 197, email-company 186 185, email-deal 210 209,
call-contact 194 193, call-company 182 181, call-deal 206 205,
meeting-contact 200 199, meeting-company 188 187, meeting-deal 212 211,
task-contact 204 203, task-company 192 191, task-deal 216 215,
communication-contact 81 82, communication-company 87 88, communication-deal 85 86,
contact-company 279 280, deal-contact 3 4, deal-company 341 342,
lead-contact 608 607, lead-company 610 609, lead-call 596 595, lead-email 598 597, lead-meeting 600 599,
lead-communication 602 601, lead-task 646 645, lead-note 854 853
"""
# Labelled associations: the label, and both type ids.
_LABELLED = """
contact-company Primary 1 2, deal-company Primary 5 6, lead-contact Primary 578 579
"""


def find_type(name: str) -> ObjectType | None:
    """Return the type that a path names by plural, singular or id, in any case."""
    return _BY_NAME.get(name.lower())


def default_type_id(type_: str, other: str) -> int | None:
    """Return the id of the unlabelled association between two types, if they can be tied."""
    return _DEFAULTS.get((type_, other))


def label_of(type_: str, other: str, type_id: int) -> str | None:
    """Return an association type's label.

    Raises:
        KeyError: These two types are not tied by that association type.
    """
    return _LABELS[type_, other][type_id]


def way_back(type_: str, other: str, type_id: int) -> int:
    """Return the type id of the same association seen from its other end."""
    return _WAYS_BACK[type_, other, type_id]


def types_tied_by(type_: str, type_id: object) -> str | None:
    """Return the type at the other end of an association type."""
    return next((to for (from_, to), labels in _LABELS.items() if from_ == type_ and type_id in labels), None)


_DEFAULTS: dict[tuple[str, str], int] = {}
_LABELS: dict[tuple[str, str], dict[int, str | None]] = {}
_WAYS_BACK: dict[tuple[str, str, int], int] = {}


def _add(pair: str, label: str | None, there: str, back: str) -> None:
    first, second = (_BY_NAME[name].plural for name in pair.split("-"))
    for from_, to, id_, other_id in ((first, second, int(there), int(back)), (second, first, int(back), int(there))):
        if label is None:
            _DEFAULTS[from_, to] = id_
        _LABELS.setdefault((from_, to), {})[id_] = label
        _WAYS_BACK[from_, to, id_] = other_id


for _entry in _PAIRS.split(","):
    _pair, _there, _back = _entry.split()
    _add(_pair, None, _there, _back)
for _entry in _LABELLED.split(","):
    _pair, _label, _there, _back = _entry.split()
    _add(_pair, _label, _there, _back)
