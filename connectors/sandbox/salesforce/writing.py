"""Writes records as the integration user does: everything is checked first, and done or refused."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from connectors.sandbox.salesforce.calls import Refusal
from connectors.sandbox.salesforce.checks import read_values
from connectors.sandbox.salesforce.ids import find_id
from connectors.sandbox.salesforce.index import Row
from connectors.sandbox.salesforce.notes import add_file, add_note, edit_note
from connectors.sandbox.salesforce.org import QUEUE_ID, USER_ID, SalesforceOrg
from connectors.sandbox.salesforce.permissions import check_permission_record
from connectors.sandbox.salesforce.schema import SObject
from connectors.sandbox.salesforce.soql import SoqlError

Write: TypeAlias = Callable[[], str]  # does what was checked and returns the record's id


class Writer:
    """Checks writes. Nothing is changed before the returned write is called.

    `auto_assign` runs the active assignment rule, which gives every written lead to a queue.
    https://help.salesforce.com/s/articleView?id=000395506
    """

    def __init__(self, org: SalesforceOrg, *, auto_assign: bool = False, saves_duplicates: bool = False) -> None:
        self._org = org
        self._assigns = auto_assign and org.assignment_rule
        self._saves_duplicates = saves_duplicates

    def create(self, sobject: str, values: Mapping[str, Any]) -> Write:
        """Check a new record.

        Raises:
            Refusal: Salesforce would not save it.
        """
        org = self._org
        definition = self.definition(sobject)
        if not definition.createable:
            raise _unsupported(definition.name, "create")
        name = definition.name
        if name == "ContentNote":
            title, content = values.get("Title"), _read_base64(values.get("Content"))
            if not title:
                raise Refusal("REQUIRED_FIELD_MISSING", "Required fields are missing: [Title]", ("Title",))
            return lambda: str(add_note(org, title, content, by=USER_ID)["ContentDocumentId"])
        if name == "ContentVersion":
            return self._create_file(values)
        if any(key.lower() == "id" for key in values):
            raise Refusal("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",))
        read = read_values(definition, values, lambda field: org.access(name, field), creating=True)
        self._check_references(definition, read)
        check_permission_record(org, name, read)
        self._check_rules(name, read)
        self._check_duplicates(name, read)
        if name == "Lead" and self._assigns:
            read["OwnerId"] = QUEUE_ID
        return lambda: str(org.insert(name, read, by=USER_ID)["Id"])

    def update(self, sobject: str, id_: object, values: Mapping[str, Any]) -> Write:
        """Check a change of a record.

        Raises:
            Refusal: Salesforce would not save it.
        """
        org = self._org
        definition = self.definition(sobject)
        name = definition.name
        row = self.locate(definition, id_)
        if not definition.updateable:
            raise _unsupported(name, "update")
        if org.faults.is_locked():
            message = f"unable to obtain exclusive access to this record or 1 records: {row['Id']}"
            raise Refusal("UNABLE_TO_LOCK_ROW", message, ())
        if name == "Lead" and row.get("IsConverted"):
            raise Refusal("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", ())
        if name == "ContentNote":
            return self._edit_note(row, values)
        given = {key: value for key, value in values.items() if key.lower() != "id"}
        read = read_values(definition, given, lambda field: org.access(name, field), creating=False)
        self._check_references(definition, read)
        self._check_rules(name, {**row, **read})
        if name == "Lead" and self._assigns:
            read["OwnerId"] = QUEUE_ID
        return lambda: str(org.update(name, row["Id"], read, by=USER_ID)["Id"])

    def delete(self, sobject: str, id_: object) -> Write:
        """Check the deletion of a record.

        Raises:
            Refusal: Salesforce would not delete it.
        """
        org = self._org
        definition = self.definition(sobject)
        row = self.locate(definition, id_)
        if not definition.deletable:
            raise _unsupported(definition.name, "delete")
        if org.faults.is_locked():
            message = f"unable to obtain exclusive access to this record or 1 records: {row['Id']}"
            raise Refusal("UNABLE_TO_LOCK_ROW", message, ())
        name = "ContentDocument" if definition.name == "ContentNote" else definition.name

        def write() -> str:
            org.delete(name, row["Id"], by=USER_ID)
            return str(row["Id"])

        return write

    def definition(self, sobject: object) -> SObject:
        """Return an object as the user sees it.

        Raises:
            Refusal: There is no such object for the user.
        """
        try:
            return self._org.describe(str(sobject))
        except SoqlError as error:
            raise Refusal(error.code, str(error)) from None

    def locate(self, definition: SObject, id_: object) -> Row:
        """Return the record with an id that is to be written.

        Raises:
            Refusal: The id is none of the object's, or its record is gone.
        """
        found = find_id(id_)
        type_ = self._org.type_of(found) if found is not None else None
        same = type_ is not None and {type_, definition.name} <= {"ContentDocument", "ContentNote"}
        if found is None or (type_ != definition.name and not same and type_ is not None):
            message = f"{definition.label or definition.name} ID: id value of incorrect type: {id_}"
            raise Refusal("MALFORMED_ID", message, ("Id",))
        row = self._org.tables[definition.name].get(found)
        if row is None or self._org.find(found) is None:
            raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
        if row.get("IsDeleted"):
            raise Refusal("ENTITY_IS_DELETED", "entity is deleted", ())
        return row

    def _create_file(self, values: Mapping[str, Any]) -> Write:
        org = self._org
        content = _read_base64(values.get("VersionData"))
        path = str(values.get("PathOnClient") or "")
        if not path:
            raise Refusal("REQUIRED_FIELD_MISSING", "Required fields are missing: [PathOnClient]", ("PathOnClient",))
        title = str(values.get("Title") or path.rpartition(".")[0] or path)
        document = find_id(values.get("ContentDocumentId"))
        if document is not None:
            self.locate(self.definition("ContentDocument"), document)
            return lambda: str(edit_note(org, document, content, title, by=USER_ID)["Id"])
        if path.endswith(".snote"):
            return lambda: str(add_note(org, title, content, by=USER_ID)["Id"])
        return lambda: str(add_file(org, title, path, content, by=USER_ID)["Id"])

    def _edit_note(self, row: Row, values: Mapping[str, Any]) -> Write:
        org, id_ = self._org, row["Id"]
        content = _read_base64(values["Content"]) if "Content" in values else None
        title = str(values.get("Title") or row["Title"])

        def write() -> str:
            kept = org.bodies[row["LatestPublishedVersionId"]] if content is None else content
            edit_note(org, id_, kept, title, by=USER_ID)
            return str(id_)

        return write

    def _check_references(self, definition: SObject, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            field = definition.fields[name]
            if field.type != "reference" or value is None:
                continue
            type_ = self._org.type_of(value)
            if field.reference_to and type_ is not None and type_ not in field.reference_to:
                message = f"{field.label or name}: id value of incorrect type: {value}"
                raise Refusal("MALFORMED_ID", message, (name,))
            row = self._org.find_row(value)
            if row is None:
                raise Refusal("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (name,))
            if row.get("IsDeleted"):
                raise Refusal("ENTITY_IS_DELETED", "entity is deleted", (name,))

    def _check_rules(self, sobject: str, row: Mapping[str, Any]) -> None:
        if sobject in self._org.triggers_fail:
            message = f"{sobject}Trigger: execution of AfterUpdate\n\ncaused by: System.NullPointerException"
            raise Refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, ())
        for rule in self._org.rules_of(sobject):
            if all(row.get(name) == value for name, value in rule.when.items()):
                raise Refusal("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, rule.fields)

    def _check_duplicates(self, sobject: str, values: Mapping[str, Any]) -> None:
        email = values.get("Email")
        if not self._org.duplicate_rule or self._saves_duplicates or sobject != "Lead" or not email:
            return
        if self._org.committed("Lead", "Email", email):
            # The wording is the standard rule's; an admin may write another (not confirmed).
            raise Refusal("DUPLICATES_DETECTED", "Use one of these records?", ())


def _read_base64(value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        message = "Cannot deserialize instance of base64 from VALUE_STRING or request may be missing a required field"
        raise Refusal("JSON_PARSER_ERROR", f"{message} at [line:1, column:1]") from None


def _unsupported(sobject: str, operation: str) -> Refusal:
    # The wording is not confirmed.
    return Refusal("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject} does not support {operation}")
