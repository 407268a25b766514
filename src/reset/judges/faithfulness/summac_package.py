"""SummaC-ZS by the summac package (0.0.4), the reference that our own is held against.

The package is older than its dependencies; four repairs make it run: a model folder is entered in
its table of models, sentences come from `reset.text.sentences` (nltk's own need a download), the
tokenizer gets back the method `batch_encode_plus`, and the device is said. What it computes stays
its own: all pairs of all answers, repeats included, in batches as they come, and sentences of ten
characters or less left out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reset.core.errors import InputError
from reset.judges.faithfulness import nli
from reset.judges.faithfulness.summac_zs import PACKAGE, SentencePairs

SHORT_ANSWER = "no sentence of the answer has more than ten characters"
SHORT_CONTEXT = "no sentence of the context has more than ten characters"
# the record separator: no text holds it, so sentences pass through the package as we cut them
_BETWEEN = "\x1e"


def load(folder: str | Path, use_contradiction: bool, device: str = "cpu") -> Any:
    """A `SummaCZS` at sentence granularity with the NLI model of `folder`; InputError where the
    package is missing.
    """
    try:
        from summac import model_summac
    except ImportError:
        raise InputError(
            "summac_package needs: pip install --no-deps summac==0.0.4 nltk==3.10.4"
        ) from None
    config = nli.read_config(Path(folder))
    model_summac.model_map[str(folder)] = {
        "model_card": str(folder),
        "entailment_idx": nli.label_index(config, nli.ENTAILMENT, folder),
        "contradiction_idx": nli.label_index(config, nli.CONTRADICTION, folder),
    }
    scorer = model_summac.SummaCZS(
        model_name=str(folder),
        granularity="sentence",
        use_con=use_contradiction,
        imager_load_cache=False,
        device=device,
    )
    scorer.imager.split_sentences = _split
    scorer.imager.load_nli()
    scorer.imager.tokenizer.batch_encode_plus = _batch_encode_plus(scorer.imager.tokenizer)
    return scorer


def unread(image: SentencePairs) -> tuple[float | None, str] | None:
    """(score, reason) where the package would leave out every sentence of answer or context, else
    None.

    An answer of short sentences scores 0, as the package has it. Its 0 without a context is no
    score: None.
    """
    if not any(map(_is_long, image.hypotheses)):
        return 0.0, SHORT_ANSWER
    if not any(map(_is_long, image.premises)):
        return None, SHORT_CONTEXT
    return None


def texts(image: SentencePairs) -> tuple[str, str]:
    """The context and the answer of `image` as the package takes them, already cut into
    sentences.
    """
    return _BETWEEN.join(image.premises), _BETWEEN.join(image.hypotheses)


def score(scorer: Any, images: Sequence[SentencePairs]) -> list[float]:
    """The package's scores, in order: from 0 to 1, with contradiction from −1; 0 where a side has
    no long sentence.
    """
    contexts, answers = zip(*map(texts, images), strict=True) if images else ((), ())
    return [float(value) for value in scorer.score(list(contexts), list(answers))["scores"]]


def _split(text: str) -> list[str]:
    return list(filter(_is_long, text.split(_BETWEEN)))


def _is_long(sentence: str) -> bool:
    return len(sentence) >= PACKAGE.min_characters


def _batch_encode_plus(tokenizer: Any) -> Any:
    def encode(
        pairs: Sequence[tuple[str, str]], truncation_strategy: str = "", **options: Any
    ) -> Any:
        # `truncation_strategy` was ignored beside truncation=True before it was dropped
        first, second = zip(*pairs, strict=True)
        return tokenizer(list(first), list(second), **options)

    return encode
