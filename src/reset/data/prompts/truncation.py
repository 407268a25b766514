"""Rows that are longer than the model can take: shorten the context, drop the row, or stop."""

from reset.core.errors import InputError
from reset.core.io import Row
from reset.data.prompts.templates import Templates

PART = 64  # texts encoded at once
SPECIAL_TOKENS = 2  # beginning and end of sequence, which training adds


class TokenCounter:
    """Token counts of one model folder, by its tokenizer.json alone."""

    def __init__(self, path: str) -> None:
        from tokenizers import Tokenizer

        try:
            self.tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise InputError(f"{path}: no tokenizer can be read from it ({error})") from None
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def counts(self, texts: list[str]) -> list[int]:
        """Tokens of each text, without special ones. In small parts: encodings are far larger than
        their texts.
        """
        lengths: list[int] = []
        for start in range(0, len(texts), PART):
            part = texts[start : start + PART]
            codes = self.tokenizer.encode_batch_fast(part, add_special_tokens=False)
            lengths += [len(code) for code in codes]
        return lengths

    def ends(self, text: str) -> list[int]:
        """Where each token of `text` ends, in characters."""
        return [end for _, end in self.tokenizer.encode(text, add_special_tokens=False).offsets]


def fit(
    row: Row, templates: Templates, counter: TokenCounter, limit: int, room: int = 0
) -> list[str] | None:
    """The row's context, cut at its end so that prompt, special tokens and the target, or `room`
    tokens for an answer if that is more, hold at most `limit` tokens.

    Header, instruction, question, response marker and target stay whole. None if they alone are too
    long, or if no context at all would be left. Cuts the last passages first: they are the lowest
    in the retriever's order.
    """
    target = row["references"][0] if row["references"] else ""
    context = list(row["context"])
    while context:
        prompt = templates.render(row, context)
        needed, wanted = counter.counts([prompt, target])
        over = needed + max(wanted, room) + SPECIAL_TOKENS - limit
        if over <= 0:
            return context
        context = shorten(context, over, counter)
    return None


def shorten(context: list[str], tokens: int, counter: TokenCounter) -> list[str]:
    """The passages without their last `tokens` tokens or a few more; always shorter than before.

    Counts passage by passage, which is not quite what the whole prompt counts: the caller counts
    again.
    """
    rest = list(context)
    while rest and tokens > 0:
        last = rest.pop()
        ends = counter.ends(f"\n{last}" if rest else last)
        if tokens < len(ends):
            # a character may be several tokens, all with one end: it goes as a whole
            whole = [end for end in ends[:-tokens] if end < ends[-tokens]]
            cut = max(whole, default=0) - bool(rest)
            kept = last[: max(cut, 0)].rstrip()
            return [*rest, kept] if kept else rest
        tokens -= len(ends)
    return rest
