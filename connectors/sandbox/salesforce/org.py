"""A Salesforce org: its records, the rules by which they change, and what the integration user sees of them."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.salesforce.catalogue import Catalogue
from connectors.sandbox.salesforce.consequences import complete, follow_up
from connectors.sandbox.salesforce.conversion import convert, merge
from connectors.sandbox.salesforce.deletion import Deletion, delete, undelete
from connectors.sandbox.salesforce.faults import SalesforceFaults
from connectors.sandbox.salesforce.founding import ADMIN_ID, QUEUE_ID, USER_ID, USERNAME, found_org
from connectors.sandbox.salesforce.index import Index, LateCommits, Row, Tables
from connectors.sandbox.salesforce.permissions import GRANTS, find_access
from connectors.sandbox.salesforce.rules import ValidationRule, list_rules
from connectors.sandbox.salesforce.schema import Field, SObject
from connectors.sandbox.salesforce.settings_objects import settings_rows
from connectors.sandbox.salesforce.sight import is_hidden, seen_rows, without_hidden_fields
from connectors.sandbox.salesforce.soql import SoqlError


@dataclass(frozen=True, slots=True)
class Change:
    """One change that somebody may be told of, once it is committed."""

    sobject: str
    id: str
    committed_at: datetime


__all__ = ["ADMIN_ID", "QUEUE_ID", "USERNAME", "USER_ID", "Change", "SalesforceOrg", "ValidationRule"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class SalesforceOrg:
    """The org's settings, tables and rules.

    Rows hold Python values and only what is set: a field that a row lacks is null. Change reference fields through
    `update`, which keeps the index current. `hidden` are fields (`Lead.OwnerId`) and `hidden_objects` objects that the
    integration user may not see; `history_tracked` are the fields (`Lead.Status`) whose changes are logged;
    `triggers_fail` names objects whose triggers refuse every write.
    """

    clock: Callable[[], datetime] = _utc_now
    history_tracked: set[str] = field(default_factory=set)
    enhanced_email: bool = True
    notes_enabled: bool = True
    query_all_files: bool = True
    assignment_rule: bool = True
    duplicate_rule: bool = False
    hidden: frozenset[str] = frozenset()
    hidden_objects: frozenset[str] = frozenset()
    validation_rules: list[ValidationRule] = field(default_factory=list)
    triggers_fail: set[str] = field(default_factory=set)
    certificates: dict[str, str] = field(default_factory=dict)  # consumer key -> public key (PEM) of its JWTs
    faults: SalesforceFaults = field(default_factory=SalesforceFaults)
    tables: Tables = field(init=False)
    bodies: dict[str, bytes] = field(default_factory=dict)  # ContentVersion id -> content
    metadata: dict[str, bytes] = field(default_factory=dict)  # deployed files without a record of their own
    deletions: list[Deletion] = field(default_factory=list)
    listeners: list[Callable[[Change], None]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._catalogue = Catalogue()
        self.objects = self._catalogue.objects
        self.tables = {name: {} for name in self.objects}
        self.open_fields: set[str] = set()  # custom fields that everybody sees
        self._index = Index(self.tables)
        self._late = LateCommits(lambda: self.clock())
        self.schema_changed_at = self.clock().astimezone(UTC)
        self._described: dict[tuple[object, ...], SObject] = {}
        self.founded_at = self.clock() - timedelta(days=1000)
        found_org(self)

    # What the org is made of

    def new_id(self, sobject: str) -> str:
        """Return the next 18-character id of an object."""
        return self._catalogue.new_id(sobject)

    def add_field(self, sobject: str, definition: Field, *, visible: bool = False) -> None:
        """Create a custom field, or change its definition. Nobody sees it until a permission set grants it."""
        if self._catalogue.add_field(sobject, definition) and definition.default is not None:
            for row in self.tables[sobject].values():
                row[definition.name] = definition.default
        if visible:
            self.open_fields.add(f"{sobject}.{definition.name}")
        self.forget_schema()

    def remove_field(self, sobject: str, name: str) -> None:
        """Remove a custom field with its values."""
        self._catalogue.remove_field(sobject, name)
        for row in self.tables[sobject].values():
            row.pop(name, None)
        self.forget_schema()

    def forget_schema(self) -> None:
        """Let the next look at an object find out anew what the integration user may see."""
        self.schema_changed_at = self.clock().astimezone(UTC)
        self._described.clear()

    def stage(self, name: object) -> Row:
        """Return an opportunity stage by its name; an empty row if there is none."""
        found = (row for row in self.tables["OpportunityStage"].values() if row.get("ApiName") == name)
        return next(found, {})

    # What changes

    def insert(self, sobject: str, values: Mapping[str, Any], at: datetime | None = None, *, by: str = ADMIN_ID) -> Row:
        """Add a record and return it. A record of a past time (`at`) is committed at once."""
        stamp = (at or self.clock()).replace(microsecond=0)
        row: Row = {"Id": self.new_id(sobject), **self._catalogue.new_row(sobject)}
        for name in self._catalogue.list_stamps(sobject):
            row[name] = by if name.endswith("Id") else stamp
        if "OwnerId" in self.objects[sobject].fields:
            row["OwnerId"] = by
        row.update(_whole_seconds(values))
        complete(self, sobject, row, values)
        self.tables[sobject][row["Id"]] = row
        self._index.move(sobject, row["Id"], {}, row)
        self._commit(sobject, None, row, at, by)
        follow_up(self, sobject, None, row, at or stamp, by)
        return row

    def update(
        self, sobject: str, id_: str, values: Mapping[str, Any], at: datetime | None = None, *, by: str = ADMIN_ID
    ) -> Row:
        """Change a record and return it. Its stamps move even if no value does."""
        row = self.tables[sobject][id_]
        before = dict(row)
        self._stamp(sobject, row, at, by)
        row.update(_whole_seconds(values))
        complete(self, sobject, row, values)
        self._index.move(sobject, id_, before, row)
        self._commit(sobject, before, row, at, by)
        follow_up(self, sobject, before, row, at or row.get("SystemModstamp") or self.clock(), by)
        return row

    def touch(self, sobject: str, id_: str, at: datetime | None = None, *, by: str = ADMIN_ID) -> Row:
        """Move a record's stamps and change nothing else."""
        return self.update(sobject, id_, {}, at, by=by)

    def delete(self, sobject: str, id_: str, *, by: str = ADMIN_ID) -> None:
        """Put a record and what hangs on it into the recycle bin."""
        delete(self, sobject, id_, by)

    def undelete(self, sobject: str, id_: str, *, by: str = ADMIN_ID) -> None:
        """Take a record, and what was deleted with it, out of the recycle bin."""
        undelete(self, sobject, id_, by)

    def erase(self, sobject: str, id_: str) -> None:
        """Remove a record for good, as an emptied recycle bin does; nothing tells of it."""
        row = self.tables[sobject].pop(id_)
        self._index.move(sobject, id_, row, {})
        if sobject in GRANTS:
            self.forget_schema()

    def merge(self, sobject: str, master: str, losers: Collection[str], *, by: str = ADMIN_ID) -> None:
        """Merge records: the losers are deleted and name their master, which takes over what hangs on them."""
        merge(self, sobject, master, losers, by)

    def convert(self, lead: str, *, opportunity: bool = True, by: str = ADMIN_ID) -> Row:
        """Turn a lead into an account, a contact and an opportunity; return the lead, read-only from then on."""
        return convert(self, lead, opportunity=opportunity, by=by)

    def rules_of(self, sobject: str) -> list[ValidationRule]:
        """Return the validation rules that are active on an object."""
        return list_rules(self, sobject)

    # What the integration user sees

    def describe(self, sobject: str) -> SObject:
        """Return an object as the integration user sees it: fields without permission are absent.

        Raises:
            SoqlError: There is no such object for this user.
        """
        name = self._catalogue.find_name(sobject)
        if name is None or is_hidden(self, name):
            raise SoqlError(
                "INVALID_TYPE",
                f"sObject type '{sobject}' is not supported. If you are attempting to use a custom object, be sure to"
                " append the '__c' after the entity name. Please reference your WSDL or the describe call for the"
                " appropriate names.",
            )
        key = (name, self.hidden, self.faults.missing)
        if key not in self._described:
            self._described[key] = without_hidden_fields(self, self.objects[name])
        return self._described[key]

    def access(self, sobject: str, definition: Field) -> str:
        """Return what the integration user may do with a field: nothing, `read`, or `edit`."""
        return find_access(self, sobject, definition)

    def rows(self, sobject: str) -> Iterable[Row]:
        """Return every record that the integration user may see, deleted and archived ones included."""
        name = self._catalogue.find_name(sobject) or sobject
        if not self.tables[name]:
            return settings_rows(self, name)
        return self._seen(name, self.tables[name].values())

    def lookup(self, sobject: str, field: str, values: Collection[str]) -> Iterable[Row]:
        """Return the same records by their id, or by what they refer to, without looking at all of them."""
        name = self._catalogue.find_name(sobject) or sobject
        table = self.tables[name]
        wanted = set(values)
        if field == "Id":
            ids: Iterable[str] = sorted(wanted)
        else:
            ids = dict.fromkeys(self._index.ids(name, field, sorted(wanted)))
            ids = [*ids, *(id_ for id_ in self._late.held(name) if id_ not in ids)]
        rows = self._seen(name, [table[id_] for id_ in ids if id_ in table])
        return [row for row in rows if row.get(field) in wanted]

    def find(self, id: str) -> Row | None:
        """Return a record of any object by its id, if the integration user may see it."""
        type_ = self.type_of(id)
        row = self.find_row(id)
        if type_ is None or row is None:
            return None
        return next(iter(self._seen(type_, [row])), None)

    def find_row(self, id_: str | None) -> Row | None:
        """Return a record of any object by its id, whoever may see it."""
        type_ = self.type_of(id_) if id_ is not None else None
        return self.tables[type_].get(id_ or "") if type_ is not None else None

    def type_of(self, id: str) -> str | None:
        """Return the name of the object that an id belongs to."""
        names = self._catalogue.list_names(id)
        return next((name for name in names if id in self.tables[name]), names[0] if names else None)

    def can_query_all_files(self) -> bool:
        return self.query_all_files and self.faults.all_files

    def committed(self, sobject: str, field: str, value: str) -> list[Row]:
        """Return the records that refer to another, seen or not; deleted ones are left out."""
        rows = (self.tables[sobject][id_] for id_ in self._index.ids(sobject, field, [value]))
        return [row for row in rows if not row.get("IsDeleted")]

    def count(self) -> Counter[str]:
        """Return how many records that are not deleted there are of each object."""
        return Counter(
            {name: sum(not row.get("IsDeleted") for row in rows.values()) for name, rows in self.tables.items() if rows}
        )

    def _seen(self, name: str, rows: Iterable[Row]) -> Iterable[Row]:
        if self._late.settle():
            rows = self._late.seen(rows)
        return seen_rows(self, name, rows)

    def _stamp(self, sobject: str, row: Row, at: datetime | None, by: str) -> None:
        stamp = (at or self.clock()).replace(microsecond=0)
        for name in self._catalogue.list_stamps(sobject):
            if not name.startswith("Created"):
                row[name] = by if name.endswith("Id") else stamp

    def _commit(self, sobject: str, before: Row | None, row: Row, at: datetime | None, by: str) -> None:
        """Make a change seen, now or later, and tell the listeners."""
        if at is not None:
            return
        now = until = self.clock()
        if by != USER_ID and self.faults.late_commit_seconds:
            until = now + timedelta(seconds=self.faults.late_commit_seconds)
            self._late.hold(sobject, row["Id"], before, until)
        else:
            self._late.release(row["Id"])  # whoever calls the API finds what was committed before its own write
        for listener in self.listeners:
            listener(Change(sobject, row["Id"], until))


def _whole_seconds(values: Mapping[str, Any]) -> Row:
    """Return values as an org keeps them; recorded: no stored time has a part of a second."""
    return {
        name: value.replace(microsecond=0) if isinstance(value, datetime) else value for name, value in values.items()
    }
