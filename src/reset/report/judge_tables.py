"""The report's part on the judges: what their scores look like, and how far each of them can be
trusted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reset.core.io import Row
from reset.report import judge_agreement
from reset.report.judge_agreement import BANDS, Answers
from reset.report.numbers import show_share
from reset.report.table import Table

ABILITIES = {
    "task": "task performance",
    "faithfulness": "faithfulness",
    "instruction": "instruction following",
}
PAIRS = {  # columns of an answer, and what the table calls the first
    ("s_task", "s_faithfulness"): "task",
    ("k_precision", "s_faithfulness"): "K-Precision",
    ("s_task", "tokens"): "task",
    ("s_faithfulness", "tokens"): "faithfulness",
    ("s_instruction", "tokens"): "IF",
}
SPANS = (("", 1), ("with faithfulness", 2), ("with length", 3))
SCORES = (
    "The share of answers in each band of scores, all runs and seeds together: a judge that puts"
    " nearly all answers in one band can tell few of them apart. “No score” is the share of answers"
    " that could not be judged."
)
CORRELATIONS = (
    "Spearman's rank correlation over the same answers: +1 where two numbers put them in the same"
    " order, 0 where neither tells anything of the other, −1 where the orders are opposite, a dash"
    " where one is missing or constant. Faithfulness with task tells whether these two judges see"
    " the same; with K-Precision, how much of it is wording found in the context. A score with"
    " length (in tokens) tells whether longer answers score higher, be it by merit or by the"
    " judge's taste. Differences between runs count too."
)
REPEATS = (
    "Pairs of ratings that the judge gave one and the same answer: how many are equal, how many of"
    " any two answers' ratings are equal by chance, and how many points of 1 to 10 lie between them"
    " on average. Agreement tells that the judge repeats itself, not that it is right. At"
    " temperature 0 all requests for one answer are the same, and a greedy judge cannot but agree."
)
ONCE = (
    "No answer was rated more than once, so nothing can be said on how far the judge agrees with"
    " itself."
)
LABELLED = (
    "Accuracy is the share of pairs whose likeliest label (entailment, contradiction or neutral) is"
    " the right one; AUC is how often SummaC-ZS scores a consistent claim above an inconsistent"
    " one. Near its chance level a model tells nothing on such text."
)
FLATTERING = (
    "The demo's pairs are drawn like the ones it was trained on, only of other people: other text"
    " is harder."
)


@dataclass(frozen=True)
class JudgePart:
    """A heading, a sentence or two on how to read the numbers, and the numbers; a table may be
    missing.
    """

    title: str
    note: str
    table: Table | None


def judge_parts(answers: Mapping[str, Answers], calibration: Row) -> list[JudgePart]:
    """The section's parts, from the collected answers and metrics/calibration.json."""
    repeated = repeats(answers)
    labelled = accuracy(calibration["nli"])
    agreement = JudgePart("Agreement on repeats", ONCE, None)
    if repeated.rows:
        agreement = JudgePart("Agreement on repeats", REPEATS, repeated)
    model = about_model(answers, calibration["nli"])
    return [
        JudgePart("How the scores lie", SCORES, scores(answers)),
        JudgePart("What goes together", CORRELATIONS, correlations(answers)),
        agreement,
        JudgePart("The NLI model on labelled pairs", model, labelled),
    ]


def who(answers: Mapping[str, Answers]) -> str:
    """Which measures judged, in one sentence."""
    clauses = []
    for judge, ability in ABILITIES.items():
        names = judge_agreement.measures(answers, judge)
        clauses.append(f"of {ability}: {', '.join(names) or 'none'}")
    return f"Judges {'; '.join(clauses)}."


def scores(answers: Mapping[str, Answers]) -> Table:
    """A row a judge and data set: answers, share without a score, share of scores in each band,
    mean.
    """
    rows = []
    for judge in ABILITIES:
        for dataset, dataset_answers, kind in _judged(answers, judge):
            column = dataset_answers.columns[f"s_{judge}"]
            present = [score for score in column if score is not None]
            missing = show_share(1 - len(present) / len(column))
            shares, mean = ["–"] * len(BANDS), "–"
            if present:
                shares = [f"{share * 100:.0f} %" for share in judge_agreement.bands(present)]
                mean = f"{sum(present) / len(present):.2f}"
            rows.append([dataset, kind, f"{len(column):,}", missing, *shares, mean])
    columns = ["data set", "judge", "answers", "no score", *BANDS, "mean"]
    spans = [("", 4), ("share of scores", len(BANDS)), ("", 1)]
    return Table("How the scores lie", columns, rows, spans, labels=2)


def correlations(answers: Mapping[str, Answers]) -> Table:
    """A row a data set, those without context last: rank correlations with faithfulness and with
    length.
    """
    rows = []
    for dataset in sorted(answers, key=lambda name: "instruction" in answers[name].measures):
        columns = answers[dataset].columns
        cells = [dataset]
        for first, second in PAIRS:
            found = judge_agreement.rank_correlation(columns[first], columns[second])
            cells.append(_signed(found))
        rows.append(cells)
    return Table("What goes together", ["data set", *PAIRS.values()], rows, SPANS)


def repeats(answers: Mapping[str, Answers]) -> Table:
    """A row a data set whose answers were rated more than once; none where each was rated once."""
    rows = []
    for dataset, dataset_answers, kind in _judged(answers, "instruction"):
        found = judge_agreement.repeats(dataset_answers.ratings)
        if found:
            shares = [show_share(share) for share in (found.equal, found.by_chance)]
            rows.append([dataset, kind, f"{found.answers:,}", *shares, f"{found.difference:.2f}"])
    columns = ["data set", "judge", "answers", "equal", "equal by chance", "mean difference"]
    return Table("Agreement on repeats", columns, rows, labels=2)


def accuracy(nli: Row) -> Table | None:
    """A row a labelled set; None where there is none."""
    if not nli["sets"]:
        return None
    rows = []
    for row in nli["sets"]:
        cells = [row["set"], {"auc": "AUC"}.get(row["measure"], row["measure"]), _count(row)]
        for key in ("value", "chance"):
            cells.append("–" if row[key] is None else f"{row[key]:.3f}")
        rows.append(cells)
    columns = ["labelled rows", "measure", "rows", "value", "by chance"]
    return Table("The NLI model on labelled pairs", columns, rows, labels=2)


def _count(row: Row) -> str:
    unscored = row.get("unscored", 0)
    return f"{row['n']:,} of {row['n'] + unscored:,}" if unscored else f"{row['n']:,}"


def about_model(answers: Mapping[str, Answers], nli: Row) -> str:
    """Which model it is, whether it judged at all, and what its accuracy means or why there is
    none.
    """
    used = any(
        name.startswith("summac") for name in judge_agreement.measures(answers, "faithfulness")
    )
    role = "gives the entailments of SummaC-ZS" if used else "scored no answer here"
    if not nli["sets"]:
        return f"Its accuracy was not measured: {nli['reason']}."
    at = f" at {nli['model']['revision']}" if nli["model"]["revision"] else ""
    name = "the demo's own" if nli["model"]["source"] == "toy" else f"{nli['model']['id']}{at}"
    own = nli["model"]["source"] == "toy" and any(
        row["set"].startswith("demo world") for row in nli["sets"]
    )
    return f"The model ({name}) {role}. {LABELLED}" + (f" {FLATTERING}" if own else "")


def _judged(answers: Mapping[str, Answers], judge: str) -> Iterator[tuple[str, Answers, str]]:
    """The data sets that a judge scored, each with the measures that did."""
    for dataset, dataset_answers in answers.items():
        if judge in dataset_answers.measures:
            yield dataset, dataset_answers, ", ".join(sorted(dataset_answers.measures[judge]))


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")
