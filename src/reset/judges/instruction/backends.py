"""Instruction-following verdicts on generations by one of the back ends: a new one is one file and
one line here.
"""

import sys
from collections.abc import Callable, Sequence

from reset.core import io
from reset.core.io import Row
from reset.judges.common.verdicts import Pair
from reset.judges.instruction import llm, rubric
from reset.judges.instruction.settings import (
    PROMPT,
    Backend,
    OpenAISettings,
    RewardSettings,
)


def verdicts(
    pairs: Sequence[Pair],
    backend: Backend,
    endpoint: OpenAISettings | None,
    stage: str,
    max_missing: float,
    template: str = PROMPT,
    reward: RewardSettings | None = None,
) -> list[Row]:
    """One verdict a (prompt, generation) pair, in order: id, sample, metric (who judged), score (0
    to 1, or None), ratings, raw (the judge's replies) and reason (why there is no score).

    `endpoint` and `template`, the file with the prompt, are for the back end `openai`, `reward` for
    the reward model. `stage` labels progress and spending. InputError if the endpoint
    cannot be used, the budget ends, or more than `max_missing` of the pairs can have no score.
    """
    metric: str = backend
    if backend == "rubric":
        found = _by_rubric(pairs, rubric.rubric_reply)
    elif backend == "rubric_coarse":
        found = _by_rubric(pairs, rubric.coarse_rubric_reply)
    elif backend == "rouge_l":
        found = _by_reference(pairs)
    elif backend == "scorer":
        found = _by_scorer(pairs)
    elif backend == "reward_model":
        from reset.judges.instruction import reward_model

        assert reward, "InstructionSettings sees to it"
        found = reward_model.judge_by_reward(pairs, reward, progress=True)
    else:
        assert endpoint, "InstructionSettings sees to it"
        prompts = judge_prompts(pairs, template)
        found = _by_llm(prompts, endpoint, stage, max_missing)
        metric = f"{backend}:{endpoint.model}"
    keys = [{"id": row["id"], "sample": row["sample"], "metric": metric} for _, row in pairs]
    return [{**key, **verdict} for key, verdict in zip(keys, found, strict=True)]


def _by_rubric(pairs: Sequence[Pair], reply: Callable[[str, str], str]) -> list[Row]:
    replies = [reply(llm.request_of(prompt), row["text"]) for prompt, row in pairs]
    return [llm.score([(text, "stop")]) for text in replies]


def _by_reference(pairs: Sequence[Pair]) -> list[Row]:
    """ROUGE-L to the best reference; None where a request has no reference."""
    from reset.text.rouge import rouge_l

    found = []
    for prompt, row in pairs:
        if references := tuple(filter(None, prompt["references"])):
            found.append(llm.measured(round(rouge_l(row["text"], references), 6)))
        else:
            found.append(llm.measured(None, "the request has no reference"))
    return found


def _by_scorer(pairs: Sequence[Pair]) -> list[Row]:
    from reset.judges.instruction import scorer

    return scorer.judge_by_scorer(pairs, io.read(scorer.TRAINING))


def _by_llm(
    prompts: Sequence[str], settings: OpenAISettings, stage: str, max_missing: float
) -> list[Row]:
    from reset.judges.instruction import background, cost
    from reset.judges.instruction.reply_store import Store, location

    distinct = list(dict.fromkeys(prompts))
    with Store(location()) as store:
        expected = cost.estimate(distinct, settings, store)
        print(f"{stage}: {len(prompts):,} answers, {expected}", file=sys.stderr)
        failures = {}
        if expected.calls:
            try:
                failures = background.run_in_background(
                    distinct, settings, str(location()), stage, int(max_missing * len(prompts))
                )
            finally:
                cost.write_cost(store)
        return [llm.verdict(prompt, settings, store, failures.get(prompt)) for prompt in prompts]


def judge_prompts(pairs: Sequence[Pair], template: str) -> list[str]:
    """The text that the LLM is asked for each pair, by the prompt in the file `template`; equal
    request and answer give equal text, which is asked once.
    """
    text = llm.read_template(template)
    prompts = []
    for prompt, row in pairs:
        reference = next(iter(prompt.get("references", [])), "")
        prompts.append(llm.render(text, llm.request_of(prompt), row["text"], reference))
    return prompts
