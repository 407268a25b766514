import pytest

from reset.data.prompts import templates
from reset.data.prompts.truncation import SPECIAL_TOKENS, TokenCounter, fit, shorten

PAPER = templates.load("paper")


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    """Counts bytes, so line breaks and spaces count too."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(
        models.BPE({c: n for n, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, [])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    tokenizer.save(str(path))
    return TokenCounter(str(path))


def test_tokens_are_counted_text_by_text(counter):
    assert counter.counts(["abc", "", "\u00e9"]) == [3, 0, 2]
    assert counter.counts(["ab"] * 1000) == [2] * 1000
    assert counter.ends("ab\u00e9") == [1, 2, 3, 3]


def test_the_last_passage_is_cut_first(counter):
    assert shorten(["aaaa", "bbbb"], 1, counter) == ["aaaa", "bbb"]
    assert shorten(["aaaa", "bbbb"], 3, counter) == ["aaaa", "b"]
    assert shorten(["aaaa", "bbbb"], 5, counter) == ["aaaa"]  # with the line break before it
    assert shorten(["aaaa", "bbbb"], 7, counter) == ["aa"]
    assert shorten(["aaaa", "bbbb"], 9, counter) == []


def test_a_character_of_several_tokens_goes_as_a_whole(counter):
    assert shorten(["first", "漢字漢字"], 1, counter) == ["first", "漢字漢"]
    assert shorten(["漢字漢字"], 4, counter) == ["漢字"]
    assert shorten(["all of it 😀"], 2, counter) == ["all of it"]
    assert shorten(["😀"], 1, counter) == []


def test_thousands_of_passages_are_cut(counter):
    assert shorten(["a"] * 3000, 5000, counter) == ["a"] * 500


def test_a_context_never_stays_as_it_was(counter):
    for context in (["a"], ["a", ""], ["a", " "], [""], ["\u00e9"]):
        assert shorten(context, 1, counter) != context


@pytest.mark.parametrize("room", [1, 2, 5, 9, 10, 11, 14])
def test_as_much_context_stays_as_has_room(counter, room):
    row = {
        "task": "summarization", "instruction": "", "question": "", "references": ["gold"],
        "context": ["aaaaaaaaa", "bbbb"],
    }  # fmt: skip
    frame = sum(counter.counts([PAPER.render(row, [""]), "gold"])) + SPECIAL_TOKENS
    assert "\n".join(fit(row, PAPER, counter, frame + room)) == "aaaaaaaaa\nbbbb"[:room].rstrip()


def test_no_room_for_any_context_is_no_fit(counter):
    row = {
        "task": "summarization",
        "instruction": "",
        "question": "",
        "references": ["gold"],
        "context": ["aaaa"],
    }
    assert fit(row, PAPER, counter, 50) is None
