"""Fine-tune one model: stage1, stage2, grounded, mtl, continued, direct [run, seed]."""

import argparse
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.training import launch, run, settings


def main() -> None:
    launch.ignore_cluster()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="stage of dvc.yaml")
    parser.add_argument("--run", required=True, help="block of params.yaml's train section")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--start", type=Path, required=True, help="model folder")
    parser.add_argument("--train", type=Path, required=True, help="rows with prompt and target")
    parser.add_argument("--dev", type=Path, required=True, help="rows that choose the checkpoint")
    parser.add_argument(
        "--end", type=Path, help="second model folder to write: the weights after the last step"
    )
    args = parser.parse_args(launch.arguments())

    section = params.declared(args.stage, run=args.run, seed=str(args.seed)).train
    shared = params.build(settings.SharedSettings, section.shared, "train.shared")
    recipe = params.build(settings.RunSettings, section[args.run], f"train.{args.run}")
    if shared.launch and not launch.inside():
        launch.relaunch(shared.launch)
        return
    run.skip_unused_imports(shared)
    run.run(
        settings.Job(
            args.run, args.seed, args.start, args.train, args.dev, shared, recipe, args.end
        )
    )
    launch.leave()


if __name__ == "__main__":
    run_stage(main)
