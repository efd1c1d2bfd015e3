"""How things stand, in the words of Prometheus. All of it comes from the database, and is the same in every process."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from worker.store import Store
from worker.store.figures import AccountFigures, Figures, WorkFigures

# What is known of the names under which things are counted; others are shown too.
_COUNTED = {
    "sweeper_rings": "How often overdue work was rung for: rising, it says that the broker loses messages",
    "leads_scored": "Leads that a model has scored",
    "texts_read": "Texts that the language model has read",
    "llm_tokens": "Tokens that the language model has read",
    "leads_written": "Leads that were written to the CRM",
    "throttled": "How often the CRM refused a call because there were too many",
    "failures": "Pieces of work that failed",
    "quota_left": "Calls that the CRM still allows",
}


def render_metrics(store: Store, now: datetime) -> bytes:
    """Return what Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_FiguresCollector(store.figures(now)))
    return generate_latest(registry)


class _FiguresCollector(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        yield from _describe_work(self._figures.work)
        yield from _describe_accounts(self._figures.accounts)
        yield _describe_parked(self._figures)
        yield from _describe_counters(self._figures)
        runs = [((tenant, job), age) for (tenant, job), age in self._figures.runs.items()]
        yield _gauge("run_age_seconds", "Since the last night or poll began", ("tenant", "job"), runs)
        beats = [((kind,), age) for kind, age in self._figures.heartbeats.items()]
        yield _gauge("heartbeat_age_seconds", "Since a process of this kind last looked for work", ("kind",), beats)


def _describe_work(work: Iterable[WorkFigures]) -> Iterable[Metric]:
    shown = {
        "oldest_dirty_age_seconds": ("Age of the oldest change that is not done", "oldest_seconds"),
        "work_due": ("Accounts or stages that are due and not being done", "due"),
        "work_held": ("Accounts or stages that are being done", "held"),
        "leases_expired": ("Accounts or stages whose worker died, and that nobody has taken over yet", "expired"),
        "stages_stale": ("Stages whose scores are to be made anew", "stale"),
    }
    for name, (what, field) in shown.items():
        rows = [((item.tenant, item.job.value), float(getattr(item, field))) for item in work]
        yield _gauge(name, what, ("tenant", "job"), rows)


def _describe_accounts(accounts: Iterable[AccountFigures]) -> Iterable[Metric]:
    shown = {
        "leads_dirty": ("Leads that say something their score does not know", "dirty_leads"),
        "writes_undelivered": ("Leads that should show something else in the CRM", "undelivered"),
        "inbox_waiting": ("What the CRM told and nobody has looked at", "inbox_waiting"),
        "inbox_oldest_age_seconds": ("Age of the oldest of it", "inbox_oldest_seconds"),
        "paused": ("1 while a person has paused this CRM", "paused"),
        "throttle_seconds": ("For how long this CRM is left alone because it had too many calls", "throttled_seconds"),
    }
    for name, (what, field) in shown.items():
        yield _gauge(name, what, ("tenant",), [((item.tenant,), float(getattr(item, field))) for item in accounts])


def _describe_parked(figures: Figures) -> Metric:
    rows: list[tuple[tuple[str, ...], float]] = []
    for account in figures.accounts:
        work = sum(item.parked for item in figures.work if item.tenant == account.tenant)
        rows.append(((account.tenant, "work"), work))
        rows.append(((account.tenant, "leads"), account.parked_leads))
        rows.append(((account.tenant, "writes"), account.parked_writes))
    return _gauge("parked", "What failed too often and waits for a person", ("tenant", "kind"), rows)


def _describe_counters(figures: Figures) -> Iterable[Metric]:
    for name in sorted({name for _, name in figures.counters}):
        what = _COUNTED.get(name, "Counted across processes and restarts")
        rows = [((tenant,), float(value)) for (tenant, own), value in figures.counters.items() if own == name]
        if name.endswith("_left"):  # what is left goes up and down
            yield _gauge(name, what, ("tenant",), rows)
            continue
        counter = CounterMetricFamily(f"callfirst_{name}", what, labels=("tenant",))
        for labels, value in rows:
            counter.add_metric(labels, value)
        yield counter


def _gauge(
    name: str, what: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"callfirst_{name}", what, labels=labels)
    for values, value in rows:
        gauge.add_metric(values, value)
    return gauge
