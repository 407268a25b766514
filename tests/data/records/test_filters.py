import pytest

from reset.data.records import filters

RECORD = {
    "instruction": "i",
    "question": "q",
    "context": ["In New York papers."],
    "references": ["New York"],
}


@pytest.mark.parametrize(
    ("keep", "column", "reason"),
    [
        (filters.has_instruction, "instruction", "empty instruction"),
        (filters.has_response, "references", "empty response"),
        (filters.has_question, "question", "empty question"),
        (filters.has_answer, "references", "no gold answer"),
        (filters.has_passage, "context", "no passage"),
        (filters.has_document, "context", "empty document"),
        (filters.has_summary, "references", "empty summary"),
    ],
)
def test_an_empty_column_is_a_reason_to_drop(keep, column, reason):
    assert keep({}, RECORD) is None
    assert keep({}, RECORD | {column: type(RECORD[column])()}) == reason


def test_one_gold_answer_in_one_passage_is_enough():
    assert filters.answer_mentioned({}, RECORD | {"references": ["Paris", "new york"]}) is None
    assert (
        filters.answer_mentioned({}, RECORD | {"references": ["Paris", "York, New"]})
        == "gold answer in no passage"
    )
    assert (
        filters.answer_mentioned({}, RECORD | {"references": ["the", "?"]})
        == "gold answer in no passage"
    )


def test_a_passage_supports_an_answer_if_it_is_its_source_or_holds_it():
    free = RECORD | {"references": ["It is in America."]}
    assert filters.answer_supported({}, free | {"sources": RECORD["context"]}) is None
    assert filters.answer_supported({}, RECORD | {"sources": []}) is None
    assert (
        filters.answer_supported({}, free | {"sources": ["not shown"]})
        == "no passage supports an answer"
    )
