"""How far an NLI model can be trusted: its verdicts on rows that people labelled."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row
from reset.judges.faithfulness import summac_zs
from reset.judges.faithfulness.nli import Nli

LABELS = ("entailment", "contradiction", "neutral")


def measure(model: Nli, folder: Path, batch_tokens: int) -> list[Row]:
    """One row a labelled file of `folder` that holds rows: set, measure, value, chance, n.

    `nli_*.jsonl` (premise, hypothesis, label) give the accuracy over three labels, and as `chance`
    the share of the most frequent one. `summac_*.jsonl` (document, claim, label 1 = consistent or
    0) give the area under the ROC curve of SummaC-ZS: how often a consistent claim outscores an
    inconsistent one (ties half), 0.5 by chance. Claims without a score are left out of it, and
    counted as `unscored`. InputError if the folder holds no labelled row.
    """
    pairs = _read_all(folder, "nli_*.jsonl", ("premise", "hypothesis", "label"), LABELS)
    claims = _read_all(folder, "summac_*.jsonl", ("document", "claim", "label"), (0, 1))
    if not pairs and not claims:
        raise InputError(
            f"report.labelled: {folder} holds no row in nli_*.jsonl or summac_*.jsonl; set null for"
            " none"
        )
    accuracies = {name: accuracy(model, rows, batch_tokens) for name, rows in pairs.items()}
    areas = {name: _consistency(model, rows, batch_tokens) for name, rows in claims.items()}
    return [{"set": name, **found} for name, found in (accuracies | areas).items()]


def accuracy(model: Nli, rows: Sequence[Row], batch_tokens: int) -> Row:
    """How often the likeliest of the three labels is that of the row (premise, hypothesis, label):
    measure, value, chance (the share of the most frequent label) and n; at least one row is needed.
    """
    judged = model.score(
        [(row["premise"], row["hypothesis"]) for row in rows], batch_tokens, progress=True
    )
    right = [_label(*judged[row["premise"], row["hypothesis"]]) == row["label"] for row in rows]
    counts = Counter(row["label"] for row in rows)
    shares = {
        "value": round(sum(right) / len(rows), 4),
        "chance": round(max(counts.values()) / len(rows), 4),
    }
    return {"measure": "accuracy", **shares, "n": len(rows)}


def auc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Share of (positive, negative) pairs in which the positive scores higher, ties half; None if
    one side is empty.
    """
    if not positive or not negative:
        return None
    return sum((p > n) + (p == n) / 2 for p in positive for n in negative) / (
        len(positive) * len(negative)
    )


def _read_all(
    folder: Path, files: str, columns: Sequence[str], labels: Sequence[object]
) -> dict[str, list[Row]]:
    """The rows of each such file that holds any, by its name without the ending."""
    found = {path.stem: _read(path, columns, labels) for path in sorted(folder.glob(files))}
    return {name: rows for name, rows in found.items() if rows}


def _read(path: Path, columns: Sequence[str], labels: Sequence[object]) -> list[Row]:
    rows = io.read(path)
    for line, row in enumerate(rows, start=1):
        io.require_columns(row, columns, f"{path}:{line}")
        if row["label"] not in labels:
            raise InputError(
                f"{path}:{line}: label {row['label']!r}; one of {', '.join(map(str, labels))} is"
                " expected"
            )
    return rows


def _label(entailment: float, contradiction: float) -> str:
    chances = (entailment, contradiction, 1.0 - entailment - contradiction)
    return LABELS[chances.index(max(chances))]


def _consistency(model: Nli, rows: Sequence[Row], batch_tokens: int) -> Row:
    images = [summac_zs.image("", [row["document"]], row["claim"]) for row in rows]
    judged = model.score(
        {pair for image in images for pair in image.pairs()}, batch_tokens, progress=True
    )
    scores: dict[object, list[float]] = {1: [], 0: []}
    for image, row in zip(images, rows, strict=True):
        score, _ = summac_zs.score(image, judged)
        if score is not None:
            scores[row["label"]].append(score)
    value, scored = auc(scores[1], scores[0]), len(scores[1]) + len(scores[0])
    shares = {"value": None if value is None else round(value, 4), "chance": 0.5}
    return {"measure": "auc", **shares, "n": scored, "unscored": len(rows) - scored}
