"""Ablations: what `make ablation` has kept of experiments with other params, beside this study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reset.core.errors import InputError
from reset.core.tasks import JUDGES
from reset.evaluation import metrics
from reset.report import aggregate
from reset.report.aggregate import BySeed, Key, Spread, gap, spread
from reset.report.data_statistics import read_json
from reset.report.numbers import NAMES, show_difference, show_share, show_spread
from reset.report.table import Table

RUN = "reset"


@dataclass(frozen=True)
class Ablation:
    """One experiment: the params that it sets, the averages of its runs, the share of prompts
    with a choice (see selection_headroom), and the averages of the study that it changes, where
    they were kept.
    """

    change: str
    averages: Mapping[Key, BySeed]
    with_choice: float | None
    study: Mapping[Key, BySeed] | None = None


def load(folder: str | Path) -> list[Ablation]:
    """The experiments below `folder`, by name; none where there are none.

    Each is a folder named after the params that it sets, with the results.csv and summary.json that
    its report stage wrote, and as study.csv the results of the study that it changes. InputError
    where one of the first two is missing, or one is broken.
    """
    found = []
    for path in sorted(path for path in Path(folder).glob("[!.]*") if path.is_dir()):
        if not all((path / name).exists() for name in ("results.csv", "summary.json")):
            raise InputError(
                f"{path}: results.csv and summary.json are expected; run its `make ablation` again"
            )
        averages = aggregate.macro(metrics.read(path / "results.csv"))
        study = None
        if (path / "study.csv").exists():
            study = aggregate.macro(metrics.read(path / "study.csv"))
        with_choice = read_json(path / "summary.json").get("reset_with_choice")
        found.append(Ablation(path.name, averages, with_choice, study))
    return found


def table(study: Ablation, others: Sequence[Ablation]) -> Table:
    """A row for this study and one an experiment: `reset`, overall, and its difference from that of
    the study that it changes (of this one where that was not kept), over the seeds that both have.
    """
    rows = []
    for one in [study, *others]:
        cells = [one.change, show_share(one.with_choice)]
        changed = one.study or study.averages
        for metric in JUDGES:
            key = (RUN, metric, "overall")
            ours, theirs = one.averages.get(key, {}), changed.get(key, {})
            change = gap(ours, theirs) if one is not study else None
            cells += [show_spread(metric, spread(ours)), _show_change(metric, change)]
        rows.append(cells)
    spans = [("", 2), *[(NAMES[metric], 2) for metric in JUDGES]]
    columns = ["params", "with a choice", *["reset", "difference"] * len(JUDGES)]
    return Table("Ablations", columns, rows, spans)


def _show_change(metric: str, change: Spread | None) -> str:
    if change is None:
        return "–"
    return f"{show_difference(metric, change.mean)} (n = {len(change.by_seed)})"
