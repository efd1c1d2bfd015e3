"""How fast a webhook is answered: `uvicorn --factory worker.web:create_app` as a process of its own, on SQLite.

    python -m benchmarks.webhooks [--deliveries 500] [--events 100] [--at-once 10]

HubSpot waits five seconds for an answer and sends ten deliveries at once, of at most 100 events each.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

SECRET = "a client secret"  # noqa: S105  # of this benchmark's own server
URL = "https://callfirst.example/webhooks/hubspot"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--deliveries", type=int, default=500)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=10)
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "PUBLIC_URL": "https://callfirst.example",
            "HUBSPOT__ACCESS_TOKEN": "sandbox",
            "HUBSPOT__WEBHOOK_SECRET": SECRET,
        }
        command = [sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(port)]
        server = subprocess.Popen([*command, "--log-level", "warning"], cwd=folder, env=environment)
        try:
            target = f"http://127.0.0.1:{port}/webhooks/hubspot"
            _wait(target)
            with httpx.Client() as client, ThreadPoolExecutor(options.at_once) as pool:
                numbers = range(options.deliveries)
                times = sorted(pool.map(lambda n: _deliver(client, target, n, options.events), numbers))
        finally:
            server.terminate()
            server.wait(10)
    median, late = statistics.median(times), times[int(len(times) * 0.99)]
    sys.stdout.write(
        f"{options.deliveries} deliveries of {options.events} events, {options.at_once} at once: answered in"
        f" {median * 1000:.1f} ms (median), {late * 1000:.1f} ms (99 %), {times[-1] * 1000:.1f} ms (slowest)\n"
    )


def _wait(target: str) -> None:
    for _ in range(300):
        try:
            httpx.get(target)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the web application did not start")


def _deliver(client: httpx.Client, target: str, number: int, events: int) -> float:
    """Send one delivery; return how many seconds its answer took."""
    items = [
        {
            "eventId": number * events + index,
            "portalId": 1,
            "occurredAt": 1_700_000_300_000,
            "subscriptionType": "object.creation",
            "objectTypeId": "0-46",
            "objectId": number * events + index,
        }
        for index in range(events)
    ]
    body = json.dumps(items).encode()
    timestamp = str(int(time.time() * 1000))
    signed = b"POST" + URL.encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}
    started = time.perf_counter()
    answer = client.post(target, content=body, headers=headers)
    taken = time.perf_counter() - started
    assert answer.status_code == 204, answer.text
    return taken


if __name__ == "__main__":
    main()
