"""The funnel: the options of a contact's stage property, or the stages of the pipelines of deals and leads."""

from typing import Any

from connectors.errors import SchemaError
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.fields import LeadFields
from connectors.hubspot.schema import LEAD_OBJECTS
from connectors.hubspot.transport import Transport
from connectors.lead import Outcome, Stage

_CONTACT_WON = ("WON",)
_CONTACT_LOST = ("LOST", "UNQUALIFIED")
# How the leads object's pipelines call the ends of a lead. [Not seen in a real portal.]
_LEAD_STATES = {"QUALIFIED": Outcome.WON, "UNQUALIFIED": Outcome.LOST}


class StageReader:
    """The stages of one portal, read once a session."""

    def __init__(self, transport: Transport, config: HubSpotConfig, fields: LeadFields) -> None:
        self._transport = transport
        self._lead = LEAD_OBJECTS[config.object]
        self._fields = fields
        self._stages: dict[str, Stage] | None = None
        self.property = self._lead.stage or config.stage_property
        # A contact's stages are HubSpot's usual ones where none are named; a pipeline's say it themselves.
        usual = (_CONTACT_WON, _CONTACT_LOST) if self._lead.pipeline is None else ((), ())
        self._won = usual[0] if config.won is None else config.won
        self._lost = usual[1] if config.lost is None else config.lost

    def list_stages(self) -> list[Stage]:
        """Return the funnel, first stage first; several pipelines one after the other.

        Raises:
            SchemaError: The stage property, or every stage that a setting names, is unknown.
        """
        self._stages = None
        return list(self._known().values())

    def outcome_of(self, stage: str) -> Outcome:
        """Return what standing in a stage means; a stage that is not in the funnel is open."""
        known = self._known().get(stage)
        return Outcome.OPEN if known is None else known.outcome

    def _known(self) -> dict[str, Stage]:
        if self._stages is None:
            stages = self._options() if self._lead.pipeline is None else self._pipeline_stages()
            self._check_named(stages)
            self._stages = {stage.id: stage for stage in stages}
        return self._stages

    def _options(self) -> list[Stage]:
        definition = self._fields.definitions.get(self.property)
        if definition is None:
            raise SchemaError(f"HubSpot contacts have no property {self.property!r} (stage_property)")
        options = sorted(definition.options or [], key=lambda option: option.display_order or 0)
        return [
            Stage(option.value, option.label, position, self._named_outcome(option.value))
            for position, option in enumerate(options)
        ]

    def _pipeline_stages(self) -> list[Stage]:
        api = self._transport.client.crm.pipelines.pipelines_api
        pipelines = self._transport.call(f"GET pipelines/{self._lead.type}", api.get_all, self._lead.type).results
        rows = [
            (pipeline, stage)
            for pipeline in sorted(pipelines, key=lambda pipeline: pipeline.display_order or 0)
            for stage in sorted(pipeline.stages, key=lambda stage: stage.display_order or 0)
        ]
        return [
            Stage(
                stage.id,
                stage.label if len(pipelines) == 1 else f"{pipeline.label}: {stage.label}",
                position,
                self._pipeline_outcome(stage),
            )
            for position, (pipeline, stage) in enumerate(rows)
        ]

    def _pipeline_outcome(self, stage: Any) -> Outcome:
        if self._won or self._lost:
            return self._named_outcome(str(stage.id))
        metadata = {name: str(value) for name, value in (stage.metadata or {}).items()}
        state = metadata.get("leadState", "").upper()
        if state in _LEAD_STATES:
            return _LEAD_STATES[state]
        if metadata.get("isClosed", "false").lower() != "true":
            return Outcome.OPEN
        return Outcome.WON if float(metadata.get("probability") or 0.0) >= 1.0 else Outcome.LOST

    def _check_named(self, stages: list[Stage]) -> None:
        """Refuse settings that name no stage at all: every lead would count as open for ever."""
        ids = [stage.id for stage in stages]
        for outcome, named in ((Outcome.WON, self._won), (Outcome.LOST, self._lost)):
            if outcome not in {stage.outcome for stage in stages}:
                raise SchemaError(
                    f"[hubspot] {outcome.value} = {list(named)} names no stage of {self.property}; there are {ids}"
                )

    def _named_outcome(self, stage: str) -> Outcome:
        if stage in self._won:
            return Outcome.WON
        return Outcome.LOST if stage in self._lost else Outcome.OPEN
