"""One call to each model that judges, so that a retired name or a server that is down is found
before hours of training and not after them.
"""

import asyncio
import time
from dataclasses import replace

from reset.core.errors import InputError
from reset.judges.instruction import client, llm
from reset.judges.instruction.reply_store import Store, location
from reset.judges.instruction.settings import OpenAISettings

STAGE = "judge_probe"
RETRIES = 2


def ask_models(settings: OpenAISettings, template: str) -> None:
    """Have every model rate a trivial answer in the judge's own prompt, with its own settings.

    The calls are booked and stored like all others. InputError, naming the model, where one is
    refused or brings no text; whether the text holds a rating is not looked at.
    """
    # the time makes a prompt that was never asked: a stored reply would tell nothing
    request = f"Say what two and two are. (Asked at {time.time_ns()}.)"
    prompt = llm.render(template, request, "Four.")
    with Store(location()) as store:
        for model in settings.models:
            judge = replace(
                settings,
                model=model,
                pool_models={},
                repeats=1,
                parse_retries=0,
                retries=min(settings.retries, RETRIES),
                batch_api=False,
            )
            try:
                asyncio.run(_ask(judge, prompt, store))
            except InputError as error:
                raise InputError(
                    f"the judge {model} at {judge.endpoint} does not answer: {error}"
                ) from None


async def _ask(judge: OpenAISettings, prompt: str, store: Store) -> None:
    async with client.client(judge) as connection:
        failures = await client.JudgeClient(judge, store, STAGE, 1, connection).run([prompt])
    if failures:
        raise InputError(failures[prompt])
