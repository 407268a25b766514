"""calibrate: let the NLI model judge pairs whose label is known."""

import sys
from pathlib import Path

from reset.core import io, params
from reset.core.errors import run_stage
from reset.judges.calibration import measure
from reset.judges.faithfulness.nli import Nli
from reset.world.language.people import World


def main() -> None:
    declared = params.declared("calibrate")
    settings = declared.judges.faithfulness
    world = params.build(World, declared.data.world, "data.world") if declared.data.world else None
    found = measure.nli(
        dict(declared.models.nli),
        world,
        declared.report.labelled,
        lambda: Nli(Path("models/nli"), settings.precision, settings.devices),
        settings.batch_tokens,
    )
    io.write_json("metrics/calibration.json", {"nli": found})
    told = [
        f"{row['set']} {row['measure']} {row['value']} (chance {row['chance']})"
        for row in found["sets"] or []
    ]
    print(f"calibrate: {'; '.join(told) or found['reason']}", file=sys.stderr)


if __name__ == "__main__":
    run_stage(main)
