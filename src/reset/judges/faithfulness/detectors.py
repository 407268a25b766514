"""Published detectors of unsupported text as measures of faithfulness, through plain transformers.

MiniCheck (Tang et al., EMNLP 2024, arXiv 2404.10774) reads a document and one sentence of the
answer, and gives the probability that the document supports it. As in SummaC-ZS the question stands
before each part of the document; a sentence takes its best part, the answer the mean over its
sentences. Its models: Flan-T5 (the first token of "0" or "1" after "predict: "), RoBERTa, DeBERTa.

LettuceDetect (Kovács and Recski, arXiv 2502.17125) labels each token of the answer as supported or
not; the score is the mean probability of "supported".
"""

import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.judges.common.scoring_model import ScoringModel, Tokens
from reset.text.sentences import split
from reset.text.words import count_words

SECTION = "judges.faithfulness"
LONGEST = {"t5": 2048, "deberta-v2": 2048, "roberta": 512}  # tokens, by MiniCheck's model type
PART = {"t5": 500, "deberta-v2": 400, "roberta": 400}  # of a document: words for T5, else tokens
LETTUCE_LONGEST = 4096
# The wording is ours. The published models were trained on RAGTruth's prompts: to score as
# published, put these into the two files.
LETTUCE_PROMPTS = Path("prompts/lettucedetect")


Text = tuple[str, Sequence[str], str]
"""(question or "", passages, answer)"""


def minicheck(
    texts: Sequence[Text],
    folder: Path,
    precision: str,
    devices: str,
    batch_tokens: int,
    progress: bool = False,
) -> list[float]:
    """A score from 0 to 1 for each text, in order; every answer and context has a sentence."""
    kind = _model_type(folder, tuple(LONGEST), "minicheck")
    loader = "AutoModelForSeq2SeqLM" if kind == "t5" else "AutoModelForSequenceClassification"
    model = ScoringModel(folder, loader, precision, devices, SECTION)
    if kind != "t5" and model.config.num_labels != 2:
        raise InputError(f"{folder}: expected two labels, got {model.config.num_labels}")
    words, prefix = model.tokenizer, "predict: " if kind == "t5" else ""

    @lru_cache(maxsize=100_000)
    def size(sentence: str) -> int:
        return count_words(sentence) if kind == "t5" else len(words.tokenize(sentence))

    def encode(part: str, sentence: str) -> Tokens:
        """Both as the model reads them. A part that is too long loses its end, not the sentence."""
        tokens = words(f"{prefix}{part}{words.eos_token}{sentence}", verbose=False)["input_ids"]
        too_many = max(0, len(tokens) - LONGEST[kind])
        between = len(tokens) - 2 - tokens[-2::-1].index(words.eos_token_id)
        kept = tokens[: max(0, between - too_many)] + tokens[between:]
        return tuple(kept[: LONGEST[kind]])

    answers: list[list[list[Tokens]]] = []  # an answer's sentences, each against all parts
    distinct: set[Tokens] = set()
    for question, passages, answer in texts:
        parts = [f"{question} {part}".strip() for part in _parts(passages, PART[kind], size)]
        sentences = []
        for claim in split(answer):
            sentences.append([encode(part, claim) for part in parts])
            distinct.update(sentences[-1])
        answers.append(sentences)
    read = _seq2seq_reader(words) if kind == "t5" else _read_classes
    support = model.run(distinct, batch_tokens, read, progress)

    def best(sentence: list[Tokens]) -> float:
        return max(support[tokens] for tokens in sentence)

    return [statistics.fmean(map(best, sentences)) for sentences in answers]


def lettucedetect(
    texts: Sequence[Text],
    folder: Path,
    precision: str,
    devices: str,
    batch_tokens: int,
    progress: bool = False,
) -> list[float]:
    """A score from 0 to 1 for each text, in order. Of a text that is too long the longer part, as a
    rule the context, is cut at its end.
    """
    _model_type(folder, ("modernbert",), "lettucedetect")
    model = ScoringModel(folder, "AutoModelForTokenClassification", precision, devices, SECTION)
    longest = min(LETTUCE_LONGEST, model.config.max_position_embeddings)
    sequences, answers = [], {}
    for question, passages, answer in texts:
        prompt = _lettuce_prompt(question, passages)
        encoded = model.tokenizer(prompt, answer, truncation="longest_first", max_length=longest)
        tokens = tuple(encoded["input_ids"])
        sides = encoded.sequence_ids(0)
        answers[tokens] = [place for place, side in enumerate(sides) if side == 1]
        sequences.append(tokens)

    def read(network: Any, batch: list[Tokens], tensors: dict[str, Any]) -> list[float]:
        supported = network(**tensors).logits.float().softmax(-1)[:, :, 0]
        rows = zip(supported, batch, strict=True)
        return [row[answers[tokens]].mean().item() for row, tokens in rows]

    scores = model.run(sequences, batch_tokens, read, progress)
    return [scores[tokens] for tokens in sequences]


def _model_type(folder: Path, expected: tuple[str, ...], measure: str) -> str:
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(f"{folder}: no model is here; set models.detector, which {measure} needs")
    kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    if kind not in expected:
        raise InputError(
            f"{path}: {measure} expected a model_type of {', '.join(expected)}, got {kind}"
        )
    return kind


def _parts(passages: Sequence[str], most: int, size: Callable[[str], int]) -> Iterator[str]:
    """The document in parts of at most `most` words or tokens, as `size` counts them, cut between
    sentences.
    """
    part: list[str] = []
    full = 0
    for passage in passages:
        for sentence in split(passage):
            count = size(sentence)
            if part and full + count > most:
                yield " ".join(part)
                part, full = [], 0
            part.append(sentence)
            full += count
    if part:
        yield " ".join(part)


def _lettuce_prompt(question: str, passages: Sequence[str]) -> str:
    path = LETTUCE_PROMPTS / ("question.txt" if question else "summary.txt")
    template = path.read_text(encoding="utf-8").removesuffix("\n")
    lines = [f"passage {number}: {passage}" for number, passage in enumerate(passages, 1)]
    return template.format(question=question, count=len(passages), context="\n".join(lines))


def _read_classes(network: Any, batch: list[Tokens], tensors: dict[str, Any]) -> list[float]:
    return network(**tensors).logits.float().softmax(-1)[:, 1].tolist()


def _seq2seq_reader(tokenizer: Any) -> Any:
    no, yes = (tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in ("0", "1"))

    def read(network: Any, batch: list[Tokens], tensors: dict[str, Any]) -> list[float]:
        import torch

        first = network.config.decoder_start_token_id
        start = torch.full((len(batch), 1), first, device=tensors["input_ids"].device)
        logits = network(**tensors, decoder_input_ids=start).logits[:, 0].float()
        return logits[:, [no, yes]].softmax(-1)[:, 1].tolist()

    return read
