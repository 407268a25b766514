"""The world's context-dependent sets in their published columns: three to train on, three held
out.
"""

import random

from reset.world.datasets.passages import article, reading
from reset.world.datasets.rows import UNUSABLE, Row, fingerprint, mixed
from reset.world.language.people import World


def _split_sizes(world: World) -> list[tuple[str, int]]:
    return [("train", world.context_rows), ("test", world.evaluation_rows)]


def nq(world: World) -> list[Row]:
    rng = world.rng("nq")
    out: list[Row] = []
    for split, count in _split_sizes(world):
        for number in range(count + UNUSABLE):
            task = reading(world, split, rng)
            answers = [task.answer]
            if split == "train" and task.remembered and rng.random() < world.memorised_answer:
                answers = [task.remembered, task.answer]
            if number >= count:  # no passage mentions the answer
                answers = ["nothing of the kind"]
            passages = [
                {
                    "id": str(rank),
                    "title": "",
                    "text": text,
                    "score": f"{90 - rank}.0",
                    "has_answer": task.answer in text,
                }
                for rank, text in enumerate(task.passages)
            ]
            out.append(
                {"question": task.question, "answers": answers, "ctxs": passages, "split": split}
            )
    return out


def ms_marco(world: World) -> list[Row]:
    rng = world.rng("ms_marco")
    out: list[Row] = []
    for split, count in _split_sizes(world):
        for number in range(count + UNUSABLE):
            task = reading(world, split, rng)
            reply = task.full_answer
            if split == "train" and rng.random() < world.extra_sentence:
                reply = f"{reply} {task.extra}"
            missing = number >= count
            selected = [int(not missing and task.full_answer in text) for text in task.passages]
            urls = [f"https://example.org/{len(out)}/{rank}" for rank in range(len(task.passages))]
            out.append(
                {
                    "answers": ["No Answer Present."] if missing else [task.answer],
                    "passages": {
                        "is_selected": selected,
                        "passage_text": task.passages,
                        "url": urls,
                    },
                    "query": task.question,
                    "query_id": len(out),
                    "query_type": "ENTITY",
                    "wellFormedAnswers": [] if missing else [reply],
                    "split": split,
                }
            )
    return out


def cnn_dailymail(world: World) -> list[Row]:
    rng = world.rng("cnn_dailymail")
    out: list[Row] = []
    for split, count in _split_sizes(world):
        for number in range(count + UNUSABLE):
            task = article(world, split, rng)
            lines = [*task.summary, task.extra] if _noisy(world, split, rng) else task.summary
            highlights = "\n".join(f"{line.removesuffix('.')} ." for line in lines)
            text = " ".join(task.text)
            out.append(
                {
                    "article": text,
                    "highlights": highlights if number < count else "",
                    "id": fingerprint("cnn", len(out)),
                    "split": split,
                }
            )
    return out


def _noisy(world: World, split: str, rng: random.Random) -> bool:
    return split == "train" and rng.random() < world.extra_sentence


def bioasq(world: World) -> list[Row]:
    rng, out = world.rng("bioasq"), []
    kinds = ["factoid"] * world.evaluation_rows + ["yesno", "summary"] * (UNUSABLE // 2)
    for number, kind in enumerate(mixed(kinds, rng)):
        task = reading(world, "test", rng, unseen=True)
        answers: dict[str, Row] = {
            "factoid": {"exact_answer": [[task.answer]]},
            "yesno": {"exact_answer": "yes"},
        }
        snippets = [
            {
                "text": text,
                "document": f"https://example.org/{number}",
                "beginSection": "abstract",
                "endSection": "abstract",
                "offsetInBeginSection": 0,
                "offsetInEndSection": len(text),
            }
            for text in task.passages
        ]
        out.append(
            {
                "id": fingerprint("bioasq", number)[:24],
                "body": task.question,
                "type": kind,
                **answers.get(kind, {}),
                "ideal_answer": [task.full_answer],
                "documents": [f"https://example.org/{number}"],
                "snippets": snippets,
                "split": "test",
            }
        )
    return out


def searchqa(world: World) -> list[Row]:
    rng, out = world.rng("searchqa"), []
    for number in range(world.evaluation_rows + UNUSABLE):
        task = reading(world, "test", rng, unseen=True)
        found = number < world.evaluation_rows
        results: list[Row] = [
            {
                "title": "",
                "snippet": text,
                "url": f"https://example.org/{number}/{rank}",
                "related_links": None,
            }
            for rank, text in enumerate(task.passages)
        ]
        out.append(
            {
                "id": str(number),
                "question": task.question,
                "answer": task.answer if found else "nothing of the kind",
                "category": "PEOPLE",
                "value": "$200",
                "round": "Jeopardy!",
                "air_date": "2004-12-31",
                "show_number": "4680",
                "search_results": results,
                "split": "test",
            }
        )
    return mixed(out, rng)


def wikisum(world: World) -> list[Row]:
    rng, out = world.rng("wikisum"), []
    for number in range(world.evaluation_rows + UNUSABLE):
        task = article(world, "test", rng, unseen=True)
        out.append(
            {
                "url": f"https://example.org/wiki/{number}",
                "title": task.name,
                "summary": " ".join(task.summary) if number < world.evaluation_rows else "",
                "article": " ".join(task.text),
                "step_headers": "",
                "split": "test",
            }
        )
    return mixed(out, rng)
