"""Fine-tune one model: stage1, stage2, grounded, mtl, continued, direct [run, seed]."""

import argparse
from pathlib import Path

from reset.core import params
from reset.core.errors import run_stage
from reset.training import launch, run
from reset.training.settings import Job, RunSettings, SharedSettings


def main() -> None:
    launch.ignore_cluster()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="block of params.yaml's train section")
    parser.add_argument("seed", type=int)
    parser.add_argument("--stage", help="stage of dvc.yaml, where its name is not the run's")
    parser.add_argument("--start", type=Path, required=True, help="model folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of train.jsonl, dev.jsonl")
    parser.add_argument("--end", action="store_true", help="also keep the weights of the last step")
    args = parser.parse_args(launch.arguments())

    declared = params.declared(args.stage or args.run, run=args.run, seed=str(args.seed)).train
    shared = params.build(SharedSettings, declared.shared, "train.shared")
    settings = params.build(RunSettings, declared[args.run], f"train.{args.run}")
    train, dev = args.data / "train.jsonl", args.data / "dev.jsonl"
    end = Path(f"models/{args.run}_end_{args.seed}") if args.end else None
    job = Job(args.run, args.seed, args.start, train, dev, shared, settings, end)
    run.skip_unused_imports(shared)
    if shared.launch and not launch.inside():
        run.prepare(job)
        launch.relaunch(shared.launch)
        return
    run.run(job)
    launch.leave()


if __name__ == "__main__":
    run_stage(main)
