import pytest

from reset.core.errors import InputError
from reset.tools.marked_pages import fill

BLOCK = "<!-- a:start -->\nold\n<!-- a:end -->\n"


def test_only_what_stands_between_the_marks_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BLOCK}after\n")
    fill(str(page), "a", "| new |\n| --- |")
    assert page.read_text() == (
        "before\n<!-- a:start -->\n| new |\n| --- |\n<!-- a:end -->\nafter\n"
    )


@pytest.mark.parametrize(("blocks", "text"), [(0, "<!-- a:start -->\n"), (2, 2 * BLOCK)])
def test_a_page_without_one_such_part_is_named_and_left_alone(tmp_path, blocks, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(InputError, match=f"page.md: expected one block .*, found {blocks}"):
        fill(str(page), "a", "new")
    assert page.read_text() == text
