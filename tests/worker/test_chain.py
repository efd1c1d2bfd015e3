"""The whole chain over both sandbox servers: real clients, real weights, the command line as a person types it."""

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.sandbox.server import SandboxServer
from ranking.model import FORMAT
from tests.endpoint import Endpoint
from tests.sandboxes import Sandbox, sandbox
from worker.settings import Settings
from worker.store import ModelVersion, Store

pytestmark = pytest.mark.integration

DATA = Path(__file__).parents[3] / "shared" / "data"


def run(folder: Path, environment: dict[str, str], *arguments: str, code: int = 0) -> Any:
    """Run a command with a clean environment and return its JSON."""
    done = finished(folder, environment, *arguments)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def finished(folder: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
    cache = {"CACHE_DIR": str(Settings().cache_dir), "RANKING__BACKBONE": "minilm", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments, "--json"],
        cwd=folder,
        env={**kept, **cache, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def environment_of(running: Sandbox) -> dict[str, str]:
    if running.crm == "hubspot":
        rates = {"HUBSPOT__CALLS_PER_10_SECONDS": "100000", "HUBSPOT__SEARCHES_PER_SECOND": "10000"}
        return {"HUBSPOT__BASE_URL": running.url, "HUBSPOT__ACCESS_TOKEN": "sandbox", **rates}
    return {
        "SALESFORCE__INSTANCE_URL": running.url,
        "SALESFORCE__CLIENT_ID": "sandbox",
        "SALESFORCE__CLIENT_SECRET": "sandbox",
    }


def add_note(running: Sandbox, lead: str, text: str) -> None:
    """Add a note through the CRM's own API, as another program would."""
    if running.crm == "hubspot":
        body = {
            "properties": {"hs_note_body": text, "hs_timestamp": "2026-11-20T10:00:00Z"},
            "associations": [
                {"to": {"id": lead}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]}
            ],
        }
        reply = httpx.post(
            f"{running.url}/crm/v3/objects/notes", json=body, headers={"Authorization": "Bearer sandbox"}
        )
        assert reply.status_code == 201
        return
    token = httpx.post(
        f"{running.url}/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=("sandbox", "sandbox")
    ).json()["access_token"]
    reply = httpx.post(
        f"{running.url}/services/data/v64.0/sobjects/Task",
        json={"WhoId": lead, "Subject": "Call", "Description": text, "TaskSubtype": "Call"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert reply.status_code == 201


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_from_an_empty_store_to_priorities_in_the_crm(crm: str, tmp_path: Path) -> None:
    with sandbox(crm) as running:
        environment = environment_of(running)
        open_leads = sum(lead.stage not in ("WON", "LOST") for lead in running.org.leads)
        run(tmp_path, environment, "setup")
        assert run(tmp_path, environment, "pull")[crm]["changed"] > 100
        run(tmp_path, environment, "train")
        assert run(tmp_path, environment, "rank")[crm]["leads"] == open_leads
        planned = run(tmp_path, environment, "plan", "-o", "plan.json", code=2)["writes"]
        assert run(tmp_path, environment, "apply", "--shadow")[crm] == {"would_write": open_leads, "written": 0}
        assert run(tmp_path, environment, "apply", "--plan", "plan.json")[crm]["written"] == len(planned) == open_leads

        stages = [stage for stage in running.connector.list_stages() if stage.outcome == "open"]
        listed = [row for stage in stages for row in running.connector.list_by_rank(stage.id)]
        assert {row.lead_id for row in listed} == {row["lead_id"] for row in planned}
        # The order is the model's, not a constant: different leads have different scores.
        assert len({row.score for row in listed}) > 10

        [again] = run(tmp_path, environment, "sync", "--once")
        assert again["write"]["written"] == 0
        assert again["rank"]["passes"] == 0

        lead = listed[-1].lead_id
        # Never read before, in no earlier run of this test either: the cache of readings outlives it.
        add_note(running, lead, f"the board signed off the budget, they want {uuid.uuid4()} delivery slots")
        [after] = run(tmp_path, environment, "sync", "--once")
        assert after["rank"]["passes"] in (1, 2)  # the note, and a sentence of it for the reason
        assert 1 <= after["write"]["written"] < open_leads
        shown = run(tmp_path, environment, "show", lead)[crm]
        reasons = run(tmp_path, environment, "why", lead)[crm]["first"]
        assert reasons["rank"] == shown["priority"]["rank"]
        assert reasons["supporting"] or reasons["opposing"]
        assert shown["crm_was_told"]["rank"] == shown["priority"]["rank"]


def test_a_crm_that_goes_down_half_way_is_gone_on_with(tmp_path: Path) -> None:
    with sandbox("hubspot") as running:
        environment = environment_of(running)
        running.faults.fail_after = 6
        message = run(tmp_path, environment, "pull", code=1)
        assert "HTTP 503" in message
        running.faults.fail_after = None

        report = run(tmp_path, environment, "pull")["hubspot"]
        whole = run(tmp_path, environment, "pull", "--full")["hubspot"]

        assert 0 < sum(report["records"].values()) < sum(whole["records"].values())
        assert whole["changed"] == 0


def test_errors_are_one_line_and_exit_code_1(tmp_path: Path) -> None:
    assert "no CRM is configured" in run(tmp_path, {}, "pull", code=1)
    wrong = {"HUBSPOT__BASE_URL": "https://evil.example", "HUBSPOT__ACCESS_TOKEN": "hush"}
    message = run(tmp_path, wrong, "pull", code=1)
    assert "evil.example" in message
    assert "hush" not in message


def test_models_of_another_version_are_not_gone_back_to(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/callfirst.db")
    store.upgrade()
    for version, form in (("readable", FORMAT), ("old", FORMAT - 1), ("newest", FORMAT)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "model.json").write_text(json.dumps({"format": form}))
        moment = datetime(2026, 1, len(version), tzinfo=UTC)
        store.save_model("hubspot", ModelVersion(version, tmp_path / version, "words", moment, {}, datetime.now(UTC)))
    store.close()
    configured = {"HUBSPOT__ACCESS_TOKEN": "sandbox"}

    assert "another version" in run(tmp_path, configured, "models", "promote", "old", code=1)
    told = finished(tmp_path, configured, "models", "rollback")
    assert "old: was trained by another version" in told.stderr
    assert json.loads(told.stdout) == {"hubspot": "readable"}
    assert run(tmp_path, configured, "models", "promote", "newest") == {"hubspot": "newest"}


def test_who_has_texts_sent_to_an_endpoint_is_told_so(tmp_path: Path) -> None:
    endpoint = Endpoint()
    rows = [
        {"id": str(n), "split": "train", "stage": "a", "as_of": 1_700_000_000 + n, "fields": {"size": n % 7}}
        | {"text": f"budget {'granted' if n % 2 else 'refused'} in room {n % 5}", "label": n % 2}
        for n in range(120)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("backtest", "--data", "rows.jsonl", "--report")
    with SandboxServer(endpoint.app) as server:
        configured = {
            "ASK_ENDPOINT__URL": f"{server.url}/v1",
            "ASK_ENDPOINT__MODEL": "a-model",
            "ASK_ENDPOINT__API_KEY": "key",
        }
        told = finished(tmp_path, configured, *command, "--ask", "endpoint")
    orders = [order["name"] for order in json.loads(told.stdout)["reports"]["rows.jsonl"]["orders"]]

    assert {"a-model, asked lead by lead", "a-model, asked two by two"} <= set(orders)
    assert f"{server.url}/v1: they leave this machine" in told.stderr
    assert "ASK_ENDPOINT__URL" in run(tmp_path, {}, *command, "--ask", "endpoint", code=1)


@pytest.mark.skipif(not DATA.exists(), reason=f"needs the real data in {DATA}")
def test_backtest_scores_every_test_row_of_real_texts(tmp_path: Path) -> None:
    summary = run(tmp_path, {}, "backtest", "--data", str(DATA / "raop.jsonl.gz"), "--scores", "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]

    assert summary["scored"] == len(rows) == 1_212
    assert len({row["score"] for row in rows}) > 1_000
