import pytest
from hypothesis import given
from hypothesis import strategies as st

from reset.core.errors import InputError
from reset.tokens.encoding import IGNORE, copies, encode, encode_prompts
from tests.support import tiny_llama

TEXT = st.lists(st.sampled_from(tiny_llama.WORDS), min_size=1, max_size=9).map(" ".join)
PLAIN = tiny_llama.tokenizer()


def row(prompt: str, target: str, name: str = "toy:1") -> dict:
    return {"id": name, "prompt": prompt, "target": target}


@given(TEXT, TEXT)
def test_only_the_target_and_one_eos_are_labelled(prompt, target):
    (example,) = encode([row(prompt, target)], PLAIN, 64, "rows")
    start = len(prompt.split())
    assert example.labels[:start] == [IGNORE] * start
    assert example.labels[start:] == example.input_ids[start:]
    assert PLAIN.decode(example.input_ids[start:]) == f"{target} </s>"


@given(TEXT, TEXT)
def test_the_tokens_generation_starts_from_are_a_prefix_of_the_trained_ones(prompt, target):
    for tokenizer in (PLAIN, tiny_llama.tokenizer(bos=True, eos=True)):
        (example,) = encode([row(prompt, target)], tokenizer, 64, "rows")
        assert example.input_ids[: example.prompt_length] == encode_prompts([prompt], tokenizer)[0]


@pytest.mark.parametrize("prompt", ["w1 w2", "<s> w1 w2"])
def test_bos_is_never_doubled_and_no_eos_follows_the_prompt(prompt):
    tokenizer = tiny_llama.tokenizer(bos=True, eos=True)
    (example,) = encode([row(prompt, "w3")], tokenizer, 64, "rows")
    assert tokenizer.decode(example.input_ids) == "<s> w1 w2 w3 </s>"
    assert example.prompt_length == 3


def test_eos_is_not_doubled_where_the_target_ends_in_one():
    (example,) = encode([row("w1", "w2 </s>")], PLAIN, 64, "rows")
    assert PLAIN.decode(example.input_ids) == "w1 w2 </s>"


def test_eos_stays_a_label_where_the_tokenizer_pads_with_it():
    tokenizer = tiny_llama.tokenizer(pad="</s>")
    (example,) = encode([row("w1", "w2")], tokenizer, 64, "rows")
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == example.labels[-1]


def test_an_empty_target_trains_the_eos_alone():
    (example,) = encode([row("w1", "")], PLAIN, 64, "rows")
    assert example.labels == [IGNORE, PLAIN.eos_token_id]


def test_a_row_longer_than_max_length_is_named_and_one_of_that_length_passes():
    assert len(encode([row("w1 w2", "w3")], PLAIN, 4, "rows")[0].input_ids) == 4
    with pytest.raises(InputError, match="rows: row 'nq:7' has 4 tokens .*max_length is 3"):
        encode([row("w1 w2", "w3", "nq:7")], PLAIN, 3, "rows")


def test_a_row_without_target_or_with_an_empty_prompt_is_named():
    with pytest.raises(InputError, match="rows: no column 'target'"):
        encode([{"id": "nq:7", "prompt": "w1"}], PLAIN, 9, "rows")
    with pytest.raises(InputError, match="rows: row 'nq:7' has an empty prompt"):
        encode([row("", "w1", "nq:7")], PLAIN, 9, "rows")


def test_a_tokenizer_without_eos_is_refused():
    tokenizer = tiny_llama.tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="no eos_token"):
        encode([row("w1", "w2")], tokenizer, 9, "rows")


def test_rows_without_copies_count_once_and_odd_copies_are_refused():
    assert copies([{"id": "a"}]) == [1]
    for odd in (0, -1, 1.5, True, None):
        with pytest.raises(InputError, match="row 'a': copies: expected a whole number from 1"):
            copies([{"id": "a", "copies": odd}])
