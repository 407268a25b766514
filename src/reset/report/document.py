"""The report as one HTML page that needs nothing else, and as Markdown: the same tables and
sentences.
"""

from collections.abc import Sequence
from html import escape

from reset.report import (
    ablations,
    checkpoint_figures,
    figures,
    judge_tables,
    paper_claims,
    tables,
)
from reset.report.ablations import Ablation
from reset.report.figures import Figure
from reset.report.html import document, figure
from reset.report.html import notes as _notes
from reset.report.html import table as _html
from reset.report.results import Study, summary
from reset.report.tables import Table


def draw(study: Study) -> list[Figure]:
    """All figures, in the order of the report."""
    measured = [*study.results, *study.ends]
    return [
        figures.tradeoff(study.averages),
        figures.second_stage(study.averages),
        *[checkpoint_figures.context_sets(run, measured) for run in checkpoint_figures.STAGES],
        checkpoint_figures.instruction_sets(measured),
        checkpoint_figures.length(study.context, study.instruction),
        *[figures.scores_by_length(judge, found) for judge, found in study.lengths.items()],
        figures.length(study.context, study.instruction),
        figures.form(study.context, study.instruction),
        figures.scores(study.pools),
        figures.training(study.curves),
    ]


def page(study: Study, drawn: Sequence[Figure]) -> str:
    """The HTML page with style, script, figures and samples inside."""
    shown = {each.name: figure(each.title, each.pictures()) for each in drawn}
    checkpoints = [f"{run}_checkpoints" for run in [*checkpoint_figures.STAGES, "instruction"]]
    abilities = [tables.by_dataset(study.results, metric) for metric in tables.ABILITIES]
    sections = [
        ("results", "Results", _html(tables.headline(study.averages)) + _notes(*how_to_read(study)) + _findings(study)),
        ("tradeoff", "The trade-off", _notes(TRADEOFF) + shown["tradeoff"]),
        ("paper", "Paper and ours", _notes(PAPER) + _html(_paper(study)) + _notes(DRIFT) + _html(_drift(study))),
        ("runs", "The runs", _html(tables.legend([run for run, _, _ in study.averages]))),
        ("differences", "Differences", _notes(about_intervals(study)) + _html(_differences(study)) + _seeds(study)),
        *([("ablations", "Ablations", _notes(ABLATIONS) + _html(_ablations(study)))] if study.ablations else []),
        ("second-stage", "Before and after a second stage", shown["second_stage"]),
        ("datasets", "By data set", "".join(f"<h3>{escape(t.title)}</h3>{_html(t)}" for t in abilities if t.rows)),
        ("checkpoints", "Through training", _notes(CHECKPOINTS) + "".join(shown[name] for name in checkpoints)),
        ("form", "Form of the answers", _notes(FORM) + _html(_form(study)) + "<h3>Length in tokens</h3>" + shown["length"]
         + "<h3>Length through training</h3>" + shown["length_through_training"]
         + "<h3>Scores by length of the answer</h3>" + _notes(LENGTHS) + shown["faithfulness_by_length"]
         + shown["instruction_by_length"]),
        ("judges", "Judges", _notes(judge_tables.who(study.judged)) + _judges(study)),
        ("sampling", "Sampling", _notes(SAMPLING) + _html(tables.sampled(study.pools)) + _notes(SHARE) + _html(_share(study))
         + shown["scores"]),
        ("data", "Data", _notes(DATA) + _html(tables.data(study.data))),
        ("training", "Training", _notes(TRAINING) + shown["training"]),
        ("run", "Cost and time", f"<!-- run:start -->{_notes(RUN)}<!-- run:end -->"),
    ]  # fmt: skip
    return document(
        "ReSet: results",
        "ReSet: following instructions and staying faithful",
        lead(study),
        sections,
        SAMPLES,
        study.sources,
    )


def with_run(html: str, parts: Sequence[Table], mark: str | None) -> str:
    """The page with `parts` (revision, versions, seconds, cost) where it says that they are left
    out, and with `mark` above the results.

    They differ from run to run, and the page that DVC hashes must not.
    """
    before, rest = html.split("<!-- run:start -->")
    _, after = rest.split("<!-- run:end -->")
    if mark:
        before = before.replace("<main>", f'<main><p class="mark">{escape(mark)}</p>', 1)
    return before + "".join(f"<h3>{escape(part.title)}</h3>{_html(part)}" for part in parts) + after


def text(study: Study) -> str:
    """The report in Markdown, for the terminal and the repository's pages; figures are the files in
    report/plots.
    """
    parts = ["# ReSet: following instructions and staying faithful\n", lead(study) + "\n"]
    parts += [
        "## Results\n",
        tables.markdown(tables.headline(study.averages)),
        *[f"{n}\n" for n in how_to_read(study)],
    ]
    parts += ["\n".join(f"* {sentence}" for sentence in _sentences(study)) + "\n"]
    parts += [
        "![Faithfulness against instruction following](plots/tradeoff.svg)\n",
        TRADEOFF + "\n",
    ]
    parts += [
        "## Paper and ours\n",
        PAPER + "\n",
        tables.markdown(_paper(study)),
        DRIFT + "\n",
        tables.markdown(_drift(study)),
    ]
    parts += [
        "## The runs\n",
        tables.markdown(tables.legend([run for run, _, _ in study.averages])),
    ]
    parts += [
        "## Differences, seed by seed\n",
        about_intervals(study) + "\n",
        tables.markdown(_differences(study)),
    ]
    if len(study.seeds) > 1:
        parts += ["## Seed by seed\n", tables.markdown(tables.by_seed(study.averages))]
    if study.ablations:
        parts += ["## Ablations\n", ABLATIONS + "\n", tables.markdown(_ablations(study))]
    for metric in tables.ABILITIES:
        table = tables.by_dataset(study.results, metric)
        if table.rows:
            parts += [f"## {table.title}\n", tables.markdown(table)]
    parts += ["## Form of the answers\n", FORM + "\n", tables.markdown(_form(study))]
    parts += ["## Judges\n", judge_tables.who(study.judged) + "\n"]
    for part in judge_tables.judge_parts(study.judged, study.calibration):
        parts += [
            f"### {part.title}\n",
            part.note + "\n",
            *([tables.markdown(part.table)] if part.table else []),
        ]
    parts += ["## Sampling\n", SAMPLING + "\n", tables.markdown(tables.sampled(study.pools))]
    parts += [SHARE + "\n", tables.markdown(_share(study))]
    parts += ["## Data\n", DATA + "\n", tables.markdown(tables.data(study.data))]
    return "\n".join(parts)


SAMPLES = (
    "Every candidate of a prompt with its setting, its scores and their total; ★ marks the one that"
    " was selected. The evaluation shows the greedy answer of every run to one prompt. Which"
    " prompts are shown was drawn evenly over the data sets."
)
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
    " neither; a dash: no interval. “Not lower” (similar or better) is read as non-inferiority: the interval lies above"
    f" −{paper_claims.MARGIN * 10:g} points of IF, or −{paper_claims.MARGIN:g} of faithfulness and"
    " task; “not higher” is read likewise below the same margin. The margin is our choice. Models,"
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
    " this study over the n seeds that both have. A changed judge also judges the evaluation: such"
    " rows do not compare."
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
RUN = (
    "Seconds, cost, versions and the git revision differ between runs with the same results, so"
    " this file leaves them out: make show writes report/this_run.html, the same page with them."
)
TRAINING = "Training and evaluation loss by step, one curve a seed."


def lead(study: Study) -> str:
    """How much the report rests on."""
    sets = len({row["dataset"] for row in study.results})
    count = len({row["run"] for row in study.results})
    seeds = f"seed{'s' * (len(study.seeds) > 1)} {', '.join(map(str, study.seeds))}"
    return (
        f"{count} runs, {seeds}, greedy answers to {study.prompts:,} prompts of {sets} evaluation"
        " sets."
    )


def how_to_read(study: Study) -> list[str]:
    """What the columns mean, by which measures, and what the spread is."""
    kinds = {
        metric: ", ".join(
            sorted({row["measure"] for row in study.results if row["metric"] == metric})
        )
        for metric in tables.ABILITIES
    }
    spread = SPREAD if len(study.seeds) > 1 else ONE_SEED
    measures = (
        f"IF is out of 10 (measure: {kinds['instruction'] or 'none'}; a judge rates from 1 to 10,"
        " other measures are ten times their score; files hold a tenth). Faithfulness (measures:"
        f" {kinds['faithfulness'] or 'none'}) and task performance ({kinds['task'] or 'none'}) are"
        " shares from 0 to 1."
    )
    return [
        f"Averages over data sets, each weighing the same; {spread}. Seen sets also train."
        f" {measures}"
    ]


def about_intervals(study: Study) -> str:
    """What the intervals of the differences stand on."""
    seeds = (
        "to which Student's t adds the deviation of so few seeds." if len(study.seeds) > 1
        else "and with one seed say nothing about other seeds."
    )  # fmt: skip
    return (
        "Intervals hold 95 % of the paired bootstrap draws of prompts within each data set,"
        f" {seeds} “Not shown” means that the interval, as printed, contains 0."
        " The many intervals are not corrected for being many."
    )


def _sentences(study: Study) -> list[str]:
    return tables.sentences(study.averages, study.intervals)


def _differences(study: Study) -> Table:
    return tables.differences(study.averages, study.intervals)


def _paper(study: Study) -> Table:
    return paper_claims.table(study.averages, study.intervals, study.counts)


def _drift(study: Study) -> Table:
    return paper_claims.drift(study.kinds, study.intervals, study.counts)


def _share(study: Study) -> Table:
    return tables.reset_share(study.pools, study.mix_rows, study.curves)


def _ablations(study: Study) -> Table:
    ours = Ablation("this study", study.averages, summary(study).get("reset_with_choice"))
    return ablations.table(ours, study.ablations)


def _form(study: Study) -> Table:
    return tables.form(study.averages, study.instruction, study.context)


def _judges(study: Study) -> str:
    return "".join(
        f"<h3>{escape(part.title)}</h3>{_notes(part.note)}{_html(part.table) if part.table else ''}"
        for part in judge_tables.judge_parts(study.judged, study.calibration)
    )


def _findings(study: Study) -> str:
    return (
        '<ul class="findings">'
        + "".join(f"<li>{escape(s)}</li>" for s in _sentences(study))
        + "</ul>"
    )


def _seeds(study: Study) -> str:
    if len(study.seeds) < 2:
        return ""
    table = _html(tables.by_seed(study.averages))
    return f'<details class="more"><summary>The values seed by seed</summary>{table}</details>'
