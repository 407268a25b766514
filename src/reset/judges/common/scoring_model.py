"""A published scoring model in bulk, on one or several devices: token sequences in, numbers out.

Each distinct sequence is computed once, sequences of like length share a batch, and a batch holds
as many as a budget of tokens allows. Code that comes with a model is never run.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from reset.core.errors import InputError

Tokens = tuple[int, ...]
T = TypeVar("T")
Read = Callable[[Any, list[Tokens], dict[str, Any]], list[T]]
"""(model, sequences, their padded tensors) -> one value a sequence."""


class ScoringModel:
    """A model with its tokenizer.

    `folder` is as save_pretrained leaves it, `kind` the name of the class of transformers that
    loads it (AutoModelForSequenceClassification, say). `precision` is `fp32` or `bf16`, `devices`
    `auto` (every visible GPU, or the CPU) or names with commas; `section` is the part of the params
    that both come from, for messages. InputError where the folder holds no model or a device is not
    here.
    """

    def __init__(self, folder: Path, kind: str, precision: str, devices: str, section: str):
        import transformers

        if not (folder / "config.json").is_file():
            raise InputError(
                f"{folder}: no model is here; set models.{folder.name} in params.yaml, which"
                f" {section} needs"
            )
        self.devices = find_devices(devices, precision, section)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        loader = getattr(transformers, kind)
        self.models = [load_model(loader, folder, precision, device) for device in self.devices]
        self.config = self.models[0].config

    def run(
        self, sequences: Collection[Tokens], batch_tokens: int, read: Read[T], progress: bool
    ) -> dict[Tokens, T]:
        """What `read` makes of each distinct sequence. A batch holds at most `batch_tokens` tokens,
        padding included, and one sequence at least.
        """
        batches = list(_batches(sequences, batch_tokens))
        pad = self._pad_token(sequences)
        bar = tqdm(total=sum(map(len, batches)), unit="text", disable=not progress, mininterval=1)

        def work(place: int) -> dict[Tokens, T]:
            import torch

            model, device = self.models[place], self.devices[place]
            found: dict[Tokens, T] = {}
            with torch.inference_mode():
                for batch in batches[place :: len(self.models)]:
                    values = read(model, batch, _tensors(batch, pad, device))
                    found.update(zip(batch, values, strict=True))
                    bar.update(len(batch))
            return found

        found: dict[Tokens, T] = {}
        with bar, ThreadPoolExecutor(len(self.models)) as pool:
            for part in pool.map(work, range(len(self.models))):
                found.update(part)
        return found

    def _pad_token(self, sequences: Collection[Tokens]) -> int:
        """The model's padding token, or, where it has none, one that no sequence holds: a decoder
        finds by it where a sequence ends.
        """
        pad = getattr(self.config, "pad_token_id", None)
        if pad is None:
            used = set(itertools.chain.from_iterable(sequences))
            pad = next(token for token in itertools.count() if token not in used)
            for model in self.models:
                model.config.pad_token_id = pad
        return pad


def find_devices(names: str, precision: str, section: str) -> list[str]:
    """The devices that `names` stands for (see ScoringModel); InputError for one that is not here
    or cannot do `precision`. `section` is the part of the params that both come from.
    """
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    here = [f"cuda:{k}" for k in range(gpus)]
    devices = names.replace(" ", "").split(",")
    if names == "auto":
        devices = here or ["cpu"]
    for device in devices:
        if device != "cpu" and device not in {"cuda", *here}:
            raise InputError(
                f"{section}.devices: no device '{device}' here; expected cpu or one of {gpus} GPUs"
            )
    if precision == "bf16" and devices != ["cpu"] and not torch.cuda.is_bf16_supported():
        raise InputError(f"{section}.precision: these GPUs cannot compute in bf16; set it to fp32")
    return devices


def load_model(loader: Any, folder: Path, precision: str, device: str) -> Any:
    import torch

    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    model = loader.from_pretrained(folder, dtype=dtype, local_files_only=True)
    return model.eval().to(device)


def _batches(sequences: Collection[Tokens], batch_tokens: int) -> Iterator[list[Tokens]]:
    """Distinct sequences by falling length, cut where a padded batch would exceed the budget."""
    ordered = sorted(set(sequences), key=lambda tokens: (-len(tokens), tokens))
    start = 0
    while start < len(ordered):
        count = max(1, batch_tokens // max(1, len(ordered[start])))
        yield ordered[start : start + count]
        start += count


def _tensors(batch: Sequence[Tokens], pad: int, device: str) -> dict[str, Any]:
    import torch

    longest = max(map(len, batch))
    ids = [[*tokens, *[pad] * (longest - len(tokens))] for tokens in batch]
    mask = [[1] * len(tokens) + [0] * (longest - len(tokens)) for tokens in batch]
    return {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }
