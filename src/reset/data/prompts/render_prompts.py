"""From common records to prompts and targets: the file-level work of the template stage."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from reset.core import io
from reset.core.errors import InputError
from reset.core.io import Row
from reset.core.params import Count, Share
from reset.core.tasks import CONTEXT_TASKS
from reset.data.prompts.templates import Templates
from reset.data.prompts.truncation import SPECIAL_TOKENS, TokenCounter, fit
from reset.data.records import parallel_jsonl
from reset.data.records.filters import answer_mentioned, answer_supported
from reset.data.records.parallel_jsonl import Block
from reset.text import constraints

DROPPED = {
    "overlong": "over-long",
    "unshortenable": "over-long without its context",
    "answer_cut": "gold answer in the part cut off",
    "support_cut": "all support of an answer in the part cut off",
}


@dataclass(frozen=True)
class PromptSettings:
    """`overlong`: what becomes of a row of more than `max_tokens` tokens, prompt and target
    together. Every prompt leaves room for `answer_tokens`, because training prompts are sampled and
    evaluation targets must not tell lengths. `constraints`: the share of context-dependent rows
    whose instruction also asks for a form that code can check (text.constraints).
    """

    templates: str
    overlong: Literal["trim_context", "drop", "raise"]
    max_tokens: Count
    constraints: Share
    answer_tokens: int  # the most that is generated, in sampling and in evaluation

    def __post_init__(self) -> None:
        if not 0 < self.answer_tokens < self.max_tokens:
            raise InputError(
                f"params.yaml: 'data.max_tokens' is {self.max_tokens} and answers may have"
                f" {self.answer_tokens} tokens (sampling.max_new_tokens,"
                " evaluation.max_new_tokens): no room is left for a prompt"
            )


@dataclass
class PromptWriter:
    """The rows of one block as lines of JSON, and what was counted."""

    lines: list[bytes] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)


def prompt_block(
    block: Block,
    templates: Templates,
    counter: TokenCounter,
    settings: PromptSettings,
    trains: bool,
) -> PromptWriter:
    """Render the rows of a block; over-long ones are treated by policy and counted. `trains`: the
    rows are to train on, so that their targets must meet their constraints.

    Counts: rows read, cut, dropped (by reason), targets of more tokens than an answer may have
    (they stay), words of prompts and targets of the rows that are left.
    """
    # the block's process is the unit of parallel work
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    share = settings.constraints
    rows = [(where, constrained(row, templates, share, trains)) for where, row in block.rows()]
    prompts = [templates.render(row) for _, row in rows]
    targets = [target(row) for _, row in rows]
    lengths = token_counts(prompts, targets, counter, settings.max_tokens, settings.answer_tokens)
    result = PromptWriter()
    result.counts["read"] = len(rows)
    result.counts["long_targets"] = long_targets(targets, counter, settings.answer_tokens)
    for (where, row), prompt, length in zip(rows, prompts, lengths, strict=True):
        if length > settings.max_tokens:
            shorter = shortened(row, where, length, templates, counter, settings)
            if isinstance(shorter, str):
                result.counts[shorter] += 1
                continue
            row = row | {"context": shorter}
            if trains:
                row = without_broken(row)
            prompt = templates.render(row)
            result.counts["cut"] += 1
        row = row | {
            "instruction": templates.instruction(row),
            "prompt": prompt,
            "target": target(row),
        }
        row.pop("sources", None)  # served the check of what was cut
        result.lines.append(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        result.counts["kept"] += 1
        result.counts["prompt_words"] += len(prompt.split())
        result.counts["target_words"] += len(row["target"].split())
    return result


def constrained(row: Row, templates: Templates, share: float, trains: bool) -> Row:
    """The row; if it gets constraints, with the column `constraints` and their wording behind its
    instruction. A row of training gets only those that its target meets.
    """
    if row["task"] not in CONTEXT_TASKS:
        return row
    wanted = target(row) if trains else None
    drawn = constraints.draw(row, share, wanted)
    if not drawn:
        return row
    asked = f"{templates.instruction(row)} {constraints.wording(drawn)}"
    return row | {"instruction": asked, "constraints": drawn}


def without_broken(row: Row) -> Row:
    """The row without constraints that its target breaks, such as a quote of what was cut off."""
    asked = row.get("constraints", [])
    if all(constraints.met(item, target(row), row["context"]) for item in asked):
        return row
    free = {column: value for column, value in row.items() if column != "constraints"}
    return free | {"instruction": row["instruction"].removesuffix(f" {constraints.wording(asked)}")}


def target(row: Row) -> str:
    """What a model is trained to answer: the first reference; nothing for evaluation rows without
    one.
    """
    return row["references"][0] if row["references"] else ""


def long_targets(targets: list[str], counter: TokenCounter, limit: int) -> int:
    """How many targets have more than `limit` tokens: no answer can be as long as these."""
    possible = [text for text in targets if not text.isascii() or len(text) > limit]
    return sum(count > limit for count in counter.counts(possible))


def token_counts(
    prompts: list[str], targets: list[str], counter: TokenCounter, limit: int, room: int = 0
) -> list[int]:
    """Tokens of prompt, target (`room` if that is more) and special tokens, or a number above that
    which is still within `limit`.

    No token is shorter than a character of ASCII text (and some tokenizers put a space in front),
    so a short row needs no count. Other text may grow in a tokenizer's normalisation and is always
    counted.
    """
    lengths: list[int] = []
    uncertain: list[int] = []
    for i, (prompt, wanted) in enumerate(zip(prompts, targets, strict=True)):
        lengths.append(len(prompt) + max(len(wanted), room) + SPECIAL_TOKENS + 2)
        if lengths[i] > limit or not (prompt.isascii() and wanted.isascii()):
            uncertain.append(i)
    prompt_tokens = counter.counts([prompts[i] for i in uncertain])
    target_tokens = counter.counts([targets[i] for i in uncertain])
    for i, asked, wanted_tokens in zip(uncertain, prompt_tokens, target_tokens, strict=True):
        lengths[i] = asked + max(wanted_tokens, room) + SPECIAL_TOKENS
    return lengths


def shortened(
    row: Row,
    where: str,
    length: int,
    templates: Templates,
    counter: TokenCounter,
    settings: PromptSettings,
) -> list[str] | str:
    """The shortened context of an over-long row, or the reason why the row is dropped. InputError
    under `raise`.
    """
    if settings.overlong == "raise":
        raise InputError(
            f"{where}: row '{row['id']}' needs {length} tokens with its target or an answer, more"
            f" than data.max_tokens ({settings.max_tokens})"
        )
    if settings.overlong == "drop":
        return DROPPED["overlong"]
    context = fit(row, templates, counter, settings.max_tokens, settings.answer_tokens)
    if context is None:
        return DROPPED["unshortenable"]
    cut = row | {"context": context}
    if row["task"] == "extractive_qa" and answer_mentioned(row, cut):
        return DROPPED["answer_cut"]
    # MS MARCO; a passage counts while it is whole
    if "sources" in row and answer_supported(row, cut):
        return DROPPED["support_cut"]
    return context


def prompt_folder(
    source: Path, out: Path, templates: Templates, counter: TokenCounter, settings: PromptSettings
) -> Row:
    """Write `out`/train.jsonl and eval.jsonl from the records of `source`; returns the counts for
    metrics/prompts.
    """
    counts = {}
    with io.atomic_folder(out) as new:
        for part in ("train", "eval"):
            total: Counter = Counter()
            render = partial(
                prompt_block,
                templates=templates,
                counter=counter,
                settings=settings,
                trains=part == "train",
            )
            with open(new / f"{part}.jsonl", "wb") as handle:
                work = parallel_jsonl.over(source / f"{part}.jsonl", render)
                for prompts in work:
                    handle.writelines(prompts.lines)
                    total.update(prompts.counts)
            counts[part] = summary(total)
            if total["read"] and not total["kept"]:
                raise InputError(
                    f"{source / part}.jsonl: no row is left; dropped: {counts[part]['dropped']}"
                )
    return counts


def summary(total: Counter) -> Row:
    """Counts of one part as the report shows them: shares are of the rows read, means of the rows
    kept.
    """
    kept = total["kept"]
    return {
        "read": total["read"],
        "dropped": {reason: total[reason] for reason in DROPPED.values() if total[reason]},
        "kept": kept,
        "cut": total["cut"],
        "cut_share": round(total["cut"] / total["read"], 4) if total["read"] else 0.0,
        "long_targets": total["long_targets"],
        "prompt_words": round(total["prompt_words"] / kept, 1) if kept else 0.0,
        "target_words": round(total["target_words"] / kept, 1) if kept else 0.0,
    }
