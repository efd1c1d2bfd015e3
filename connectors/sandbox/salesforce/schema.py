"""What the org's objects and fields are: their names, types and what may be done with them.

The standard ones are written down in `standard/`, in the notation that `parse_objects` reads.
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_list.htm
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from connectors.sandbox.salesforce.standard.activities import ACTIVITIES
from connectors.sandbox.salesforce.standard.choices import CHOICES, DEFAULTS, RESTRICTED
from connectors.sandbox.salesforce.standard.content import CONTENT
from connectors.sandbox.salesforce.standard.sales import SALES
from connectors.sandbox.salesforce.standard.setup import SETUP

LONG_TEXT = 255
_AUDIT = (
    "CreatedDate:datetime!- CreatedById>User!- LastModifiedDate:datetime!- LastModifiedById>User!- "
    "SystemModstamp:datetime!-"
)
_LENGTHS = {"id": 18, "reference": 18, "string": 255, "textarea": 255, "picklist": 40, "multipicklist": 4099}
_LENGTHS |= {"email": 80, "phone": 40, "url": 255, "combobox": 255}
_NUMBERS = {"double", "currency", "percent"}
_UNGROUPABLE = {*_NUMBERS, "address", "anyType", "base64", "datetime", "multipicklist"}
_FIELD = re.compile(
    r"(?P<name>\w+)(?::(?P<type>\w+)(?:\((?P<length>\d+)(?:,(?P<scale>\d+))?\))?)?"
    r"(?:(?P<arrow>>>?)(?P<targets>[\w|]+))?(?P<null>[!*]?)(?P<access>[-+~]?)"
)
_HEADER = re.compile(r"# (?P<name>\w+)(?: \((?P<prefix>\w{3})\))?(?P<limits>[a-z -]*)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field, as describe shows it. `required` ones must be given when a record is created."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    relationship: str | None = None
    reference_to: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    restricted: bool = False
    custom: bool = False
    precision: int = 0
    scale: int = 0
    default: object = None
    required: bool = False

    @property
    def groupable(self) -> bool:
        """Whether records can be grouped by it."""
        return self.filterable and self.type not in _UNGROUPABLE

    @property
    def long_text(self) -> bool:
        """Whether the text is too long to be filtered, sorted or grouped by."""
        return self.type == "textarea" and self.length > LONG_TEXT


@dataclass(frozen=True, slots=True)
class ChildRelationship:
    """The records of `sobject` whose `field` names the parent."""

    name: str
    sobject: str
    field: str


@dataclass(frozen=True, slots=True)
class SObject:
    """One object. `bulk` says whether Bulk API 2.0 may query it, `prefix` how its ids begin."""

    name: str
    label: str
    prefix: str | None
    fields: Mapping[str, Field]
    children: tuple[ChildRelationship, ...] = ()
    queryable: bool = True
    replicateable: bool = True
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    bulk: bool = True


def standard_objects() -> dict[str, SObject]:
    """Return the objects that a new org has, by name."""
    return {sobject.name: sobject for text in (SALES, ACTIVITIES, CONTENT, SETUP) for sobject in parse_objects(text)}


def parse_objects(text: str) -> Iterator[SObject]:
    """Yield the objects that a text describes.

    An object begins with `# Name (prefix) limits`; the limits are words such as `no-bulk`. Its fields follow, each
    `Name:type(length)`; without a type it is a string, `>Lead|Contact` makes it a reference, and `>>Task` one whose
    parent queries cannot go on to. Then `!` stands for a field that is never null, `*` for one that must be given as
    well, `-` for a field that nobody writes, `+` for one that is written when the record is made, and `~` for one that
    is written only later. `@audit` stands for who created and changed a record and when. Words
    `Tasks=Task.WhoId` are child relationships.
    """
    for block in re.split(r"^(?=# )", text, flags=re.MULTILINE):
        heading, _, body = block.partition("\n")
        header = _HEADER.fullmatch(heading)
        if header is None:
            continue
        name, limits = header["name"], header["limits"].split()
        words = body.replace("@audit", _AUDIT).split()
        fields = [_parse_field(name, word) for word in words if "=" not in word]
        yield SObject(
            name,
            spaced(name),
            header["prefix"],
            {field.name: field for field in fields},
            tuple(_parse_child(word) for word in words if "=" in word),
            queryable="no-query" not in limits,
            replicateable="no-replication" not in limits,
            createable="no-create" not in limits and "read-only" not in limits,
            updateable="no-update" not in limits and "read-only" not in limits,
            deletable="no-delete" not in limits and "read-only" not in limits,
            bulk="no-bulk" not in limits,
        )


def spaced(name: str) -> str:
    """Return an API name as a label: `LastModifiedById` is `Last Modified By ID`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("__c").replace("_", " "))
    return re.sub(r"\bId\b", "ID", words)


def _parse_field(sobject: str, word: str) -> Field:
    match = _FIELD.fullmatch(word)
    assert match is not None, f"{sobject}: {word}"
    name, targets = match["name"], match["targets"]
    type_ = "reference" if targets else match["type"] or ("id" if name == "Id" else "string")
    length, scale = int(match["length"] or 0), int(match["scale"] or 0)
    read_only = match["access"] == "-" or type_ in ("id", "address")
    precision = (length or 18) if type_ in _NUMBERS else 0
    field = Field(
        name,
        type_,
        spaced(name),
        0 if type_ in _NUMBERS else length or _LENGTHS.get(type_, 0),
        nillable=not match["null"] and type_ not in ("id", "boolean"),
        createable=not read_only and match["access"] != "~",
        updateable=not read_only and match["access"] != "+",
        sortable=type_ != "address",
        relationship=name.removesuffix("Id") if match["arrow"] == ">" else None,
        reference_to=tuple(targets.split("|")) if targets else (),
        choices=CHOICES.get(f"{sobject}.{name}", ()),
        restricted=f"{sobject}.{name}" in RESTRICTED,
        precision=precision,
        scale=scale,
        default=DEFAULTS.get(f"{sobject}.{name}", False if type_ == "boolean" else None),
        required=match["null"] == "*",
    )
    if field.long_text or type_ in ("base64", "anyType"):
        return replace(field, filterable=False, sortable=False)
    return field


def _parse_child(word: str) -> ChildRelationship:
    name, _, target = word.partition("=")
    sobject, _, field = target.partition(".")
    return ChildRelationship(name, sobject, field)
