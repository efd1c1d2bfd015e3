"""What comparing leads two by two is worth on the demo's organisations: the gate's own trial, and what it costs.

.venv/bin/python -m benchmarks.refinement [--seeds 31 32] [-o FILE]
"""

import json
import sys
import time

from benchmarks.organisations import argument_parser, open_reader, pull_organisations
from ranking.fusion import choose_comparisons
from ranking.training import TrainingConfig, train

_STAGE_SIZES = (200, 500, 1_000, 5_000)


def main() -> None:
    """Print the trial of each organisation, and the comparisons for each lead of large stages."""
    arguments = argument_parser(__doc__).parse_args()
    reader, general, backbone = open_reader()
    figures: dict[str, object] = {
        "passes a lead, by stage size": {size: 1 + len(choose_comparisons(size)[0]) / size for size in _STAGE_SIZES}
    }
    for org in pull_organisations(arguments.seeds):
        before, started = reader.pair_passes, time.perf_counter()
        config = TrainingConfig(refine=True)
        model = train(org.examples, reader, general, backbone=backbone, config=config)
        figures[org.crm] = {
            "trial": model.card.refinement,
            "pairs read": reader.pair_passes - before,
            "seconds of training, reading pairs included": round(time.perf_counter() - started, 1),
        }
    text = json.dumps(figures, indent=2) + "\n"
    sys.stdout.write(text)
    if arguments.output is not None:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
