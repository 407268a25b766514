"""Published detectors of unsupported text as measures of faithfulness, through plain transformers.

MiniCheck (Tang et al., EMNLP 2024, arXiv 2404.10774) reads a document and one sentence of the
answer, and gives the probability that the document supports it. As in SummaC-ZS the question stands
before each part of the document; a sentence takes its best part, the answer the mean over its
sentences. Its models: Flan-T5 (the first token of "0" or "1" after "predict: "), RoBERTa, DeBERTa.

LettuceDetect (Kovács and Recski, arXiv 2502.17125) labels each token of the answer as supported or
not; the score is the mean probability of "supported".
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.judges.common.scoring_model import ScoringModel, Tokens
from reset.text.sentences import split

SECTION = "judges.faithfulness"
LONGEST = {"t5": 2048, "deberta-v2": 2048, "roberta": 512}  # tokens, by MiniCheck's model type
PART = {"t5": 500, "deberta-v2": 400, "roberta": 400}  # words of one part of a document, at most
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
    prefix = "predict: " if kind == "t5" else ""

    def encode(part: str, sentence: str) -> Tokens:
        text = prefix + model.tokenizer.eos_token.join([part, sentence])
        return tuple(model.tokenizer(text, truncation=True, max_length=LONGEST[kind])["input_ids"])

    answers: list[list[list[Tokens]]] = []  # an answer's sentences, each against all parts
    distinct: set[Tokens] = set()
    for question, passages, answer in texts:
        parts = [f"{question} {part}".strip() for part in _parts(passages, PART[kind])]
        sentences = []
        for claim in split(answer):
            sentences.append([encode(part, claim) for part in parts])
            distinct.update(sentences[-1])
        answers.append(sentences)
    read = _seq2seq_reader(model.tokenizer) if kind == "t5" else _read_classes
    support = model.run(distinct, batch_tokens, read, progress)

    def best(sentence: list[Tokens]) -> float:
        return max(support[tokens] for tokens in sentence)

    scores = []
    for sentences in answers:
        scores.append(_mean([best(sentence) for sentence in sentences]))
    return scores


def lettucedetect(
    texts: Sequence[Text],
    folder: Path,
    precision: str,
    devices: str,
    batch_tokens: int,
    progress: bool = False,
) -> list[float]:
    """A score from 0 to 1 for each text, in order; a context that is too long is cut at its end."""
    _model_type(folder, ("modernbert",), "lettucedetect")
    model = ScoringModel(folder, "AutoModelForTokenClassification", precision, devices, SECTION)
    longest = min(LETTUCE_LONGEST, model.config.max_position_embeddings)
    sequences, answers = [], {}
    for question, passages, answer in texts:
        prompt = _lettuce_prompt(question, passages)
        encoded = model.tokenizer(prompt, answer, truncation="only_first", max_length=longest)
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


def _parts(passages: Sequence[str], most: int) -> Iterator[str]:
    """The document in parts of at most `most` words, cut between sentences."""
    part: list[str] = []
    words = 0
    for passage in passages:
        for sentence in split(passage):
            count = len(sentence.split())
            if part and words + count > most:
                yield " ".join(part)
                part, words = [], 0
            part.append(sentence)
            words += count
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


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
