"""Looks for what a Salesforce org would lose in silence. Reads only."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from connectors.base import Health, HealthCheck
from connectors.errors import ConnectorError, SchemaError
from connectors.health import run_checks
from connectors.priority import PRIORITY_FIELDS
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.fields import Fields
from connectors.salesforce.replies import MissingFieldError, MissingObjectError
from connectors.salesforce.schema import DOCUMENT, LEAD_OBJECTS, PERMISSION_SET, field_name
from connectors.salesforce.soql import ids_that_fit, list_literal, text_literal
from connectors.salesforce.stages import StageReader
from connectors.salesforce.transport import Transport

_SAMPLE_ROWS = 200
# Which fields of what we read hold text or dates; an org may hide each of them from a user.
_READ = {
    "Task": ("Subject", "Description", "TaskSubtype", "ActivityDate", "CompletedDateTime", "WhoId", "WhatId"),
    "Event": ("Subject", "Description", "StartDateTime", "WhoId", "WhatId"),
    "EmailMessage": ("Subject", "TextBody", "HtmlBody", "Incoming", "MessageDate", "ActivityId"),
}


class Doctor:
    """The checks of one org, in the order in which a person would act on them."""

    def __init__(self, transport: Transport, config: SalesforceConfig, stages: StageReader, fields: Fields) -> None:
        self._transport = transport
        self._config = config
        self._lead = LEAD_OBJECTS[config.object]
        self._stages = stages
        self._fields = fields

    def check(self) -> list[HealthCheck]:
        """Run every check; credentials that are refused end them, for nothing else could be seen."""
        try:
            rows = self._transport.query_rows("SELECT Id, OrganizationType, IsSandbox FROM Organization")
        except ConnectorError as error:
            fix = "check SALESFORCE__CLIENT_ID and the integration user"
            return [HealthCheck("salesforce: org", Health.FAIL, str(error), fix)]
        kind = "sandbox" if rows[0]["IsSandbox"] else rows[0]["OrganizationType"]
        checks = [HealthCheck("salesforce: org", Health.OK, f"organisation {rows[0]['Id']}, {kind}")]
        named: dict[str, Callable[[], HealthCheck]] = {
            "outbound messages": partial(self._outbound, str(rows[0]["Id"])),
            "API calls": self._budget,
            "stages": self._stage_names,
            "excluded fields": self._excluded_fields,
            "our fields": self._own_fields,
            "permission set": self._permission_set,
            "fields that are read": self._hidden_fields,
            "notes": self._notes,
            "Query All Files": self._files,
            "mails": self._mails,
            "stage history": self._history,
        }
        right = "give the integration user this permission"
        return [*checks, *run_checks("salesforce", named, missing_right=right)]

    def _outbound(self, id_: str) -> HealthCheck:
        what, configured = "salesforce: outbound messages", self._config.organization_id
        if self._config.webhook_token is None:
            return HealthCheck(what, Health.OK, "off; notes are found by polling")
        if configured is None or configured[:15] != id_[:15]:
            found = "SALESFORCE__ORGANIZATION_ID names another organisation: every message would be refused"
            return HealthCheck(what, Health.FAIL, found, f"set it to {id_}")
        return HealthCheck(what, Health.OK, "taken from this organisation only")

    def _budget(self) -> HealthCheck:
        what, usage = "salesforce: API calls", self._transport.usage
        if usage.used_today is None or usage.allowed_a_day is None:
            return HealthCheck(
                what, Health.WARN, "Salesforce does not say how many are left", "look at Setup > Company"
            )
        found = f"{usage.used_today:,} of {usage.allowed_a_day:,} used in 24 hours"
        if usage.share(datetime.now(UTC)) >= self._config.daily_share:
            fix = "wait, raise SALESFORCE__DAILY_SHARE, or find out who else calls"
            return HealthCheck(what, Health.FAIL, f"{found}: reading stops at {self._config.daily_share:.0%}", fix)
        return HealthCheck(what, Health.OK, found)

    def _stage_names(self) -> HealthCheck:
        what = "salesforce: stages"
        try:
            stages = self._stages.list_stages()
        except SchemaError as error:
            return HealthCheck(what, Health.FAIL, str(error), "correct [salesforce] in callfirst.toml")
        open_ = [stage for stage in stages if stage.outcome == "open"]
        found = f"{len(open_)} open of {len(stages)} stages of {self._lead.name}.{self._lead.stage}"
        unknown = sorted(set(self._config.lost) - {stage.id for stage in stages})
        defaults = set(SalesforceConfig.model_fields["lost"].default)
        if self._config.object == "Lead" and unknown and set(self._config.lost) != defaults:
            return HealthCheck(what, Health.WARN, f"{found}; no status is called {', '.join(unknown)}", "correct lost")
        return HealthCheck(what, Health.OK, found)

    def _excluded_fields(self) -> HealthCheck:
        what, described = "salesforce: excluded fields", self._fields.describe(self._lead.name)
        ours = {*self._lead.fields.values(), *self._lead.parents.values()}
        known = {*described, *(name.removesuffix("__c") for name in described), *self._lead.parents, *ours}
        unknown = [name for name in self._config.excluded_fields if name not in known]
        if unknown:
            found = f"there is no field {', '.join(unknown)}: nothing is excluded by it"
            return HealthCheck(what, Health.WARN, found, "correct excluded_fields")
        fields = self._fields.lead_fields()
        if ids_that_fit(", ".join([*self._lead.required, *fields])) < 1:
            found = f"{len(fields)} fields are too many for one query"
            return HealthCheck(what, Health.FAIL, found, "leave those out that say nothing of a sale")
        return HealthCheck(what, Health.OK, f"{len(fields)} fields are read")

    def _own_fields(self) -> HealthCheck:
        what, described = "salesforce: our fields", self._fields.describe(self._lead.name)
        names = [field_name(field) for field in PRIORITY_FIELDS]
        missing = [name for name in names if name not in described]
        if missing:
            return HealthCheck(what, Health.FAIL, f"missing or hidden: {', '.join(missing)}", "run `callfirst setup`")
        read_only = [name for name in names if not described[name]["updateable"]]
        if read_only:
            fix = f"assign the permission set {PERMISSION_SET}"
            return HealthCheck(what, Health.FAIL, f"cannot be written: {', '.join(read_only)}", fix)
        return HealthCheck(what, Health.OK, "all there, and can be written")

    def _permission_set(self) -> HealthCheck:
        what = "salesforce: permission set"
        assigned = self._transport.count(
            f"SELECT COUNT() FROM PermissionSetAssignment WHERE AssigneeId = {text_literal(self._transport.user_id())}"
            f" AND PermissionSet.Name = {text_literal(PERMISSION_SET)}"
        )
        if assigned:
            return HealthCheck(what, Health.OK, f"{PERMISSION_SET} is assigned to the integration user")
        return HealthCheck(what, Health.FAIL, f"{PERMISSION_SET} is not assigned", "run `callfirst setup`")

    def _hidden_fields(self) -> HealthCheck:
        what = "salesforce: fields that are read"
        hidden: list[str] = []
        wanted = {**_READ, self._lead.name: (*self._lead.required, *self._lead.fields)}
        for sobject, names in wanted.items():
            try:
                described = self._fields.describe(sobject)
            except MissingObjectError:
                hidden.append(f"{sobject} (all of it)")
                continue
            hidden += [f"{sobject}.{name}" for name in names if name not in described]
        if hidden:
            fix = "grant the integration user read access (field-level security)"
            return HealthCheck(what, Health.WARN, f"hidden, and left out: {', '.join(hidden)}", fix)
        return HealthCheck(what, Health.OK, "all of them are visible")

    def _notes(self) -> HealthCheck:
        what = "salesforce: notes"
        try:
            self._fields.describe("ContentNote")
        except MissingObjectError:
            fix = "if reps write notes: Setup > Notes Settings > Enable Notes"
            return HealthCheck(what, Health.WARN, "Notes are switched off in this org", fix)
        seen = self._transport.count("SELECT COUNT() FROM ContentVersion WHERE FileType = 'SNOTE' AND IsLatest = true")
        return HealthCheck(what, Health.OK, f"{seen:,} are visible")

    def _files(self) -> HealthCheck:
        """Look whether notes of other people are visible: Salesforce leaves them out of every answer in silence."""
        what = "salesforce: Query All Files"
        granted = self._transport.count(
            f"SELECT COUNT() FROM PermissionSetAssignment WHERE AssigneeId = {text_literal(self._transport.user_id())}"
            " AND PermissionSet.PermissionsQueryAllFiles = true"
        )
        if granted:
            return HealthCheck(what, Health.OK, "granted: notes of every rep are read")
        linked, invisible = self._invisible_documents()
        found = f"not granted: of {linked} files on the {_SAMPLE_ROWS} newest leads, {invisible} cannot be read"
        fix = "give the integration user Query All Files (it needs View All Data)"
        return HealthCheck(what, Health.FAIL if invisible else Health.WARN, found, fix)

    def _invisible_documents(self) -> tuple[int, int]:
        """Return how many files are linked to the newest leads, and how many of them may not be opened."""
        leads = self._transport.query_rows(
            f"SELECT Id FROM {self._lead.name} ORDER BY CreatedDate DESC LIMIT {_SAMPLE_ROWS}"
        )
        if not leads:
            return 0, 0
        links = self._transport.query_rows(
            "SELECT ContentDocumentId FROM ContentDocumentLink"
            f" WHERE LinkedEntityId IN {list_literal(row['Id'] for row in leads)}"
        )
        documents = sorted({row["ContentDocumentId"] for row in links if row["ContentDocumentId"].startswith(DOCUMENT)})
        seen: set[str] = set()
        for start in range(0, len(documents), _SAMPLE_ROWS):
            rows = self._transport.query_rows(
                f"SELECT Id FROM ContentDocument WHERE Id IN {list_literal(documents[start : start + _SAMPLE_ROWS])}"
            )
            seen |= {row["Id"] for row in rows}
        return len(documents), len(set(documents) - seen)

    def _mails(self) -> HealthCheck:
        what = "salesforce: mails"
        logged = self._transport.count("SELECT COUNT() FROM Task WHERE TaskSubtype = 'Email'", deleted=True)
        try:
            mails = self._transport.count("SELECT COUNT() FROM EmailMessage")
        except MissingObjectError:
            mails = 0
        if logged and not mails:
            found = f"{logged:,} mails are logged as tasks and none is kept in full: Enhanced Email is off"
            return HealthCheck(what, Health.WARN, found, "Setup > Enhanced Email > Enable; old mails stay as they are")
        return HealthCheck(what, Health.OK, f"{mails:,} are visible")

    def _history(self) -> HealthCheck:
        what = "salesforce: stage history"
        if self._config.object == "Opportunity":
            kept = self._transport.count("SELECT COUNT() FROM OpportunityHistory")
            return HealthCheck(what, Health.OK, f"{kept:,} entries; Salesforce always keeps it")
        try:
            rows = self._transport.query_rows(
                "SELECT IsFieldHistoryTracked FROM FieldDefinition"
                " WHERE EntityDefinition.QualifiedApiName = 'Lead' AND QualifiedApiName = 'Status'"
            )
            tracked = bool(rows) and bool(rows[0]["IsFieldHistoryTracked"])
        except (MissingFieldError, MissingObjectError):
            tracked = self._transport.count("SELECT COUNT() FROM LeadHistory WHERE Field = 'Status'") > 0
        if tracked:
            return HealthCheck(what, Health.OK, "the org tracks Lead.Status")
        fix = "Setup > Object Manager > Lead > Fields > Set History Tracking > Lead Status"
        found = "Lead.Status is not tracked: what moved before Callfirst first read is not known, training has less"
        return HealthCheck(what, Health.WARN, found, fix)
