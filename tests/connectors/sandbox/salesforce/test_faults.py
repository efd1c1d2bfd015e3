"""How an org misbehaves when it is told to."""

import time
from collections import Counter

import httpx
import pytest

from connectors.sandbox.faults import Faults, build_faults, fault_profiles
from connectors.sandbox.salesforce import SalesforceFaults
from connectors.sandbox.salesforce.faults import PROFILES, for_org
from connectors.sandbox.salesforce.org import USER_ID
from tests.connectors.sandbox.salesforce.running import Running, error_of


def test_an_outage_begins_after_so_many_requests(running: Running) -> None:
    running.faults.fail_after = running.faults.requests + 2

    assert [running.get("limits").status_code for _ in range(4)] == [200, 200, 503, 503]


def test_flaky_replies_are_html_or_json_with_a_503(running: Running) -> None:
    running.faults.flaky_share = 0.5

    kinds = Counter(
        (reply.status_code, reply.headers["Content-Type"].partition(";")[0])
        for reply in (running.get("limits") for _ in range(40))
    )

    assert kinds.keys() == {(200, "application/json"), (503, "application/json"), (503, "text/html")}


def test_html_errors_come_with_several_statuses(running: Running) -> None:
    running.faults.html_errors = 1.0

    replies = [running.get("limits") for _ in range(20)]

    assert {reply.status_code for reply in replies} == {500, 502, 503}
    assert all(reply.text.startswith("<html>") for reply in replies)


def test_a_reset_closes_the_connection_and_is_logged(running: Running) -> None:
    running.faults.resets = 1.0

    with pytest.raises(httpx.RemoteProtocolError):
        running.get("limits")
    assert running.faults.log[-1].status == 0


def test_slow_replies_take_their_time(running: Running) -> None:
    running.faults.slow_seconds = 0.2
    begun = time.monotonic()
    running.get("limits")

    assert time.monotonic() - begun >= 0.2


def test_a_share_of_the_written_rows_is_locked(running: Running) -> None:
    ids = running.add_leads(100)
    running.faults.locked_share = 0.3

    outcomes = running.write(*({"id": id_, "Title": "CTO"} for id_ in ids))

    locked = [outcome for outcome in outcomes if not outcome["success"]]
    assert 10 < len(locked) < 60
    error = locked[0]["errors"][0]
    assert error["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert error["message"].startswith("unable to obtain exclusive access to this record or 1 records: 00Q")


def test_the_days_calls_run_out(running: Running) -> None:
    running.faults.daily_limit = running.faults.used + 2

    replies = [running.get("limits") for _ in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 403]
    assert error_of(replies[-1]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert replies[-1].json()[0]["message"] == "TotalRequests Limit exceeded."
    assert replies[-1].headers["Sforce-Limit-Info"] == "api-usage=2/2"


def test_every_reply_counts_the_calls_of_the_day(running: Running) -> None:
    infos = [running.get("limits").headers["Sforce-Limit-Info"] for _ in range(2)]

    assert infos == ["api-usage=1/15000", "api-usage=2/15000"]
    assert running.get("limits").json()["DailyApiRequests"] == {"Max": 15_000, "Remaining": 14_997}


def test_every_reply_comes_from_salesforces_front_door_alone(running: Running) -> None:
    assert running.get("limits").headers.get_list("Server") == ["sfdcedge"]


def test_too_many_calls_at_once_are_refused_with_another_message(running: Running) -> None:
    running.faults.concurrent_share = 1.0

    assert running.get("limits").json()[0]["message"] == "ConcurrentPerOrgLongTxn Limit exceeded."


def test_a_late_commit_shows_a_record_later_with_its_old_stamp(running: Running) -> None:
    running.faults.late_commit_seconds = 180
    id_ = running.add_lead()
    stamp = running.clock().strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    before = running.rows("SELECT Id FROM Lead")
    running.clock.advance(180)

    (row,) = running.rows("SELECT Id, SystemModstamp FROM Lead")

    assert before == []
    assert row == {"Id": id_, "SystemModstamp": stamp}


def test_a_late_commit_of_a_change_shows_what_was_before(running: Running) -> None:
    lead, other = running.add_leads(2)
    task = running.org.insert("Task", {"WhoId": lead, "Subject": "old"})
    running.faults.late_commit_seconds = 180
    running.org.update("Task", task["Id"], {"WhoId": other, "Subject": "new"})

    def found(who: str) -> list[str]:
        return [row["Subject"] for row in running.rows(f"SELECT Subject FROM Task WHERE WhoId = '{who}'")]

    early = (found(lead), found(other))
    running.clock.advance(180)

    assert (early, (found(lead), found(other))) == ((["old"], []), ([], ["new"]))


def test_what_the_api_wrote_is_seen_at_once(running: Running) -> None:
    id_ = running.add_lead()
    running.faults.late_commit_seconds = 180
    running.write({"id": id_, "Title": "CTO"})

    assert running.rows("SELECT Title, LastModifiedById FROM Lead") == [{"Title": "CTO", "LastModifiedById": USER_ID}]


def test_many_rows_of_one_second_have_one_stamp(running: Running) -> None:
    for _ in range(300):
        running.add_lead()
        running.clock.advance(0.003)

    assert len({row["SystemModstamp"] for row in running.rows("SELECT SystemModstamp FROM Lead")}) == 1


def test_missing_names_hidden_fields(running: Running) -> None:
    running.faults.missing = frozenset({"Lead.OwnerId"})

    assert error_of(running.query("SELECT OwnerId FROM Lead")) == (400, "INVALID_FIELD")
    assert "OwnerId" not in {field["name"] for field in running.get("sobjects/Lead/describe").json()["fields"]}


def test_the_validation_fault_refuses_some_leads(running: Running) -> None:
    running.faults.validation = True
    german, other = running.add_lead(Country="Germany"), running.add_lead(Country="Spain")

    outcomes = running.write({"id": german, "Title": "x"}, {"id": other, "Title": "x"})

    assert [outcome["success"] for outcome in outcomes] == [False, True]
    assert outcomes[0]["errors"][0]["statusCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def test_the_log_holds_method_path_status_and_size(running: Running) -> None:
    reply = running.get("limits")

    assert running.faults.log[-1][1:] == ("GET", "/services/data/v64.0/limits", 200, len(reply.content))


def test_every_profile_can_be_built_by_its_name() -> None:
    assert fault_profiles("salesforce") == tuple(PROFILES)
    assert all(isinstance(build_faults(name, "salesforce"), SalesforceFaults) for name in PROFILES)


def test_common_faults_are_taken_as_they_are() -> None:
    assert for_org(Faults(fail_after=3)).fail_after == 3


def test_becoming_another_keeps_what_was_counted() -> None:
    faults = SalesforceFaults(resets=0.5)
    faults.note("GET", "/", 200, 1)
    faults.become(PROFILES["locks"]())

    assert (faults.resets, faults.locked_share, len(faults.log)) == (0.0, 0.1, 1)
