"""A portal in which people work: random changes to its records."""

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

from connectors.sandbox.hubspot.object_types import ENGAGEMENTS
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.pipelines import iter_stages, stage_property
from connectors.sandbox.hubspot.records import Record
from connectors.times import render_time

_Acts: TypeAlias = Mapping[Callable[[], str], int]

BODIES = {
    "notes": "hs_note_body",
    "emails": "hs_email_html",
    "calls": "hs_call_body",
    "meetings": "hs_meeting_body",
    "tasks": "hs_task_body",
    "communications": "hs_communication_body",
}
_TEXT = "they want a demo next week budget is open call back on monday pricing was sent no answer yet"


class Work:
    """Changes a portal as its users do. The same seed on the same portal makes the same changes."""

    def __init__(self, objects: HubSpotObjects, seed: int) -> None:
        self._objects = objects
        self._random = Random(seed)

    def change_contacts(self, count: int) -> Counter[str]:
        """Edit, move, create, archive and merge contacts; deals and leads move with them. Return what was done."""
        return self._act(
            {
                self._edit_contact: 8,
                self._move: 6,
                self._create_contact: 3,
                self._archive_contact: 1,
                self._merge_contacts: 1,
            },
            count,
        )

    def change_engagements(self, count: int) -> Counter[str]:
        """Edit, create, archive, associate and dissociate engagements. Return what was done."""
        return self._act(
            {self._edit: 6, self._create: 6, self._archive: 1, self._associate: 2, self._dissociate: 1}, count
        )

    def _act(self, acts: _Acts, count: int) -> Counter[str]:
        chosen = self._random.choices(list(acts), weights=list(acts.values()), k=count)
        return Counter(act() for act in chosen)

    def _edit_contact(self) -> str:
        self._objects.update("contacts", self._pick("contacts"), {"jobtitle": self._say(2)})
        return "contacts edited"

    def _move(self) -> str:
        type_ = self._random.choice([name for name in ("contacts", "deals", "leads") if self._objects.ids[name]])
        name = stage_property(type_)
        if name is None:
            name = "hs_lead_status"
            stages = [option["value"] for option in self._objects.properties[type_][name].options]
        else:
            stages = [stage.id for stage in iter_stages(self._objects.pipelines[type_])]
        self._objects.update(type_, self._pick(type_), {name: self._random.choice(stages)})
        return f"{type_} moved"

    def _create_contact(self) -> str:
        email = f"{self._random.getrandbits(48):x}@example.invalid"
        self._objects.create("contacts", {"firstname": "New", "lastname": self._say(1), "email": email})
        return "contacts created"

    def _archive_contact(self) -> str:
        self._objects.archive("contacts", self._pick("contacts").id)
        return "contacts archived"

    def _merge_contacts(self) -> str:
        winner, loser = self._pick("contacts"), self._pick("contacts")
        if winner is loser:
            return "contacts left alone"
        self._objects.merge("contacts", winner, loser)
        return "contacts merged"

    def _edit(self) -> str:
        type_, record = self._pick_engagement()
        self._objects.update(type_, record, {BODIES[type_]: f"<p>{self._say(8)}</p>"})
        return "engagements edited"

    def _create(self) -> str:
        type_ = self._random.choice(ENGAGEMENTS[:5])
        at = render_time(self._objects.clock())
        record = self._objects.create(type_, {BODIES[type_]: f"<p>{self._say(12)}</p>", "hs_timestamp": at})
        self._objects.associate(type_, record.id, "contacts", self._pick("contacts").id)
        return "engagements created"

    def _archive(self) -> str:
        type_, record = self._pick_engagement()
        self._objects.archive(type_, record.id)
        return "engagements archived"

    def _associate(self) -> str:
        type_, record = self._pick_engagement()
        self._objects.associate(type_, record.id, "contacts", self._pick("contacts").id)
        return "engagements associated"

    def _dissociate(self) -> str:
        type_, record = self._pick_engagement()
        tied = list(self._objects.associated(type_, record.id, "contacts"))
        if not tied:
            return "engagements left alone"
        self._objects.dissociate(type_, record.id, "contacts", self._random.choice(tied))
        return "engagements dissociated"

    def _pick(self, type_: str) -> Record:
        return self._objects.records[type_][str(self._random.choice(self._objects.ids[type_]))]

    def _pick_engagement(self) -> tuple[str, Record]:
        counts = {type_: len(self._objects.ids[type_]) for type_ in ENGAGEMENTS}
        type_ = self._random.choices(list(counts), weights=list(counts.values()))[0]
        return type_, self._pick(type_)

    def _say(self, words: int) -> str:
        return " ".join(self._random.choices(_TEXT.split(), k=words))
