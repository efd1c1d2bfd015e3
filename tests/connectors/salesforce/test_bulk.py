"""Listings by Bulk API: what REST would have read, gone on with where they broke off."""

from dataclasses import replace

import pytest

from connectors.base import Page
from tests.connectors.salesforce.orgs import running_org
from tests.connectors.salesforce.test_reading import calls
from tests.connectors.test_contract import read_all
from worker.pull import pull
from worker.store import Store

pytestmark = pytest.mark.integration


def test_everything_that_is_read_by_bulk_is_what_rest_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_org(leads=300, activities=900) as org:
        by_rest = read_all(org.connect())
        monkeypatch.setattr("connectors.salesforce.walking._BULK_FROM_ROWS", 50)
        monkeypatch.setattr("connectors.salesforce.bulk._ROWS_PER_FILE", 100)
        monkeypatch.setattr("connectors.salesforce.bulk._ROWS_PER_PART", 30)
        before = len(org.faults.log)

        assert _as_sets(read_all(org.connect())) == _as_sets(by_rest)
        assert any("jobs/query" in call for call in calls(org, before))


def _as_sets(page: Page) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(repr, rows)) for rows in (page.leads, page.interactions, page.stage_changes))


@pytest.mark.parametrize("fault", ["bulk_fails", "bulk_aborts"])
def test_a_bulk_job_that_fails_is_done_by_rest(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.salesforce.walking._BULK_FROM_ROWS", 50)
    with running_org(leads=100, activities=300) as org:
        calm = _as_sets(read_all(org.connect()))
        setattr(org.faults, fault, True)

        assert _as_sets(read_all(org.connect())) == calm


def test_a_listing_by_bulk_goes_on_in_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.salesforce.walking._BULK_FROM_ROWS", 50)
    monkeypatch.setattr("connectors.salesforce.bulk._ROWS_PER_FILE", 100)
    monkeypatch.setattr("connectors.salesforce.bulk._ROWS_PER_PART", 30)
    with running_org(leads=300) as org:
        pages = list(org.connect().read("leads"))
        whole = {lead.id for page in pages for lead in page.leads}
        for number, page in enumerate(pages[:-1]):
            before = len(org.faults.log)
            rest = {lead.id for more in org.connect().read("leads", position=page.position) for lead in more.leads}

            assert rest | {lead.id for earlier in pages[: number + 1] for lead in earlier.leads} == whole
            assert "POST /services/data/v64.0/jobs/query" not in calls(org, before)
        assert len(pages) > 10


def test_a_job_that_is_gone_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.salesforce.walking._BULK_FROM_ROWS", 50)
    with running_org(leads=120) as org:
        leads = [
            lead
            for page in org.connect().read("leads", position="Lead:bulk 750000000000000AAA - 0")
            for lead in page.leads
        ]

        assert len({lead.id for lead in leads}) == 120


def test_an_object_that_bulk_does_not_take_is_read_by_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.salesforce.walking._BULK_FROM_ROWS", 50)
    with running_org(leads=100, activities=300) as org:
        calm = _as_sets(read_all(org.connect()))
        org.org.objects["Task"] = replace(org.org.objects["Task"], bulk=False)
        org.org.forget_schema()

        assert _as_sets(read_all(org.connect())) == calm


def test_fields_that_are_hidden_stay_hidden_whoever_else_reads_the_object(
    monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setattr("connectors.salesforce.walking._BULK_FROM_ROWS", 5)
    with running_org(leads=50, activities=200) as org:
        org.org.hidden = frozenset({"EmailMessage.HtmlBody"})
        connector = org.connect()
        pull(store, connector)

        assert pull(store, connector).changed == 0
