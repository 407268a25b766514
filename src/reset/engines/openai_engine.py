"""Answers from servers that speak OpenAI's completions protocol (vllm serve, SGLang, llama.cpp, ...).

Every server must serve the very model folder that is sampled, under its path as name: `vllm serve models/mtl_1`. This
is how sampling uses several machines: one server each, and their base URLs in `sampling.openai.base_urls`.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reset import params
from reset.decoding import Draw, Request
from reset.engines import Answer, Batch, Finished, Settings
from reset.engines.prompts import Prompts
from reset.errors import InputError

FINISH = {"stop": "eos", "length": "length"}


@dataclass(frozen=True)
class Options:
    """`sampling.openai`. `request_seeds` false sends no seeds (vLLM's CPU build dies of them): such samples cannot be
    drawn again, only kept. `timeout` is in seconds a call, `retries` are extra tries of a call that failed."""

    base_urls: list[str]
    api_key_env: str
    concurrency: int  # prompts under way a server
    request_seeds: bool
    timeout: float
    retries: int

    def __post_init__(self) -> None:
        if not self.base_urls or self.concurrency < 1:
            raise InputError("params.yaml: 'sampling.openai' needs one base URL and a concurrency of 1 at least")


class OpenAIEngine:
    """See `reset.engines.Engine`. Prompts go to the servers in turn, each with all its draws, for the prefix cache."""

    def __init__(self, model: Path, settings: Settings, max_new_tokens: int):
        if settings.openai is None:
            raise InputError("params.yaml: 'sampling.openai' is null, but 'sampling.engine' is openai")
        if settings.workers != 1:
            raise InputError("params.yaml: 'sampling.workers' must be 1 with engine openai; add servers to base_urls")
        self.model, self.options = str(model), params.build(Options, settings.openai, "sampling.openai")
        self.prompts = Prompts(model, max_new_tokens)

    def plan(self, requests: list[Request]) -> list[Batch]:
        self.prompts.encode(requests)
        return [[request] for request in requests]

    def run(self, batches: Iterable[Batch]) -> Iterator[Finished]:
        servers = [self._connect(url) for url in self.options.base_urls]
        requests = [request for batch in batches for request in batch]
        self.prompts.encode(requests)
        with ThreadPoolExecutor(self.options.concurrency * len(servers)) as pool:
            futures = {
                pool.submit(self._answer, servers[number % len(servers)], request): request
                for number, request in enumerate(requests)
            }
            try:
                for future in as_completed(futures):
                    yield [(futures.pop(future), future.result())]
            finally:  # after an error, start no further call
                pool.shutdown(cancel_futures=True)

    def _connect(self, url: str) -> Any:
        """A client for one server, after a look whether it serves the model under its path."""
        import openai

        key = os.environ.get(self.options.api_key_env) or "none"
        retries, timeout = self.options.retries, self.options.timeout
        client = openai.OpenAI(base_url=url, api_key=key, max_retries=retries, timeout=timeout)
        try:
            served = [model.id for model in client.models.list()]
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise InputError(f"{url}: the key in {self.options.api_key_env} is refused") from None
            return client  # a server without the list of models
        except openai.APIConnectionError as error:
            raise InputError(f"{url}: no answer ({error}); start the server, or correct base_urls") from None
        if self.model not in served:
            raise InputError(f"{url}: serves {', '.join(served)}, not {self.model}; start it on that folder")
        return client

    def _answer(self, client: Any, request: Request) -> list[Answer]:
        found: dict[Any, Answer] = {}
        for draw in request.draws:
            if draw.key not in found:
                found[draw.key] = self._complete(client, request, draw)
        return [found[draw.key] for draw in request.draws]

    def _complete(self, client: Any, request: Request, draw: Draw) -> Answer:
        import openai

        how: dict[str, Any] = {"temperature": 0.0}
        if not draw.setting.greedy:
            how = {"temperature": draw.setting.temperature, "top_p": 1.0}
            how["extra_body"] = {"top_k": draw.setting.top_k or -1}
            if self.options.request_seeds:
                how["seed"] = draw.seed
        try:
            reply = client.completions.create(
                model=self.model, prompt=self.prompts.ids[request.id], max_tokens=self.prompts.max_new_tokens, **how
            )
        except openai.OpenAIError as error:
            where = f"prompt '{request.id}', sample {draw.sample}"
            raise InputError(f"{client.base_url}: {where}: {error}; what is finished is kept, run again") from None
        choice = reply.choices[0]
        if choice.finish_reason not in FINISH or reply.usage is None:
            raise InputError(f"{client.base_url}: a reply without usage, or with finish '{choice.finish_reason}'")
        ended = choice.finish_reason == "stop"
        return Answer(choice.text, max(0, reply.usage.completion_tokens - ended), FINISH[choice.finish_reason])
