"""The report's sections: one list of notes, tables and figures, which document.py renders as HTML
and as Markdown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reset.report import (
    ablations,
    benchmarks,
    checkpoint_figures,
    figures,
    judge_tables,
    paper_claims,
    tables,
)
from reset.report.ablations import Ablation
from reset.report.figures import Figure
from reset.report.results import Study, summary
from reset.report.table import Table


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Findings:
    """A list of sentences."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Folded:
    """A long table that the page shows on demand."""

    summary: str
    table: Table


Part = str | Heading | Findings | Folded | Table | Figure  # a str is a note


@dataclass(frozen=True)
class Section:
    """A part of the report: its anchor in the page, its title, and what stands below it."""

    anchor: str
    title: str
    parts: Sequence[Part]


def draw(study: Study) -> list[Figure]:
    """All figures, in the order of the report."""
    measured = [*study.results, *study.ends]
    stages = checkpoint_figures.STAGES
    by_checkpoint = [checkpoint_figures.context_sets(run, measured) for run in stages]
    by_length = [figures.scores_by_length(judge, found) for judge, found in study.lengths.items()]
    return [
        figures.tradeoff(study.averages),
        figures.second_stage(study.averages),
        *by_checkpoint,
        checkpoint_figures.instruction_sets(measured),
        checkpoint_figures.length(study.kinds),
        *by_length,
        figures.length(study.kinds),
        figures.form(study.kinds),
        figures.scores(study.pools),
        figures.training(study.curves),
    ]


def sections(study: Study, drawn: Sequence[Figure]) -> list[Section]:
    """The sections that have something to show, with the figures of `draw`."""
    shown = {figure.name: figure for figure in drawn}
    stages = [*checkpoint_figures.STAGES, "instruction"]
    by_checkpoint = [shown[f"{stage}_checkpoints"] for stage in stages]
    by_length = [shown[f"{judge}_by_length"] for judge in study.lengths]
    found = [
        Section("results", "Results", _results(study)),
        Section("tradeoff", "The trade-off", [TRADEOFF, shown["tradeoff"]]),
        Section("paper", "Paper and ours", _paper(study)),
        Section("runs", "The runs", [tables.legend([run for run, _, _ in study.averages])]),
        Section("differences", "Differences", _differences(study)),
        Section("ablations", "Ablations", _ablations(study)),
        Section("benchmarks", "Public benchmarks", _benchmarks(study)),
        Section("second-stage", "Before and after a second stage", [shown["second_stage"]]),
        Section("datasets", "By data set", _by_dataset(study)),
        Section("checkpoints", "Through training", [CHECKPOINTS, *by_checkpoint]),
        Section(
            "form",
            "Form of the answers",
            [
                FORM,
                tables.form(study.averages, study.kinds),
                shown["form"],
                *_titled("Length in tokens", shown["length"]),
                *_titled("Length through training", shown["length_through_training"]),
                *_titled("Scores by length of the answer", LENGTHS, *by_length),
            ],
        ),
        Section("judges", "Judges", _judges(study)),
        Section("sampling", "Sampling", _sampling(study, shown["scores"])),
        Section("data", "Data", [DATA, tables.data(study.data)]),
        Section("training", "Training", [TRAINING, shown["training"]]),
    ]
    return [section for section in found if any(map(_has_rows, section.parts))]


def _titled(title: str, *parts: Part) -> list[Part]:
    """The parts below a heading, if they have something to show."""
    return [Heading(title), *parts] if any(map(_has_rows, parts)) else []


def _has_rows(part: Part) -> bool:
    shown = part.table if isinstance(part, Folded) else part
    return isinstance(shown, Table | Figure) and bool(shown.rows)


def _results(study: Study) -> list[Part]:
    sentences = tables.sentences(study.averages, study.intervals)
    return [tables.headline(study.averages), how_to_read(study), Findings(sentences)]


def _paper(study: Study) -> list[Part]:
    parts: list[Part] = [PAPER]
    parts.append(paper_claims.table(study.averages, study.intervals, study.counts))
    drift = paper_claims.drift(study.kinds, study.intervals, study.counts)
    if drift.rows:
        parts += [DRIFT, drift]
    return parts


def _differences(study: Study) -> list[Part]:
    parts: list[Part] = [about_intervals(study)]
    parts.append(tables.differences(study.averages, study.intervals))
    if len(study.seeds) > 1:
        parts.append(Folded("The values seed by seed", tables.by_seed(study.averages)))
    return parts


def _ablations(study: Study) -> list[Part]:
    if not study.ablations:
        return []
    ours = Ablation("this study", study.averages, summary(study).get("reset_with_choice"))
    return [ABLATIONS, ablations.table(ours, study.ablations)]


def _benchmarks(study: Study) -> list[Part]:
    if not study.benchmarks:
        return []
    return [BENCHMARKS, benchmarks.table(study.benchmarks)]


def _by_dataset(study: Study) -> list[Part]:
    parts: list[Part] = []
    for metric in (*tables.ABILITIES, "constraints"):
        table = tables.by_dataset(study.results, metric)
        parts += _titled(table.title, table)
    return parts


def _judges(study: Study) -> list[Part]:
    parts: list[Part] = [judge_tables.who(study.judged)]
    for part in judge_tables.judge_parts(study.judged, study.calibration):
        parts += [Heading(part.title), part.note]
        parts += [part.table] if part.table else []
    return parts


def _sampling(study: Study, scores: Figure) -> list[Part]:
    if not study.pools:
        return []
    share = tables.reset_share(study.pools, study.mix_rows, study.curves)
    return [SAMPLING, tables.sampled(study.pools), SHARE, share, scores]


SPREAD = (
    "mean ± standard deviation over seeds. A seed varies the order of training, the prompts in the"
    " pools and the samples drawn; data and start models are the same for all seeds, so the spread"
    " says nothing about other data, and start models (base, chat) have none"
)
ONE_SEED = (
    "one seed, so no spread over seeds, and intervals that speak of these prompts alone: other"
    " seeds may differ"
)
TRADEOFF = (
    "One point a run, overall; the arrows lead from each run to those that start from it, the bars"
    " are one standard deviation over seeds. Up is more faithful, right follows instructions"
    " better."
)
PAPER = (
    "Each statement of the paper in our words, and the comparison of this study that it is about,"
    " over all data sets that measure the ability unless seen or unseen is named. n is prompts ×"
    " seeds; the interval is that of the differences. Shown: all of the interval lies where it is"
    " expected, higher or lower than 0; opposite: all of it lies on the other side; not shown:"
    " neither; a dash: no interval. “Not lower” (similar or better) is read as non-inferiority: the"
    f" interval lies above −{paper_claims.MARGIN * 10:g} points of IF, or −{paper_claims.MARGIN:g}"
    " of faithfulness and task; “not higher” is read likewise below the same margin. The margin is"
    " our choice. Models,"
    " data and judges differ from the paper's: directions compare, sizes do not."
)
DRIFT = (
    "The first stage through its training: base, the checkpoint of the lowest evaluation loss and"
    " the end. The paper sees faithfulness on extractive QA fall slowly while task performance"
    " rises, and no such fall on the abstractive sets."
)
SHARE = (
    "ReSet is light when its set is small beside the multi-task step's data: the paper says"
    " usually less than 1 % of it. Rows are those of one epoch, a seed: the multi-task mix with its"
    " up-sampled copies, and the prompts with a selected target, of which some choose the"
    " checkpoint. Steps are those taken."
)
ABLATIONS = (
    "The run reset of experiments with other params, kept by make ablation, and its difference from"
    " the study that it changed, over the n seeds that both have. A changed judge also judges the"
    " evaluation: such rows do not compare."
)
BENCHMARKS = (
    "What lm-evaluation-harness measures of the runs of runs.benchmarked, prompted by the"
    " tokenizer's chat template: mean ± standard deviation over seeds; n is the number of rows."
)
CHECKPOINTS = (
    "Each stage at three checkpoints: the model that it starts from (base, stage1, chat), the one"
    " of the lowest evaluation loss (stage1, stage2, grounded; all other tables show these) and the"
    " one after the last step. Mean over seeds; the bars are one standard deviation. Where the loss"
    " is lowest at the end, best and end are one model. Coverage is the share of an answer's words,"
    " or word pairs, found in the context."
)
LENGTHS = (
    "All seeds and data sets together, in three classes: answers with fewer words than the"
    " reference, those with up to 100 words more, and those with still more; n is the number of"
    " answers. If length alone made answers worse, runs would not differ within a class."
    " The paper counts tokens; words compare runs of different tokenizers. Sets without references"
    " are left out."
)
FORM = (
    "Part of a trade-off can be a collapse of format: empty answers, or answers that run on until"
    " they are cut at the limit. Overlap is the share of an answer's words, of its word pairs, and"
    " of its words counted at most as often as the context has them (K-Precision), found in the"
    " context. Means over data sets and seeds; length in tokens."
)
SAMPLING = (
    "A prompt has a choice when its candidates differ in total score: only there can selection"
    " matter. Tied at the top: several candidates have the highest score, and ranking.ties decides"
    " between them. All seeds together."
)
DATA = (
    "Rows read, dropped by the first reason that applies, left out because the set is capped (not"
    " needed), and kept for training, for choosing the checkpoint (dev) and for evaluation. Mean"
    " words of prompt and target over the rendered rows. Cut: prompts whose context was shortened"
    " to fit."
)
TRAINING = "Training and evaluation loss by step, one curve a seed."


def lead(study: Study) -> str:
    """How much the report rests on."""
    sets = len({row["dataset"] for row in study.results})
    count = len({row["run"] for row in study.results})
    counted = [_counted(count, "run")]
    if study.seeds:
        counted.append(f"seed{'s' * (len(study.seeds) > 1)} {', '.join(map(str, study.seeds))}")
    prompts = _counted(study.prompts, "prompt")
    counted.append(f"greedy answers to {prompts} of {_counted(sets, 'evaluation set')}.")
    return ", ".join(counted)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def how_to_read(study: Study) -> str:
    """What the columns mean, by which measures, and what the spread is."""
    kinds = {}
    for metric in tables.ABILITIES:
        names = {row["measure"] for row in study.results if row["metric"] == metric}
        kinds[metric] = ", ".join(sorted(names)) or "none"
    spread = SPREAD if len(study.seeds) > 1 else ONE_SEED
    measures = (
        f"IF is out of 10 (measure: {kinds['instruction']}; a judge rates from 1 to 10,"
        " other measures are ten times their score; files hold a tenth). Faithfulness (measures:"
        f" {kinds['faithfulness']}) and task performance ({kinds['task']}) are"
        " shares from 0 to 1."
    )
    return (
        f"Averages over data sets, each weighing the same; {spread}. Seen sets also train."
        f" {measures}"
    )


def about_intervals(study: Study) -> str:
    """What the intervals of the differences stand on."""
    seeds = "to which Student's t adds the deviation of so few seeds."
    if len(study.seeds) < 2:
        seeds = "and with one seed say nothing about other seeds."
    return (
        "Intervals hold 95 % of the paired bootstrap draws of prompts within each data set,"
        f" {seeds} “Not shown” means that the interval, as printed, contains 0."
        " The many intervals are not corrected for being many."
    )
