"""What all engines must agree on: a prompt's token ids, an answer's end, and its text."""

from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer, GenerationConfig

from reset.core.errors import InputError
from reset.generation.decoding import Request
from reset.generation.engines import Answer
from reset.tokens.context_window import positions
from reset.tokens.encoding import encode_prompts

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
# vLLM's and the servers' word: whether a stop token ended the answer
FINISH = {"stop": True, "length": False}


class TokenizedPrompts:
    """Token ids by request id, filled by `encode`; `stops` are the token ids that end an answer."""

    def __init__(self, model: Path, max_new_tokens: int):
        if not (model / "config.json").exists():
            raise InputError(
                f"{model}: no config.json; a model folder as save_pretrained writes it is expected"
            )
        if not any((model / name).exists() for name in TOKENIZER_FILES):
            raise InputError(f"{model}: no tokenizer.json; save the tokenizer beside the model")
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        if (model / "generation_config.json").exists():
            given = GenerationConfig.from_pretrained(model).eos_token_id
        else:
            given = AutoConfig.from_pretrained(model).get_text_config().eos_token_id
        self.stops = sorted(
            {*(given if isinstance(given, list) else [given]), self.tokenizer.eos_token_id} - {None}
        )
        if not self.stops:
            raise InputError(
                f"{model}: neither generation_config.json nor the tokenizer names an EOS token"
            )
        self.window = positions(model)
        self.max_new_tokens = max_new_tokens
        self.ids: dict[str, list[int]] = {}

    def encode(self, requests: list[Request]) -> None:
        """Tokenize what is new. InputError naming the id of a prompt that is empty or leaves no
        room for an answer: shortening is the template stage's business, never done silently here.
        """
        new = [request for request in requests if request.id not in self.ids]
        for request, ids in zip(
            new, encode_prompts([r.prompt for r in new], self.tokenizer), strict=True
        ):
            if not ids:
                raise InputError(
                    f"prompt '{request.id}': no token; a prompt that is not empty is expected"
                )
            if self.window and len(ids) + self.max_new_tokens > self.window:
                raise InputError(
                    f"prompt '{request.id}': {len(ids)} tokens leave no room for an answer of"
                    f" {self.max_new_tokens} in the model's window of {self.window}; set"
                    " data.max_tokens to that window at most, or lower max_new_tokens in sampling"
                    " or evaluation"
                )
            self.ids[request.id] = ids

    def answer(self, ids: list[int], ended: bool) -> Answer:
        """The answer of these token ids; `ended` says whether a stop token, which is not among
        them, followed.
        """
        text: Any = self.tokenizer.decode(ids, skip_special_tokens=True)
        return Answer(text, len(ids), "eos" if ended else "length")


def ended(finish: str | None, where: str) -> bool:
    """Whether a stop token ended the answer, by vLLM's or a server's word `finish`. Any word but
    "stop" and "length" (abort, error, content_filter, ...) is an InputError naming `where`, the
    prompt and sample: no answer came.
    """
    if finish not in FINISH:
        raise InputError(
            f"{where}: finish '{finish}', not 'stop' or 'length'; what is finished is kept, run"
            " again"
        )
    return FINISH[finish]
