"""What comparing leads two by two is worth on the demo's organisations: the gate's own trial, and what it costs.

.venv/bin/python -m benchmarks.refinement [--seeds 31 32]
"""

import argparse
import json
import sys
import time

from benchmarks.organisations import pull_organisations
from ranking.fusion import choose_comparisons
from ranking.general.model import find_general_model
from ranking.training import TrainingConfig, train
from worker.demo import SEEDS
from worker.settings import Settings
from worker.wiring import build_reader

_STAGE_SIZES = (200, 500, 1_000, 5_000)


def main() -> None:
    """Print the trial of each organisation, and the comparisons for each lead of large stages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=list(SEEDS.values()))
    arguments = parser.parse_args()
    settings = Settings(hubspot=None, salesforce=None)
    reader = build_reader(settings.ranking, settings.cache_dir)
    general = find_general_model(reader.version)
    figures: dict[str, object] = {
        "passes a lead, by stage size": {size: 1 + len(choose_comparisons(size)[0]) / size for size in _STAGE_SIZES}
    }
    for org in pull_organisations(arguments.seeds):
        before, started = reader.pair_passes, time.perf_counter()
        config = TrainingConfig(refine=True)
        model = train(org.examples, reader, general, backbone=settings.ranking.backbone, config=config)
        figures[org.crm] = {
            "trial": model.card.refinement,
            "pairs read": reader.pair_passes - before,
            "seconds of training, reading pairs included": round(time.perf_counter() - started, 1),
        }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
