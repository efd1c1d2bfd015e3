"""Changes all that a sandbox CRM holds under every fault profile while it is pulled, and kills the pull 20 times.

    python -m benchmarks.lost_records hubspot [--profiles index-lag everything] [--leads 20000] [--kills 20]
    python -m benchmarks.lost_records salesforce

20,000 leads with 60,000 activities, and for Salesforce 5,000 notes beside them, are changed as people change them.
Prints, for each profile, what was changed, how often the pull was killed, how many API calls it all took, and how many
records the store lost or holds in another state than the CRM: after the incremental pulls (for HubSpot without those
ties of old interactions that no API call tells and the weekly full pull finds) and after a full pull. Then the same for
writing a priority on every lead. All but 0 is a fault.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.connectors.hubspot import lost_records as hubspot
from tests.connectors.salesforce import lost_records as salesforce

_PROFILES = {"hubspot": hubspot.PULLED_THROUGH, "salesforce": salesforce.PULLED_THROUGH}
_NOTES_SHARE = 12  # 5,000 notes beside 60,000 activities


def try_hubspot(profile: str, leads: int, activities: int, kills: int) -> list[str]:
    """Run both trials of one profile, and return what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        trial = hubspot.run_trial(profile, Path(folder), contacts=leads, engagements=activities, kills=kills)
    _print_pulls(profile, trial, f", {len(trial.untold)} old ties that HubSpot tells nobody")
    with tempfile.TemporaryDirectory() as folder:
        written = hubspot.run_write_trial(profile, Path(folder), contacts=leads, kills=kills)
    _print_writes(profile, leads, written)
    return [*trial.lost, *trial.lost_after_full, *written.wrong, *written.touched]


def try_salesforce(profile: str, leads: int, activities: int, kills: int) -> list[str]:
    """Run both trials of one profile, and return what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        trial = salesforce.run_trial(
            profile, Path(folder), leads=leads, activities=activities, notes=activities // _NOTES_SHARE, kills=kills
        )
    _print_pulls(profile, trial, "")
    with tempfile.TemporaryDirectory() as folder:
        written = salesforce.run_write_trial(profile, Path(folder), leads=leads, kills=kills)
    _print_writes(profile, leads, written)
    return [*trial.lost, *trial.lost_after_full, *written.wrong, *written.touched]


def _print_pulls(profile: str, trial: hubspot.Trial | salesforce.Trial, more: str) -> None:
    sys.stdout.write(
        f"{profile}: {sum(trial.changes.values()):,} changes, {trial.kills} kills, {trial.pulls} pulls to the end,"
        f" {trial.calls:,} calls, {trial.seconds:.0f} s: {len(trial.lost)} records lost or different{more};"
        f" after a full pull {len(trial.lost_after_full)}\n"
    )
    _print_names([*trial.lost[:5], *trial.lost_after_full[:5]])


def _print_writes(profile: str, leads: int, trial: hubspot.WriteTrial | salesforce.WriteTrial) -> None:
    sys.stdout.write(
        f"{profile}: priorities of {leads:,} leads written, {trial.kills} kills, {trial.calls:,} calls:"
        f" {len(trial.wrong)} leads show something else than planned, {len(trial.touched)} lost other values\n"
    )
    _print_names([*trial.wrong[:5], *trial.touched[:5]])


def _print_names(names: Sequence[str]) -> None:
    sys.stdout.writelines(f"  {name}\n" for name in names)
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("crm", choices=_PROFILES)
    parser.add_argument("--profiles", nargs="+")
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--activities", type=int, default=60_000)
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    profiles = options.profiles or _PROFILES[options.crm]
    unknown = sorted(set(profiles) - set(_PROFILES[options.crm]))
    if unknown:
        parser.error(f"{', '.join(unknown)}: the profiles are {', '.join(_PROFILES[options.crm])}")
    attempt = try_hubspot if options.crm == "hubspot" else try_salesforce
    lost = [name for profile in profiles for name in attempt(profile, options.leads, options.activities, options.kills)]
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
