from reset.core import io
from reset.data.records import support
from reset.text import overlap


def row(reference, *context):
    return {"references": [reference], "context": list(context)}


def test_references_with_little_wording_of_their_context_are_counted(tmp_path):
    supported = row("the clock is reset by hand", "Reset the clock", "by hand, it is said")
    foreign = row("nobody has ever heard of it", "Reset the clock")
    io.write(tmp_path / "train.jsonl", [supported, foreign, supported])
    io.write(tmp_path / "eval.jsonl", [supported])
    expected = {"rows": 4, "below": 0.5, "little_support": 1, "share": 0.25}
    assert support.of_folder(tmp_path) == expected
    assert support.of_rows([])["share"] is None


def test_contexts_of_a_big_file_are_not_held_in_memory():
    held = overlap._known_words.cache_info().currsize
    support.of_rows(row("red", f"red {n}") for n in range(20))
    assert overlap._known_words.cache_info().currsize == held


def test_half_of_the_words_is_enough():
    assert support.of_rows([row("red blue", "red")])["little_support"] == 0
    assert support.of_rows([row("red blue green", "red")])["little_support"] == 1
