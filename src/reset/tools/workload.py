"""Rows and tokens that a profile trains on, by run, before any data is there.

Rows after the filters and tokens a row are assumed; what the profile caps, up-samples, holds out
and draws is taken from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# data set -> training rows that pass the filters, tokens of prompt and answer. CNN/DailyMail: the
# published count. MRQA's NQ and MS MARCO: of 104,071 and some 153,000 well-formed rows, those that
# mention the answer. ShareGPT, Self-Instruct, OASST-1: cautious guesses. `documents` is the own
# data set of profiles/one_gpu.yaml.
ASSUMED = {
    "dolly": (10_500, 400),
    "sharegpt": (60_000, 400),
    "self_instruct": (70_000, 400),
    "oasst1": (4_500, 400),
    "nq": (95_000, 700),
    "ms_marco": (66_000, 600),
    "cnn_dailymail": (287_113, 1_100),
    "documents": (3_000, 1_000),
}
INSTRUCTION = ("dolly", "sharegpt", "self_instruct", "oasst1")
MIX = {  # run -> the mix it trains on, other runs train on a pool of samples
    "stage1": "context", "grounded": "context", "stage2": "instruction", "mtl": "mtl",
}  # fmt: skip
POOL = {"reset_s": "reset_s"}  # run -> its pool, `reset` for all others
ENDS = "_end"  # a second model of the same training run


@dataclass(frozen=True)
class TrainingWork:
    """One training run: rows of all epochs, their mean tokens, optimizer steps, and rows of one
    evaluation.
    """

    run: str
    rows: int
    length: float
    steps: int
    dev_rows: int

    @property
    def tokens(self) -> int:
        return round(self.rows * self.length)


def trained_runs(profile: Mapping[str, Any]) -> list[str]:
    """The runs that are trained, by the profile's `runs`."""
    wanted = [*profile["runs"]["evaluated"], *profile["runs"]["continued"]]
    found = [run for run in wanted if not run.endswith(ENDS)]
    return list(dict.fromkeys(found))


def training(run: str, profile: Mapping[str, Any]) -> TrainingWork:
    """What a run of the profile trains on."""
    groups = groups_of(profile)
    recipe = profile["train"][run]
    if run not in MIX:
        return _continued(run, groups, profile)
    wanted = {name: found for name, found in groups.items() if _belongs(name, MIX[run])}
    largest = max(rows for rows, _ in wanted.values()) - profile["data"]["dev"]
    rows = len(wanted) * largest * recipe["epochs"]
    dev = len(wanted) * profile["data"]["dev"]
    return TrainingWork(run, rows, _mean_length(wanted), -(-rows // recipe["batch"]), dev)


def groups_of(profile: Mapping[str, Any]) -> dict[str, tuple[int, float]]:
    """Rows under the profile's caps and mean tokens of each group that is up-sampled as one: all
    instruction sets together, each other set alone.
    """
    found: dict[str, tuple[int, float]] = {}
    for name, section in profile["data"]["datasets"].items():
        if section["train"] == 0:
            continue
        rows, tokens = ASSUMED[name]
        if section["train"] is not None:
            rows = min(rows, section["train"])
        group = "instruction" if name in INSTRUCTION else name
        before, mean = found.get(group, (0, 0.0))
        found[group] = (before + rows, (before * mean + rows * tokens) / (before + rows))
    return found


def _belongs(group: str, mix: str) -> bool:
    return mix == "mtl" or (group == "instruction") == (mix == "instruction")


def _mean_length(groups: Mapping[str, tuple[int, float]]) -> float:
    """The mean row of groups that are up-sampled to one size."""
    return sum(tokens for _, tokens in groups.values()) / len(groups)


def _continued(
    run: str, groups: Mapping[str, tuple[int, float]], profile: Mapping[str, Any]
) -> TrainingWork:
    """A run on the best samples: one row a prompt, part of them held out."""
    pool = profile["sampling"]["pools"][POOL.get(run, "reset")]
    prompts = len(groups) * pool["prompts_per_dataset"]
    dev = round(prompts * profile["ranking"]["dev"])
    recipe = profile["train"][run]
    rows = (prompts - dev) * recipe["epochs"]
    return TrainingWork(run, rows, _mean_length(groups), -(-rows // recipe["batch"]), dev)


def draws(profile: Mapping[str, Any]) -> int:
    """Samples drawn a seed, over all pools."""
    sampling = profile["sampling"]
    grid = max(len(sampling["temperatures"]), len(sampling["top_k"]))
    total = 0
    for name in profile["runs"]["pools"]:
        pool = sampling["pools"][name]
        total += len(groups_of(profile)) * pool["prompts_per_dataset"] * pool["rounds"] * grid
    return total


def evaluation_rows(profile: Mapping[str, Any]) -> tuple[int, int]:
    """Evaluation rows in all, and of them instruction rows. Vicuna-eval as published has 80."""
    total = instruction = 0
    for name, section in profile["data"]["datasets"].items():
        rows = min(section["eval"], 80) if name == "vicuna_eval" else section["eval"]
        total += rows
        if name in (*INSTRUCTION, "alpaca", "vicuna_eval", "koala_eval"):
            instruction += rows
    return total, instruction


def reset_share(profile: Mapping[str, Any]) -> float:
    """Rows of the ReSet set over the rows of the multi-task step."""
    return training("reset", profile).rows / training("mtl", profile).rows
