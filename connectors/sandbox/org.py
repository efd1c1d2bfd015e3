"""A sales organisation made from a seed: what the sandbox CRMs hold.

What decides a lead's outcome is said in its texts, in many wordings, among much that decides nothing. Half of the open
leads use wordings that no closed lead uses, so that only reading helps there. The organisation also has what real ones
have: leads without text, duplicates, several languages, very long threads, and notes that were written after the
outcome and give it away.
"""

import html
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.lead import FieldValue, InteractionKind, Outcome
from connectors.sandbox.texts import Wording, load_wordings


@dataclass(frozen=True, slots=True)
class OrgStage:
    """A step of the organisation's funnel."""

    id: str
    label: str
    outcome: Outcome = Outcome.OPEN


STAGES = (
    OrgStage("NEW", "New"),
    OrgStage("CONTACTED", "Contacted"),
    OrgStage("QUALIFIED", "Qualified"),
    OrgStage("DEMO", "Demo"),
    OrgStage("PROPOSAL", "Proposal"),
    OrgStage("WON", "Won", Outcome.WON),
    OrgStage("LOST", "Lost", Outcome.LOST),
)

# How much each fact moves the log-odds of a sale: the planted truth.
FACT_WEIGHTS = {
    "budget_approved": 2.2,
    "paperwork_in_review": 2.0,
    "pilot_success": 1.8,
    "decision_maker_engaged": 1.6,
    "hard_deadline": 1.5,
    "rival_out": 1.4,
    "urgent_pain": 1.3,
    "champion_pushes": 1.2,
    "asks_next_steps": 1.2,
    "expansion": 1.0,
    "budget_frozen": -2.2,
    "leans_to_rival": -1.9,
    "reorganisation": -1.7,
    "postponed": -1.6,
    "missing_requirement": -1.6,
    "champion_left": -1.5,
    "bad_trial": -1.5,
    "happy_as_is": -1.4,
    "gone_quiet": -1.3,
    "only_looking": -1.3,
    "no_authority": -1.1,
    "price_too_high": -1.1,
}
SOURCE_WEIGHTS = {"referral": 0.5, "web form": 0.2, "trade fair": 0.0, "outbound": -0.3, "bought list": -0.6}
_OUTCOME_SHARPNESS = 1.6

_AFTER_THE_WIN = (
    "congrats on signing! handing {first} over to onboarding",
    "SIGNED. contract countersigned and filed, kickoff mail is out",
    "Welcome call done, customer number created, first invoice goes out monday",
    "deal is in, champagne. invoice address confirmed w/ {company}",
)
_AFTER_THE_LOSS = (
    "closed this one out, they went elsewhere. back to nurture list",
    "lost, reason set in the crm. try again in 12 months",
    "told marketing to keep {first} on the newsletter, no deal",
)
_FIRST = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elena",
    "Felix",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Karin",
    "Liam",
    "Mara",
    "Nils",
    "Olga",
    "Pablo",
    "Quinn",
    "Rosa",
    "Sven",
    "Tara",
    "Umar",
    "Vera",
    "Willem",
    "Xenia",
    "Yusuf",
    "Zoe",
    "Adele",
    "Bruno",
    "Chiara",
    "Dario",
    "Esther",
    "Farid",
    "Greta",
    "Henrik",
    "Ivo",
    "Jana",
    "Katrin",
    "Luis",
    "Milan",
    "Nora",
]
_LAST = [
    "Abel",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Hofer",
    "Ivanov",
    "Jansen",
    "Keller",
    "Lopez",
    "Martin",
    "Novak",
    "Olsen",
    "Petit",
    "Quiroga",
    "Rossi",
    "Schmidt",
    "Torres",
    "Ulrich",
    "Vidal",
    "Weber",
    "Xander",
    "Young",
    "Zeman",
    "Almeida",
    "Becker",
    "Cohen",
    "Duarte",
    "Engel",
    "Ferrari",
]
_TRADES = {
    "logistics": "Freight Forwarding Cargo Depots",
    "food": "Dairy Bakeries Foods Produce",
    "retail": "Stores Outlets Markets Fashion",
    "healthcare": "Clinics Labs Pharma Care",
    "machinery": "Tools Machines Bearings Pumps",
    "construction": "Timber Concrete Building Roofing",
    "electronics": "Circuits Sensors Devices Cables",
}
_PLACES = (
    ("United Kingdom", "Leeds", "en"),
    ("United States", "Columbus", "en"),
    ("Ireland", "Cork", "en"),
    ("Netherlands", "Utrecht", "en"),
    ("Sweden", "Malmö", "en"),
    ("Canada", "Toronto", "en"),
    ("Australia", "Perth", "en"),
    ("Germany", "Kassel", "de"),
    ("France", "Lille", "fr"),
    ("Spain", "Zaragoza", "es"),
)
_SYLLABLES = [
    "bar",
    "cor",
    "den",
    "fal",
    "gor",
    "hel",
    "kin",
    "lan",
    "mor",
    "nor",
    "pel",
    "ras",
    "sol",
    "tam",
    "ver",
    "wes",
    "zan",
    "ulm",
    "ost",
    "ard",
]
_TITLES = ("Head of Logistics", "Warehouse Manager", "COO", "IT Lead", "Purchasing", "Operations Analyst", "Owner")
_OWNERS = ("Robin Falk", "Sam Okoye", "Lea Winter", "Tomas Ruiz")


@dataclass(frozen=True, slots=True)
class OrgInteraction:
    """One note, mail, call, meeting or task as the CRM holds it. `body` is HTML where the CRM's would be.

    `fact` is what it says about the chance, or None where it says nothing.
    """

    kind: InteractionKind
    occurred_at: datetime
    subject: str
    body: str
    inbound: bool = False
    fact: str | None = None


@dataclass(frozen=True, slots=True)
class OrgLead:
    """One lead and its planted truth.

    `truth` is the sum of the weights of what is said and of its source; `wordings` is `fresh` where it is said in
    words that no closed lead uses. `stages` are the stage entries, oldest first.
    """

    key: str
    first: str
    last: str
    email: str
    owner: str
    created_at: datetime
    stages: tuple[tuple[str, datetime], ...]
    fields: dict[str, FieldValue]
    interactions: tuple[OrgInteraction, ...] = ()
    custom_fields: dict[str, FieldValue] = field(default_factory=dict)
    truth: float = 0.0
    wordings: str = "history"

    @property
    def stage(self) -> str:
        return self.stages[-1][0]


@dataclass(frozen=True, slots=True)
class Organisation:
    """Everything that a sandbox CRM is filled with."""

    stages: tuple[OrgStage, ...]
    owners: tuple[str, ...]
    leads: tuple[OrgLead, ...]


def build_organisation(seed: int, now: datetime, *, closed: int = 520, open_: int = 480) -> Organisation:
    """Return an organisation of `closed` finished and `open_` unfinished leads, the same one for the same seed."""
    writer = _Writer(random.Random(seed), now)
    leads = [writer.lead(number, closed=number < closed) for number in range(closed + open_)]
    leads += [writer.duplicate(lead) for lead in writer.random.sample(leads, k=(closed + open_) // 50)]
    writer.random.shuffle(leads)
    return Organisation(STAGES, _OWNERS, tuple(leads))


class _Writer:
    """Draws leads from one random stream."""

    def __init__(self, random_: random.Random, now: datetime) -> None:
        self.random = random_
        self._now = now.replace(microsecond=0)
        self._emails: set[str] = set()
        self._wordings: dict[tuple[str, str, str, str], list[Wording]] = {}
        for wording in load_wordings():
            key = (wording.topic, wording.wordings, wording.voice, wording.language)
            self._wordings.setdefault(key, []).append(wording)

    def lead(self, number: int, *, closed: bool) -> OrgLead:
        draw = self.random
        first, last = draw.choice(_FIRST), draw.choice(_LAST)
        trade, words = draw.choice(list(_TRADES.items()))
        company = f"{(draw.choice(_SYLLABLES) + draw.choice(_SYLLABLES)).title()} {draw.choice(words.split())}"
        country, city, language = draw.choices(_PLACES, weights=[1.3 if p[2] == "en" else 1.0 for p in _PLACES])[0]
        source = draw.choice(list(SOURCE_WEIGHTS))
        wordings = "history" if closed or number % 2 == 0 else "fresh"
        facts = self._draw_facts()
        truth = sum(FACT_WEIGHTS[fact] for fact in facts) + SOURCE_WEIGHTS[source]
        age_days = draw.uniform(120, 700) if closed else draw.uniform(25, 110)
        created_at = self._now - timedelta(days=age_days, minutes=draw.randrange(600))
        life = timedelta(days=draw.uniform(20, 100)) if closed else self._now - created_at - timedelta(hours=20)
        won = draw.random() < 1 / (1 + math.exp(-_OUTCOME_SHARPNESS * truth))
        stages = self._draw_stages(created_at, life, won if closed else None)
        names = {"first": first, "last": last, "company": company}
        silent = draw.random() < 0.03
        interactions = [] if silent else self._interactions(created_at, life, facts, wordings, language, names)
        if closed and draw.random() < 0.6:
            interactions.append(self._after_the_outcome(created_at + life, names, won=won))
        return OrgLead(
            key=f"lead-{number}",
            first=first,
            last=last,
            email=self._email(first, last, company),
            owner=draw.choice(_OWNERS),
            created_at=created_at,
            stages=stages,
            fields={
                "company": company,
                "title": draw.choice(_TITLES),
                "industry": trade,
                "country": country,
                "city": city,
                "employees": float(draw.choice([8, 25, 60, 140, 400, 1200])),
                "source": source,
            },
            interactions=tuple(sorted(interactions, key=lambda item: item.occurred_at)),
            truth=SOURCE_WEIGHTS[source] if silent else truth,
            wordings=wordings,
        )

    def duplicate(self, lead: OrgLead) -> OrgLead:
        """Return the same person entered a second time: newer, with another address and half of the texts."""
        later = lead.created_at + timedelta(days=2)
        kept = tuple(item for item in lead.interactions[::2] if item.occurred_at > later)
        return OrgLead(
            key=f"{lead.key}-duplicate",
            first=lead.first,
            last=lead.last,
            email=f"info.{lead.email}",
            owner=lead.owner,
            created_at=later,
            stages=tuple((stage, max(at, later)) for stage, at in lead.stages),
            fields=lead.fields,
            interactions=kept,
            truth=math.nan,  # what the second record says of the chance is nobody's to know
            wordings=lead.wordings,
        )

    def _draw_facts(self) -> list[str]:
        draw = self.random
        leaning = draw.gauss(0, 1)
        count = draw.choices((0, 1, 2, 3, 4), weights=(0.04, 0.11, 0.3, 0.35, 0.2))[0]
        good = [fact for fact, weight in FACT_WEIGHTS.items() if weight > 0]
        poor = [fact for fact, weight in FACT_WEIGHTS.items() if weight < 0]
        facts: list[str] = []
        for _ in range(count):
            side = good if draw.random() < 1 / (1 + math.exp(-3.0 * leaning)) else poor
            facts.append(draw.choice([fact for fact in side if fact not in facts]))
        return facts

    def _draw_stages(self, created_at: datetime, life: timedelta, won: bool | None) -> tuple[tuple[str, datetime], ...]:
        draw = self.random
        steps = [stage.id for stage in STAGES if stage.outcome is Outcome.OPEN]
        reached = draw.choices(range(1, len(steps) + 1), weights=(1, 1, 1, 1, 1) if won is None else (1, 1, 2, 2, 4))[0]
        marks = sorted(draw.uniform(0.05, 0.9) for _ in range(reached - 1))
        entries = [(steps[0], created_at)]
        entries += [(step, created_at + mark * life) for step, mark in zip(steps[1:reached], marks, strict=True)]
        if won is not None:
            entries.append(("WON" if won else "LOST", created_at + life))
        return tuple((stage, at.replace(microsecond=0)) for stage, at in entries)

    def _interactions(
        self,
        created_at: datetime,
        life: timedelta,
        facts: Sequence[str],
        wordings: str,
        language: str,
        names: dict[str, str],
    ) -> list[OrgInteraction]:
        draw = self.random
        idle = draw.randint(22, 40) if draw.random() < 0.03 else draw.randint(1, 3)
        said: list[str | None] = [*facts, *([None] * idle)]
        draw.shuffle(said)
        times = sorted(draw.uniform(0.02, 0.97) for _ in said)
        return [
            self._interaction((created_at + mark * life).replace(microsecond=0), fact, wordings, language, names)
            for mark, fact in zip(times, said, strict=True)
        ]

    def _interaction(
        self, at: datetime, fact: str | None, wordings: str, language: str, names: dict[str, str]
    ) -> OrgInteraction:
        draw = self.random
        kinds = ("note", "call", "meeting", "email", "email in", "task")
        kind = draw.choices(kinds, weights=(5, 3, 2, 1 if fact else 2, 3, 0.5 if fact else 1))[0]
        if kind == "email in":
            return self._mail(at, fact, wordings, language, names)
        sentences = [self._say(kind, "chatter", "rep", language)] if fact is None or draw.random() < 0.5 else []
        if fact is not None:
            sentences.insert(draw.randint(0, len(sentences)), self._say(fact, wordings, "rep", language))
        lines = [self._mistype(sentence.format(**names)) for sentence in sentences]
        body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        if kind == "email":
            return OrgInteraction(InteractionKind.EMAIL, at, f"Your scanners, {names['company']}", body, fact=fact)
        subject = {"note": "", "call": "Call", "meeting": f"Meeting {names['company']}", "task": "To do"}[kind]
        return OrgInteraction(InteractionKind(kind), at, subject, body, fact=fact)

    def _mail(
        self, at: datetime, fact: str | None, wordings: str, language: str, names: dict[str, str]
    ) -> OrgInteraction:
        """Return a mail from the customer: HTML with greeting, signature and our own mail quoted below."""
        draw = self.random
        body = [self._say("email", "chatter", "customer", language)] if fact is None or draw.random() < 0.5 else []
        if fact is not None:
            body.insert(draw.randint(0, len(body)), self._say(fact, wordings, "customer", language))
        lines = [
            self._say("greeting", "chatter", "customer", language),
            *body,
            self._say("closing", "chatter", "customer", language),
        ]
        signature = self._say("signature", "chatter", "customer", language)
        quoted = self._say("quoted", "chatter", "rep", language)
        markup = "".join(f"<p>{html.escape(line.format(**names))}</p>" for line in lines)
        markup += f'<div class="gmail_signature">{html.escape(signature.format(**names))}</div>'
        if draw.random() < 0.7:
            markup += f'<blockquote class="gmail_quote">{html.escape(quoted.format(**names))}</blockquote>'
        return OrgInteraction(InteractionKind.EMAIL, at, "Re: scanners", markup, inbound=True, fact=fact)

    def _after_the_outcome(self, closed_at: datetime, names: dict[str, str], *, won: bool) -> OrgInteraction:
        texts = _AFTER_THE_WIN if won else _AFTER_THE_LOSS
        at = (closed_at + timedelta(hours=self.random.uniform(2, 90))).replace(microsecond=0)
        return OrgInteraction(InteractionKind.NOTE, at, "", html.escape(self.random.choice(texts).format(**names)))

    def _say(self, topic: str, wordings: str, voice: str, language: str) -> str:
        for language_ in (language, "en"):
            found = self._wordings.get((topic, wordings, voice, language_))
            if found:
                return self.random.choice(found).text
        # The few facts that one side never tells in so many words are told by the other.
        return self._say(topic, wordings, "customer" if voice == "rep" else "rep", language)

    def _mistype(self, line: str) -> str:
        draw = self.random
        if draw.random() > 0.25 or len(line) < 12:
            return line
        at = draw.randrange(3, len(line) - 3)
        return line[:at] + line[at + 1] + line[at] + line[at + 2 :]

    def _email(self, first: str, last: str, company: str) -> str:
        base = f"{first}.{last}@{company.replace(' ', '-')}.example".lower()
        address, count = base, 2
        while address in self._emails:
            address, count = f"{count}.{base}", count + 1
        self._emails.add(address)
        return address
