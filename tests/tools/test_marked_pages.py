import pytest

from reset.core.errors import InputError
from reset.tools.marked_pages import fill


def test_only_what_stands_between_the_marks_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a:start -->\nold\n<!-- a:end -->\nafter\n")
    fill(str(page), "a", "| new |\n| --- |")
    assert page.read_text() == (
        "before\n<!-- a:start -->\n| new |\n| --- |\n<!-- a:end -->\nafter\n"
    )


def test_a_page_without_the_marks_is_named_and_left_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- a:start -->\n")
    with pytest.raises(InputError, match="page.md: expected the marks <!-- a:start -->"):
        fill(str(page), "a", "new")
    assert page.read_text() == "<!-- a:start -->\n"
