"""A sandbox HubSpot in which reps work, which answers badly, and which remembers what was written to it."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.sandbox import hubspot
from connectors.sandbox.hubspot.objects import HubSpotObjects
from connectors.sandbox.hubspot.records import Change, Record
from connectors.sandbox.org import STAGES
from connectors.times import render_time

OPEN_STAGES = [stage.id for stage in STAGES if stage.outcome == "open"]
_OURS = "callfirst_"


class Wire:
    """Stands before a portal: counts its answers and what is written, and adds two faults that it has not itself.

    Of the writes a part is stored and the answer lost, and of a part only half of the rows is stored.
    """

    def __init__(self, app: ASGIApp, objects: HubSpotObjects, seed: int) -> None:
        self.answers = self.faulty = self.writes = self.redundant = 0
        self.lost_share = self.partial_share = 0.0
        self.write_came = threading.Event()
        self._app = app
        self._objects = objects
        self._random = Random(seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await _read(receive)
        writes = scope["path"].endswith("/batch/update")
        cut = lost = False
        if writes:
            self.write_came.set()
            cut, lost = self._random.random() < self.partial_share, self._random.random() < self.lost_share
            body = self._halve(body) if cut else body
        before = self._shown(body) if writes else {}
        answer = _Answer()
        again = _Again(getattr(receive, "__self__", None), receive, body)
        await self._app(scope, again.receive, answer.send)
        self.answers += 1
        self.faulty += cut or lost or answer.status is None or answer.status >= 429
        if writes and answer.status in (200, 207):
            after = self._shown(body)
            self.writes += len(before)
            self.redundant += sum(after[id_] == shown for id_, shown in before.items())
        if lost and answer.status is not None:
            again.transport.abort()
            while not again.disconnected:
                await asyncio.sleep(0)
            return
        for message in answer.messages:
            await send(message)

    def _halve(self, body: bytes) -> bytes:
        inputs = json.loads(body)["inputs"]
        return json.dumps({"inputs": inputs[: max(1, len(inputs) // 2)]}).encode()

    def _shown(self, body: bytes) -> dict[str, dict[str, str | None]]:
        """Return what the leads of a batch show of ours; when it was ranked is nothing that a rep sees change."""
        found = ((row["id"], self._objects.find("contacts", row["id"])) for row in json.loads(body)["inputs"])
        return {id_: shown_of(record) for id_, record in found if record is not None}


class People:
    """Reps who work on open leads: write, edit, move, close, create and delete. The same seed does the same."""

    def __init__(self, objects: HubSpotObjects, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._objects = objects
        self._random = Random(seed)
        self._texts = [record.properties.get("hs_note_body") or "" for record in objects.records["notes"].values()]
        self._notes: list[Record] = []
        self._noted: set[str] = set()
        self._acts = {
            self._write_note: 12,
            self._edit_note: 4,
            self._edit_lead: 4,
            self._move: 3,
            self._close: 1,
            self._create: 1,
            self._delete: 1,
        }

    def act(self) -> None:
        """Do one thing."""
        [act] = self._random.choices(list(self._acts), weights=list(self._acts.values()))
        with self._objects.lock:
            act()
        self.done[act.__name__.strip("_").replace("_", " ")] += 1

    @contextmanager
    def at_work(self, each_seconds: float) -> Iterator[None]:
        """Work in a thread of its own."""
        over = threading.Event()

        def work() -> None:
            while not over.wait(self._random.uniform(0.5, 1.5) * each_seconds):
                self.act()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _write_note(self) -> None:
        at = render_time(self._objects.clock())
        note = self._objects.create("notes", {"hs_note_body": self._say(), "hs_timestamp": at})
        lead = self._pick()
        self._objects.associate("notes", note.id, "contacts", lead.id)
        self._notes.append(note)
        self._noted.add(lead.id)

    def _edit_note(self) -> None:
        if self._notes:
            self._objects.update("notes", self._random.choice(self._notes), {"hs_note_body": self._say()})

    def _edit_lead(self) -> None:
        self._objects.update("contacts", self._pick(), {"jobtitle": f"Buyer {self._random.randrange(1000)}"})

    def _move(self) -> None:
        self._objects.update("contacts", self._pick(), {"hs_lead_status": self._random.choice(OPEN_STAGES)})

    def _close(self) -> None:
        self._objects.update("contacts", self._pick(), {"hs_lead_status": self._random.choice(["WON", "LOST"])})

    def _create(self) -> None:
        number = self._random.getrandbits(48)
        values = {"firstname": "New", "lastname": f"{number:x}", "email": f"{number:x}@example.invalid"}
        self._objects.create("contacts", values | {"hs_lead_status": self._random.choice(OPEN_STAGES)})

    def _delete(self) -> None:
        # A note whose lead is gone is looked for three times in two and a half minutes: nothing that a trial waits for.
        if (lead := self._pick()).id not in self._noted:
            self._objects.archive("contacts", lead.id)

    def _pick(self) -> Record:
        return self._random.choice(list_open(self._objects))

    def _say(self) -> str:
        return f"{self._random.choice(self._texts)} no. {self._random.getrandbits(32)}"


class Told:
    """What the portal has told of reps' doings, by the lead that it concerns; our own writes echo and do not count."""

    def __init__(self, objects: HubSpotObjects) -> None:
        self.events = 0
        self.by_lead: Counter[str] = Counter()
        self._objects = objects
        objects.listeners.append(self._hear)

    def _hear(self, change: Change) -> None:
        if change.source != "CRM_UI":
            return
        self.events += 1
        if change.type == "contacts":
            self.by_lead[change.id] += 1
        else:
            self.by_lead.update(list(self._objects.associated(change.type, change.id, "contacts")))


def list_open(objects: HubSpotObjects) -> list[Record]:
    """Return the leads that are open."""
    return [row for row in objects.records["contacts"].values() if row.properties.get("hs_lead_status") in OPEN_STAGES]


def shown_of(record: Record) -> dict[str, str | None]:
    """Return what a lead shows of ours, but for when it was ranked."""
    return {n: v for n, v in record.properties.items() if n.startswith(_OURS) and n != "callfirst_ranked_at"}


def misbehave(faults: hubspot.HubSpotFaults, wire: Wire) -> None:
    """Have three answers of ten be faulty: throttled, down, a page of HTML, a reset; of writes, more."""
    faults.flaky_share, faults.html_errors, faults.resets, faults.locked_share = 0.18, 0.08, 0.1, 0.03
    wire.lost_share = wire.partial_share = 0.05


def behave(faults: hubspot.HubSpotFaults, wire: Wire) -> None:
    """Answer well again."""
    faults.become(hubspot.HubSpotFaults())
    wire.lost_share = wire.partial_share = 0.0


class _Answer:
    """An answer that is held back until it is known whether it arrives."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.messages.append(message)


class _Again:
    """Gives out a request that was read already. The sandbox breaks connections by what `receive` is a method of."""

    def __init__(self, cycle: Any, receive: Receive, body: bytes) -> None:
        self._cycle = cycle
        self._receive = receive
        self._body: bytes | None = body

    @property
    def transport(self) -> Any:
        return self._cycle.transport

    @property
    def disconnected(self) -> bool:
        return bool(self._cycle.disconnected)

    async def receive(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
