"""Changes 20,000 contacts and 60,000 engagements of a portal under every fault profile, and kills the pull 20 times.

    python -m benchmarks.lost_records [--profiles index-lag everything] [--contacts 20000] [--kills 20]

Prints, for each profile, what was changed, how often the pull was killed, how many API calls it all took, and how many
records the store lost or holds in another state than the portal: after the incremental pulls (without those ties of
old interactions that no API call tells and the weekly full pull finds) and after a full pull. Then the same for writing
a priority on every lead. All but 0 is a fault.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.connectors.hubspot.lost_records import PULLED_THROUGH, run_trial, run_write_trial


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--profiles", nargs="+", choices=PULLED_THROUGH, default=PULLED_THROUGH)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--engagements", type=int, default=60_000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    lost = 0
    for profile in options.profiles:
        with tempfile.TemporaryDirectory() as folder:
            trial = run_trial(
                profile,
                Path(folder),
                contacts=options.contacts,
                engagements=options.engagements,
                kills=options.kills,
            )
        lost += len(trial.lost) + len(trial.lost_after_full)
        sys.stdout.write(
            f"{profile}: {sum(trial.changes.values()):,} changes, {trial.kills} kills, {trial.pulls} pulls to the end,"
            f" {trial.calls:,} calls, {trial.seconds:.0f} s: {len(trial.lost)} records lost or different,"
            f" {len(trial.untold)} old ties that HubSpot tells nobody; after a full pull {len(trial.lost_after_full)}\n"
        )
        for name in [*trial.lost[:5], *trial.lost_after_full[:5]]:
            sys.stdout.write(f"  {name}\n")
        with tempfile.TemporaryDirectory() as folder:
            written = run_write_trial(profile, Path(folder), contacts=options.contacts, kills=options.kills)
        lost += len(written.wrong) + len(written.touched)
        sys.stdout.write(
            f"{profile}: {options.contacts:,} priorities written, {written.kills} kills, {written.calls:,} calls:"
            f" {len(written.wrong)} leads show something else than planned, {len(written.touched)} lost other values\n"
        )
        sys.stdout.flush()
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
