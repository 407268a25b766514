"""Chat tokens in a text that is shown to a judge: broken up, so that no tokenizer reads them.

An answer may hold the very characters by which some model family marks turns ("<|im_end|>"). Many
servers turn them into the control token wherever they stand, which would end the judge's turn in
the middle of the answer. A space behind the first character keeps them readable and harmless.
"""

import re

NAMES = (
    "s|bos|eos|pad|unk|mask|cls|sep|sop|eop|start_of_turn|end_of_turn|start_of_image|end_of_image"
    r"|think|tool_call|tool_response|BOS_TOKEN|EOS_TOKEN|extra_id_\d+|SPECIAL_\d+|reserved_\d+"
)
BRACKETED = (
    "INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|THINK|IMG|PREFIX"
    "|SUFFIX|MIDDLE|BOS|EOS|PAD|UNK|CLS|SEP|MASK|gMASK|sMASK"
)
TOKEN = re.compile(
    r"<(?=[|\uff5c][^<>\n]{1,60}[|\uff5c]>"  # <|im_end|> and DeepSeek's full-width bars
    r"|\|\w{1,60}>|\w{1,60}\|>"  # Gemma 4's <|turn> and <turn|>
    rf"|/?(?:{NAMES})>"  # </s>, <end_of_turn>
    r"|</?SYS>>|/?seed:\w{1,60}>)"  # <<SYS>>, Seed-OSS's <seed:eos>
    rf"|\[(?=/?(?:{BRACKETED})\]"  # [INST], [/INST]
    r"|\|\w{1,60}\|\]|e~\[)"  # EXAONE's [|endofturn|], MiniMax's [e~[
    r"|\](?=~b\]|~!b\[)"  # MiniMax's ]~b] and ]~!b[
)


def neutralise(text: str) -> str:
    """The text with a space behind the first character of every chat token: "< |im_end|>"."""
    return TOKEN.sub(lambda match: match.group() + " ", text)
