"""Natural language inference in bulk: how surely a premise entails, or contradicts, a hypothesis.

Any sequence-pair classifier of transformers serves (ALBERT, RoBERTa, DeBERTa, BERT …). Speed comes
from three things: each distinct pair is computed once, pairs of like length share a batch, and a
batch holds as many pairs as a budget of tokens allows, so that little is spent on padding.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from reset.core.errors import InputError
from reset.judges.common.scoring_model import find_devices, load_model

if TYPE_CHECKING:
    import torch

MAX_TOKENS = 500
"""Longest pair, special tokens included; the longer text is cut first (both as in the summac
package).
"""
ENTAILMENT = frozenset(("entailment", "entail", "supports", "supported"))
CONTRADICTION = frozenset(("contradiction", "contradict", "refutes", "refuted"))

TextPair = tuple[str, str]
Scores = dict[TextPair, tuple[float, float]]


class Nli:
    """A classifier on one or several devices.

    `folder` holds model and tokenizer as save_pretrained leaves them; `precision` is `fp32` or
    `bf16`; `devices` is `auto` (every visible GPU, or the CPU) or names with commas, such as `cpu`
    or `cuda:0,cuda:1`. InputError, before any weight is loaded, if the folder is incomplete, its
    labels tell no entailment, or a device is not there.
    """

    def __init__(self, folder: str | Path, precision: str = "fp32", devices: str = "auto"):
        self.config = read_config(Path(folder))
        self.entailment = label_index(self.config, ENTAILMENT, folder)
        self.contradiction = label_index(self.config, CONTRADICTION, folder)
        self.devices = find_devices(devices, precision, "judges.faithfulness")
        self.tokenizer, self.inputs = _load_tokenizer(Path(folder), self.config)
        self.models = _load_models(Path(folder), precision, self.devices)
        self.longest = self.tokenizer.truncation["max_length"]
        self.tokens_real = self.tokens_padding = self.pairs_cut = 0

    def score(
        self, pairs: Collection[TextPair], batch_tokens: int, progress: bool = False
    ) -> Scores:
        """(entailment, contradiction) probabilities of each distinct (premise, hypothesis).

        A batch holds at most `batch_tokens` tokens, padding included: about 2,000 suit a CPU's
        cache, a GPU takes tens of thousands. What padding cost is in `padding_share`, and how many
        pairs were too long for the model in `pairs_cut`. On one machine the same pairs give the
        same numbers, in whatever order they come.
        """
        batches = list(self._batches(pairs, batch_tokens))
        bar = tqdm(
            total=sum(map(len, batches)),
            desc="NLI",
            unit="pair",
            disable=not progress,
            mininterval=1.0,
        )
        with bar, ThreadPoolExecutor(len(self.models)) as pool:
            jobs = [
                pool.submit(self._run, model, device, batches[k :: len(self.models)], bar)
                for k, (model, device) in enumerate(zip(self.models, self.devices, strict=True))
            ]
            return {pair: scores for job in jobs for pair, scores in job.result().items()}

    @property
    def padding_share(self) -> float:
        """Padding's share of all tokens computed so far."""
        return self.tokens_padding / max(1, self.tokens_real + self.tokens_padding)

    def _batches(self, pairs: Collection[TextPair], batch_tokens: int) -> Iterator[list[TextPair]]:
        """Distinct pairs by falling length, cut where rows × longest row would exceed the
        budget.
        """
        distinct = sorted(set(pairs))
        count = self._text_lengths(sorted({text for pair in distinct for text in pair}))
        special = self.tokenizer.num_special_tokens_to_add(is_pair=True)
        full = {pair: count[pair[0]] + count[pair[1]] + special for pair in distinct}
        lengths = {pair: min(self.longest, length) for pair, length in full.items()}
        self.pairs_cut += sum(length > self.longest for length in full.values())
        distinct.sort(key=lengths.__getitem__, reverse=True)
        start = 0
        while start < len(distinct):
            longest = lengths[distinct[start]]
            batch = distinct[start : start + max(1, batch_tokens // longest)]
            real = sum(map(lengths.__getitem__, batch))
            self.tokens_real += real
            self.tokens_padding += longest * len(batch) - real
            yield batch
            start += len(batch)

    def _text_lengths(self, texts: Sequence[str], chunk: int = 4096) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for start in range(0, len(texts), chunk):
            part = texts[start : start + chunk]
            encoded = self.tokenizer.encode_batch_fast(part, add_special_tokens=False)
            lengths.update(zip(part, map(len, encoded), strict=True))
        return lengths

    def _run(self, model: Any, device: str, batches: Sequence[list[TextPair]], bar: Any) -> Scores:
        import torch

        scores: Scores = {}
        labels = [self.entailment, self.contradiction]
        with torch.inference_mode():
            for batch in batches:
                logits = model(**self._inputs(batch, device)).logits
                chances = logits.float().softmax(-1)[:, labels].tolist()
                scores.update(zip(batch, map(tuple, chances), strict=True))
                bar.update(len(batch))
        return scores

    def _inputs(self, batch: list[TextPair], device: str) -> dict[str, torch.Tensor]:
        import torch

        encoded = self.tokenizer.encode_batch_fast(batch)
        longest = max(map(len, encoded))
        pad = self.config.get("pad_token_id") or 0

        def padded(field: str, fill: int) -> list[list[int]]:
            return [getattr(e, field) + [fill] * (longest - len(e)) for e in encoded]

        rows = {"input_ids": padded("ids", pad), "attention_mask": padded("attention_mask", 0)}
        if "token_type_ids" in self.inputs:
            rows["token_type_ids"] = padded("type_ids", 0)
        return {name: torch.tensor(values, device=device) for name, values in rows.items()}


def label_index(config: dict[str, Any], names: frozenset[str], folder: str | Path) -> int:
    """The output column whose label (`id2label`) is one of `names`; InputError if there is not
    exactly one.
    """
    labels = config.get("id2label") or {}
    found = [int(index) for index, label in labels.items() if str(label).lower() in names]
    if len(found) != 1:
        listed = ", ".join(map(str, labels.values())) or "none"
        raise InputError(
            f"{folder}/config.json: id2label must name one of {', '.join(sorted(names))} once; its"
            f" labels are: {listed}"
        )
    return found[0]


def read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError:
        raise InputError(
            f"{folder}/config.json: cannot be read; set models.nli in params.yaml, or a measure"
            " without a model (judges.faithfulness.abstractive: k_precision)"
        ) from None
    return dict(config)


def _load_tokenizer(folder: Path, config: dict[str, Any]) -> tuple[Any, list[str]]:
    """The fast tokenizer without transformers' layer around it, and the names of the inputs that
    the model takes.
    """
    from transformers import AutoTokenizer

    if not (folder / "tokenizer_config.json").exists():
        raise InputError(
            f"{folder}: no tokenizer_config.json; save the model's tokenizer beside it"
            " (save_pretrained)"
        )
    wrapper = AutoTokenizer.from_pretrained(folder)
    if not wrapper.is_fast:
        raise InputError(
            f"{folder}: its tokenizer {type(wrapper).__name__} is a slow one; a tokenizer.json is"
            " needed"
        )
    tokenizer = wrapper.backend_tokenizer
    positions = int(config.get("max_position_embeddings") or MAX_TOKENS)
    tokenizer.enable_truncation(min(MAX_TOKENS, positions), strategy="longest_first")
    tokenizer.no_padding()
    return tokenizer, wrapper.model_input_names


def _load_models(folder: Path, precision: str, devices: Sequence[str]) -> list[Any]:
    from transformers import AutoModelForSequenceClassification as Classifier

    return [load_model(Classifier, folder, precision, device) for device in devices]
