"""Best and worst sample of a prompt as preference pairs, for trainers such as TRL's DPOTrainer."""

from reset.core.io import Row
from reset.selection.ranking import select


def preference(row: Row) -> Row | None:
    """The best and the worst candidate of one row of `candidates` as a pair: prompt, chosen and
    rejected, as TRL's DPOTrainer takes them, with id, dataset and both scores. None where no two
    scores differ, or only the scores do.
    """
    best, worst = select(row, "best", 0), select(row, "worst", 0)
    if (
        best is None
        or worst is None
        or best["score"] == worst["score"]
        or best["target"] == worst["target"]
    ):
        return None
    return {
        **{column: row[column] for column in ("id", "dataset", "prompt")},
        **{"chosen": best["target"], "rejected": worst["target"]},
        **{"score_chosen": best["score"], "score_rejected": worst["score"]},
    }
