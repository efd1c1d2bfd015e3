"""Pipelines and their stages: where deals, leads and contacts stand on the way to a sale."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NEVER = "1970-01-01T00:00:00Z"  # recorded: what standard pipelines show as their dates
_STAGE_PROPERTIES = {"deals": "dealstage", "leads": "hs_pipeline_stage"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a pipeline. `probability` is that of a sale, 1 or 0 where the stage is closed."""

    id: str
    label: str
    probability: float
    closed: bool = False
    state: str = ""


_DEAL_STAGES = (
    Stage("appointmentscheduled", "Appointment Scheduled", 0.2),
    Stage("qualifiedtobuy", "Qualified To Buy", 0.4),
    Stage("presentationscheduled", "Presentation Scheduled", 0.6),
    Stage("decisionmakerboughtin", "Decision Maker Bought-In", 0.8),
    Stage("contractsent", "Contract Sent", 0.9),
    Stage("closedwon", "Closed Won", 1.0, closed=True),
    Stage("closedlost", "Closed Lost", 0.0, closed=True),
)
_LEAD_STAGES = (
    Stage("new-stage-id", "New", 0.1, state="NEW"),
    Stage("attempting-stage-id", "Attempting", 0.3, state="IN_PROGRESS"),
    Stage("connected-stage-id", "Connected", 0.5, state="IN_PROGRESS"),
    Stage("qualified-stage-id", "Qualified", 1.0, closed=True, state="QUALIFIED"),
    Stage("unqualified-stage-id", "Disqualified", 0.0, closed=True, state="UNQUALIFIED"),
)


def stage_property(type_: str) -> str | None:
    """Return the property that holds a record's stage."""
    return _STAGE_PROPERTIES.get(type_)


def iter_stages(pipelines: Sequence[Mapping[str, Any]]) -> Iterator[Stage]:
    """Yield the stages of rendered pipelines."""
    for pipeline in pipelines:
        for stage in pipeline["stages"]:
            metadata = stage["metadata"]
            yield Stage(stage["id"], stage["label"], float(metadata["probability"]), metadata["isClosed"] == "true")


def standard_pipelines() -> dict[str, list[dict[str, Any]]]:
    """Return the pipelines of a new portal, by type."""
    return {
        "deals": [render_pipeline("default", "Sales Pipeline", _DEAL_STAGES)],
        "leads": [render_pipeline("lead-pipeline-id", "Lead pipeline", _LEAD_STAGES)],
    }


def render_pipeline(id_: str, label: str, stages: Iterable[Stage]) -> dict[str, Any]:
    """Return a pipeline as the API shows it; the numbers and booleans among a stage's metadata are texts."""
    dates = {"createdAt": _NEVER, "updatedAt": _NEVER}
    return {
        "label": label,
        "displayOrder": 0,
        "id": id_,
        "stages": [
            {
                "label": stage.label,
                "displayOrder": order,
                "metadata": {"isClosed": "true" if stage.closed else "false", "probability": str(stage.probability)}
                | ({"leadState": stage.state} if stage.state else {}),
                "id": stage.id,
                **dates,
                "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                "archived": False,
            }
            for order, stage in enumerate(stages)
        ],
        **dates,
        "archived": False,
    }


def closing_properties(
    pipelines: Mapping[str, Sequence[Mapping[str, Any]]], type_: str, properties: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Return what HubSpot computes from a deal's stage."""
    if type_ != "deals" or not properties.get("dealstage"):
        return {}
    for stage in iter_stages(pipelines["deals"]):
        if stage.id == properties["dealstage"]:
            return {
                "hs_is_closed": "true" if stage.closed else "false",
                "hs_is_closed_won": "true" if stage.closed and stage.probability == 1 else "false",
                "hs_deal_stage_probability": str(stage.probability),
            }
    return {}
