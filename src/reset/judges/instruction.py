"""Instruction-following verdicts on generations, by the rubric or by an LLM; both speak through the same parser."""

import sys
from collections.abc import Sequence
from pathlib import Path

from reset.judges import llm
from reset.judges.generations import Pair
from reset.records import Row


def verdicts(pairs: Sequence[Pair], endpoint: llm.OpenAI | None, stage: str, max_missing: float) -> list[Row]:
    """One verdict a (prompt, generation) pair, in order: id, sample, metric (who judged), score (0.1 to 1, or None),
    ratings, raw (the judge's replies) and reason (why there is no score).

    `endpoint` None is the rubric. `stage` labels progress and spending. InputError if the endpoint cannot be used, the
    budget ends, or more than `max_missing` of the pairs can have no score.
    """
    found = _by_llm(pairs, endpoint, stage, max_missing) if endpoint else _by_rubric(pairs)
    metric = f"openai:{endpoint.model}" if endpoint else "rubric"
    keys = [{"id": row["id"], "sample": row["sample"], "metric": metric} for _, row in pairs]
    return [{**key, **verdict} for key, verdict in zip(keys, found, strict=True)]


def _by_rubric(pairs: Sequence[Pair]) -> list[Row]:
    from reset.judges import rubric

    return [llm.score([(rubric.judge(llm.request_of(prompt), row["text"]), "stop")]) for prompt, row in pairs]


def _by_llm(pairs: Sequence[Pair], settings: llm.OpenAI, stage: str, max_missing: float) -> list[Row]:
    from reset.judges import courier, spending
    from reset.judges.store import Store, location

    prompts = judge_prompts(pairs)
    distinct = list(dict.fromkeys(prompts))
    with Store(location()) as store:
        expected = spending.estimate(distinct, settings, store)
        print(f"{stage}: {len(pairs):,} answers, {expected}", file=sys.stderr)
        failures = {}
        if expected.calls:
            try:
                failures = courier.carry(distinct, settings, str(location()), stage, int(max_missing * len(pairs)))
            finally:
                spending.write_cost(store)
        return [llm.verdict(prompt, settings, store, failures.get(prompt)) for prompt in prompts]


def judge_prompts(pairs: Sequence[Pair]) -> list[str]:
    """The text that the LLM is asked for each pair; equal request and answer give equal text, which is asked once."""
    template = Path(llm.PROMPT).read_text(encoding="utf-8")
    return [llm.render(template, llm.request_of(prompt), row["text"]) for prompt, row in pairs]
