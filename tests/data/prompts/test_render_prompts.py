import pytest

from reset.core import io
from reset.core.errors import InputError
from reset.data.prompts import render_prompts, templates
from reset.data.prompts.render_prompts import PromptSettings
from reset.data.prompts.truncation import SPECIAL_TOKENS, TokenCounter
from reset.data.records import parallel_jsonl
from reset.text import constraints

PAPER = templates.load("paper")


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    """Counts words and marks; every character of other scripts is a token of its own."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"[a-zA-Z0-9]+|[^\s]"), "removed", invert=True
    )
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    tokenizer.save(str(path))
    return TokenCounter(str(path))


def qa(context, answer="gold", native=1, task="extractive_qa"):
    return {
        "id": f"nq:{native}",
        "dataset": "nq",
        "task": task,
        "instruction": "",
        "question": "which word ?",
        "context": context,
        "references": [answer],
    }


def run(
    folder, rows, counter, policy="trim_context", limit=100, evaluation=(), answer=1, share=0.0
):
    io.write(folder / "in/train.jsonl", rows)
    io.write(folder / "in/eval.jsonl", evaluation)
    settings = PromptSettings("paper", policy, limit, share, answer)
    counts = render_prompts.prompt_folder(folder / "in", folder / "out", PAPER, counter, settings)
    return counts, io.read(folder / "out/train.jsonl")


def length(row, counter):
    return sum(counter.counts([row["prompt"], row["target"]])) + SPECIAL_TOKENS


LONG = " ".join(f"w{n}" for n in range(500))


def test_a_row_that_fits_is_rendered_whole(tmp_path, counter):
    counts, [row] = run(tmp_path, [qa(["the gold word"])], counter)
    assert row["prompt"] == PAPER.render(qa(["the gold word"]))
    assert (row["target"], row["instruction"]) == ("gold", PAPER.instructions["extractive_qa"])
    assert list(row) == [
        "id",
        "dataset",
        "task",
        "instruction",
        "question",
        "context",
        "references",
        "prompt",
        "target",
    ]
    assert counts["train"] == {
        "read": 1,
        "dropped": {},
        "kept": 1,
        "cut": 0,
        "cut_share": 0.0,
        "long_targets": 0,
        "prompt_words": len(row["prompt"].split()),
        "target_words": 1.0,
    }
    assert counts["eval"]["read"] == 0


@pytest.mark.parametrize("limit", [90, 91, 100, 137, 300])
def test_trimming_cuts_the_context_alone_and_no_more_than_it_must(tmp_path, counter, limit):
    counts, [row] = run(tmp_path, [qa(["the gold word", LONG, LONG])], counter, limit=limit)
    assert length(row, counter) == limit
    assert row["prompt"].endswith("\nwhich word ?\n\n### Response:")
    assert row["prompt"] == PAPER.render(row)
    assert row["context"][0] == "the gold word"
    assert LONG.startswith(row["context"][1])
    assert counts["train"]["cut_share"] == 1.0


def test_targets_longer_than_any_answer_are_kept_and_counted(tmp_path, counter):
    rows = [qa(["the gold word"], native=1), qa(["one two three"], "one two three", native=2)]
    counts, kept = run(tmp_path, rows, counter, limit=300, answer=2)
    assert (counts["train"]["long_targets"], len(kept)) == (1, 2)


@pytest.mark.parametrize("answer", [4, 5, 12])
def test_every_prompt_leaves_room_for_an_answer_longer_than_its_target(tmp_path, counter, answer):
    rows = [qa(["the gold word", LONG, LONG])]
    counts, [row] = run(tmp_path, rows, counter, limit=120, evaluation=rows, answer=answer)
    assert io.read(tmp_path / "out/eval.jsonl") == [row]
    assert (
        counter.counts([row["prompt"]])[0]
        + max(answer, counter.counts(["gold"])[0])
        + SPECIAL_TOKENS
        == 120
    )


def test_a_short_row_counts_with_the_room_for_an_answer(tmp_path, counter):
    row = qa(["the gold word"])
    alone = counter.counts([PAPER.render(row)])[0] + SPECIAL_TOKENS
    assert run(tmp_path, [row], counter, "drop", alone + 30, answer=30)[1]
    with pytest.raises(InputError, match="over-long"):
        run(tmp_path, [row], counter, "drop", alone + 29, answer=30)


def test_an_extractive_row_whose_answer_is_cut_off_is_dropped_and_counted(tmp_path, counter):
    rows = [qa([f"{LONG} gold"]), qa([f"gold {LONG}"], native=2)]
    counts, kept = run(tmp_path, rows, counter)
    assert [row["id"] for row in kept] == ["nq:2"]
    assert counts["train"]["dropped"] == {"gold answer in the part cut off": 1}


def test_an_abstractive_row_whose_support_is_cut_off_is_dropped_and_counted(tmp_path, counter):
    def row(native, context, **marks):
        return qa(context, "said otherwise", native, "abstractive_qa") | marks

    rows = [
        row(1, [LONG, "the source"], sources=["the source"]),
        row(2, ["the source", LONG], sources=["the source"]),
        row(
            3, ["nothing", f"the source {LONG}"], sources=[f"the source {LONG}"]
        ),  # its beginning alone is left
        row(4, ["It is said otherwise.", LONG], sources=[LONG]),
        row(5, [LONG, "a passage of one's own"]),
    ]
    counts, kept = run(tmp_path, rows, counter)
    assert [row["id"] for row in kept] == ["nq:2", "nq:4", "nq:5"]
    assert counts["train"]["dropped"] == {"all support of an answer in the part cut off": 2}
    assert counts["train"]["cut"] == 3
    assert not any("sources" in row for row in kept)


def test_a_summary_may_lose_any_part_of_its_document(tmp_path, counter):
    row = qa([f"{LONG} gold"], task="summarization") | {"question": ""}
    _, [kept] = run(tmp_path, [row], counter)
    assert length(kept, counter) == 100


def test_what_cannot_be_shortened_is_dropped_and_never_cut(tmp_path, counter):
    request = qa([]) | {"task": "instruction", "instruction": LONG, "question": ""}
    long_target = qa(["gold"], answer=f"gold {LONG}", native=2)
    counts, kept = run(tmp_path, [request, long_target, qa(["gold"], native=3)], counter)
    assert [row["id"] for row in kept] == ["nq:3"]
    assert counts["train"]["dropped"] == {"over-long without its context": 2}


def test_drop_and_raise_do_as_they_say(tmp_path, counter):
    rows = [qa(["gold"]), qa([f"gold {LONG}"], native=2)]
    counts, kept = run(tmp_path, rows, counter, "drop")
    assert [row["id"] for row in kept] == ["nq:1"]
    assert counts["train"]["dropped"] == {"over-long": 1}
    with pytest.raises(
        InputError,
        match=r"train\.jsonl:2: row 'nq:2' needs \d+ tokens .*more than data\.max_tokens \(100\)",
    ):
        run(tmp_path, rows, counter, "raise")
    assert io.read(tmp_path / "out/train.jsonl") == kept


def test_a_limit_shorter_than_the_template_is_an_error(tmp_path, counter):
    with pytest.raises(InputError, match="no row is left"):
        run(tmp_path, [qa(["gold"])], counter, limit=20)


def test_other_scripts_are_counted_and_not_guessed(tmp_path, counter):
    counts, [row] = run(tmp_path, [qa(["gold " + "\ufdfa" * 300])], counter, limit=200)
    assert length(row, counter) <= 200
    assert counts["train"]["cut"] == 1


def test_evaluation_rows_without_references_get_an_empty_target(tmp_path, counter):
    request = qa([]) | {
        "task": "instruction",
        "instruction": "Say hello.",
        "question": "",
        "references": [],
    }
    run(tmp_path, [], counter, evaluation=[request])
    assert io.read(tmp_path / "out/eval.jsonl")[0]["target"] == ""


def test_many_processes_write_what_one_writes(tmp_path, counter, monkeypatch):
    rows = [qa([f"gold {LONG[: n % 700]}"], native=n) for n in range(300)]
    counts, alone = run(tmp_path, rows, counter)
    monkeypatch.setattr(parallel_jsonl, "ALONE", 0)
    monkeypatch.setattr(
        parallel_jsonl, "split", lambda path, split=parallel_jsonl.split: split(path, 5000)
    )
    assert run(tmp_path, rows, counter) == (counts, alone)


def test_a_model_without_a_readable_tokenizer_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: no tokenizer"):
        TokenCounter(str(tmp_path / "tokenizer.json"))


def test_constraints_stand_in_the_prompt_and_targets_meet_them(tmp_path, counter):
    passages = ["Golden pigs are rare animals.", "They eat fish in winter."]
    rows = [qa(passages, "Golden pigs are rare animals.", native=n) for n in range(60)]
    asked = qa([], task="instruction") | {"id": "dolly:1", "instruction": "say gold"}
    counts, kept = run(
        tmp_path, [*rows, asked], counter, evaluation=rows, limit=300, answer=50, share=0.5
    )
    with_any = [row for row in kept if "constraints" in row]
    assert 15 < len(with_any) < 45
    assert "constraints" not in kept[-1]
    for row in with_any:
        [item] = row["constraints"]
        assert constraints.met(item, row["target"], row["context"])
        assert row["instruction"].endswith(constraints.wording([item]))
        assert row["instruction"] in row["prompt"]
    evaluated = io.read(tmp_path / "out/eval.jsonl")
    names = {row["id"] for row in evaluated if "constraints" in row}
    assert names == {row["id"] for row in with_any}
    kinds = {row["constraints"][0]["kind"] for row in evaluated if "constraints" in row}
    assert kinds & {"bullets", "json", "numbered", "upper_case"}


def test_a_share_of_constraints_leaves_the_other_rows_as_they_are(tmp_path, counter):
    rows = [qa(["Golden pigs are rare animals."], "golden", native=n) for n in range(40)]
    _, without = run(tmp_path / "off", rows, counter, limit=300)
    _, half = run(tmp_path / "half", rows, counter, limit=300, share=0.5)
    same = [pair for pair in zip(without, half, strict=True) if "constraints" not in pair[1]]
    assert 0 < len(same) < 40
    assert all(off == on for off, on in same)


def test_a_quote_whose_sentence_was_cut_off_is_no_longer_asked_for(tmp_path, counter):
    last = "the gold stands here"
    rows = [
        qa(["gold. " + LONG, last], last, "m", "summarization") | {"id": f"s:{n}"}
        for n in range(150)
    ]
    _, kept = run(tmp_path, rows, counter, limit=120, share=1.0)
    drawn = [constraints.draw(row, 1.0, last)[0]["kind"] for row in rows]
    assert "quote" in drawn
    assert len(kept) == 150
    for row, kind in zip(kept, drawn, strict=True):
        assert length(row, counter) <= 120
        assert ("constraints" in row) == (kind != "quote")
        assert (row["instruction"] == PAPER.instructions["summarization"]) == (kind == "quote")
        assert row["prompt"] == PAPER.render(row)
