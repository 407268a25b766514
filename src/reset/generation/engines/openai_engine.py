"""Answers from servers that speak OpenAI's completions protocol (vLLM, SGLang, llama.cpp, ...).

A server must serve the very model folder that is sampled, under its path as name, as
`configs/launch/vllm_servers.sh` has it. This is how sampling uses several machines: servers on
each, and all base URLs in `sampling.openai.base_urls`.

Prompts go out as token ids, the ones that training saw, and answers are read from token ids where a
server gives them (vLLM does), so that both are what the engines of this process have. Other
servers' text is taken as it comes.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from reset.core import params
from reset.core.errors import InputError
from reset.core.redaction import environment_key
from reset.generation.decoding import Draw, Request
from reset.generation.engines import Answer, Batch, EngineSettings, Finished
from reset.generation.engines.options import OpenAIEngineOptions
from reset.generation.engines.tokenized_prompts import TokenizedPrompts, ended

# off, where a server has defaults of its own or takes those of the model's folder
NO_DEFAULTS = {"min_p": 0.0, "repetition_penalty": 1.0}


class OpenAIEngine:
    """See `reset.generation.engines.Engine`. Each server has `concurrency` prompts under way and
    gets the next as one is done, so a slow one keeps no other waiting; a prompt goes to one server
    with all its draws, for the prefix cache.
    """

    def __init__(self, model: Path, settings: EngineSettings, max_new_tokens: int):
        if settings.openai is None:
            raise InputError(
                "params.yaml: 'sampling.openai' is null, but 'sampling.engine' is openai"
            )
        if settings.workers != 1:
            raise InputError(
                "params.yaml: 'sampling.workers' must be 1 with engine openai; add servers to"
                " base_urls"
            )
        self.model = str(model)
        self.options = params.build(OpenAIEngineOptions, settings.openai, "sampling.openai")
        self.prompts = TokenizedPrompts(model, max_new_tokens)
        self.longest = 0  # the servers have a room of their own

    def plan(self, requests: list[Request]) -> list[Batch]:
        self.prompts.encode(requests)
        return [[request] for request in requests]

    def run(self, batches: Iterable[Batch]) -> Iterator[Finished]:
        servers = self._servers()
        requests = [request for batch in batches for request in batch]
        self.prompts.encode(requests)
        slots: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.options.concurrency):
            for server in servers:
                slots.put(server)
        failures: list[Exception] = []

        def answer(request: Request) -> Finished:
            if failures:  # start no further prompt, but keep what is under way
                return []
            server = slots.get()
            try:
                return [(request, self._answer(server, request))]
            except Exception as error:
                failures.append(error)
                return []
            finally:
                slots.put(server)

        with ThreadPoolExecutor(slots.qsize()) as pool:
            try:
                for future in as_completed([pool.submit(answer, request) for request in requests]):
                    if finished := future.result():
                        yield finished
            finally:  # after an interrupt
                pool.shutdown(cancel_futures=True)
        if failures:
            raise failures[0]

    def _servers(self) -> list[Any]:
        """Clients of the servers that serve this model; others may be there for other models."""
        found, names = [], []
        for url in self.options.base_urls:
            client, served = self._connect(url)
            if served is None or self.model in served:
                found.append(client)
            names += served or []
        if not found:
            raise InputError(
                f"{', '.join(self.options.base_urls)}: serves {', '.join(names) or 'none'}, not"
                f" {self.model}; start a server on that folder (configs/launch/vllm_servers.sh)"
            )
        return found

    def _connect(self, url: str) -> tuple[Any, list[str] | None]:
        """A client for one server, and the models that it serves; None where it does not say."""
        import openai

        key = environment_key(self.options.api_key_env) or "none"
        retries, timeout = self.options.retries, self.options.timeout
        client = openai.OpenAI(base_url=url, api_key=key, max_retries=retries, timeout=timeout)
        try:
            return client, [model.id for model in client.models.list()]
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                raise InputError(
                    f"{url}: the key in {self.options.api_key_env} is refused"
                ) from None
            return client, None
        except openai.APIConnectionError as error:
            raise InputError(
                f"{url}: no answer ({error}); start the server, or correct base_urls"
            ) from None
        except (AttributeError, ValueError):  # a page for browsers, which the client takes as it is
            raise InputError(
                f"{url}: answers, but with no list of models; correct base_urls: most end in /v1"
            ) from None

    def _answer(self, client: Any, request: Request) -> list[Answer]:
        found = {draw.key: self._complete(client, request, draw) for draw in request.distinct}
        return [found[draw.key] for draw in request.draws]

    def _complete(self, client: Any, request: Request, draw: Draw) -> Answer:
        import openai

        how: dict[str, Any] = {"temperature": 0.0}
        extra: dict[str, Any] = {"return_token_ids": True, "stop_token_ids": self.prompts.stops}
        extra |= NO_DEFAULTS
        if not draw.setting.greedy:
            how = {"temperature": draw.setting.temperature, "top_p": 1.0}
            extra["top_k"] = draw.setting.top_k or -1
            if self.options.request_seeds:
                how["seed"] = draw.seed
        where = f"{client.base_url}: prompt '{request.id}', sample {draw.sample}"
        try:
            reply = client.completions.create(
                model=self.model,
                prompt=self.prompts.ids[request.id],
                max_tokens=self.prompts.max_new_tokens,
                extra_body=extra,
                **how,
            )
        except openai.OpenAIError as error:
            raise InputError(f"{where}: {error}; what is finished is kept, run again") from None
        choice = reply.choices[0]
        stopped = ended(choice.finish_reason, where)
        if reply.usage is None:
            raise InputError(
                f"{where}: a reply without usage; a server that counts tokens is expected"
            )
        # with the token that ended it, as `usage` counts it
        ids = getattr(choice, "token_ids", None)
        if ids is not None:
            return self.prompts.answer(ids[:-1] if stopped else ids, stopped)
        tokens = max(0, reply.usage.completion_tokens - stopped)
        return Answer(choice.text, tokens, "eos" if stopped else "length")
