"""What the project says about the paper: its numbers are those of docs/paper.md, and these those
of the notes on the paper that lie beside the repository.
"""

import re
from pathlib import Path

import pytest
import yaml

from reset.core import params
from reset.report import paper_claims
from tests.docs.test_docs import DOCUMENTS, codes, table

NOTES = Path("../shared/PAPER.md")
FACTS = table("docs/paper.md", "about")
NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")


def numbers(text: str) -> set[str]:
    """The numbers of a text, without thousands' commas; names (LLaMA-7B, figure 9) are none."""
    plain = re.sub(r"arXiv:? [\d.]+|[Ff]igures? \d[\d, and]*|`[^`]*`", "", text)
    return {found.replace(",", "") for found in NUMBER.findall(plain)}


STATED = set().union(*(numbers(fact) for _, fact in FACTS))
WORDS = {"two": "2", "three": "3", "four": "4", "five": "5", "seven": "7"}


def unstated(text: str) -> set[str]:
    return numbers(text) - STATED


def claims(text: str) -> list[str]:
    """The clauses of a text that say something of the paper: from its mention to the next stop."""
    joined = re.sub(r"\s+", " ", text)
    return re.findall(r"[Tt]he paper(?:'s)?\b[^.;:|()]*(?:\.\d[^.;:|()]*)*", joined)


def test_numbers_are_found_and_names_are_none():
    assert numbers(
        "2,000 of LLaMA-7B (figures 9, 11 and 13), 0.49 and 1 % (arXiv 2407.21417) on 8 A100"
    ) == {"2000", "0.49", "1", "8"}
    assert claims("We read. The paper's 480 is long; 7 not. So the paper has 0.5 here.") == [
        "The paper's 480 is long",
        "the paper has 0.5 here",
    ]
    assert unstated("batch 16, or 17") == {"17"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_the_documents_give_the_paper_no_other_numbers(document):
    assert [claim for claim in claims(document.read_text()) if unstated(claim)] == []


def test_what_the_paper_says_stands_among_the_facts():
    for row in table("docs/paper.md", "what"):
        assert not unstated(row[1]), row


def test_code_and_profiles_give_the_paper_no_other_numbers():
    wrong = {}
    for path in [*Path("src").rglob("*.py"), *Path("profiles").glob("*.yaml")]:
        text = re.sub(r"\n\s*# ?", " ", path.read_text())
        found = [claim for claim in claims(text) if unstated(claim)]
        wrong |= {path: found} if found else {}
    assert wrong == {}


def test_the_profiles_paper_values_are_stated():
    lines = Path("profiles/paper.yaml").read_text().splitlines()
    marked = [line for line in lines if "# paper" in line and ": " in line.split("#")[0]]
    assert len(marked) > 15
    for line in marked:
        said = line.split("# paper", 1)[1].split("assumed")[0]
        assert not unstated(said), line
    values = {line.split(":")[0].strip(): line for line in marked}
    for name in ("top_k", "weights", "eval_every", "max_length"):
        assert not numbers(values[name].split("#")[0]) - {*STATED, "1.0"}, name
    assert "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]" in values["temperatures"]


@pytest.mark.parametrize("profile", ["profiles/paper.yaml", "profiles/paper_small.yaml"])
def test_every_value_that_we_assume_is_marked_in_the_profiles(profile):
    text = Path(profile).read_text()
    lines, root = text.splitlines(), yaml.compose(text)
    said = [code for row in table("docs/paper.md", "what") for code in codes(row[2])]
    keys = [code.split(": ")[0] for code in said if ": " in code]
    keys += [f"train.{run}.learning_rate" for run in params.load(profile)["train"]]
    keys.remove("train.shared.learning_rate")
    unmarked = []
    for key in keys:
        node, above = root, []
        for part in key.split("."):
            name, node = next(pair for pair in node.value if pair[0].value == part)
            above.append(lines[name.start_mark.line])
        unmarked += [] if any("assumed" in line for line in above) else [key]
    assert len(keys) > 25 and unmarked == []


def test_the_reports_statements_have_the_papers_numbers():
    for statement in paper_claims.STATEMENTS:
        assert not unstated(statement.says), statement.says


def test_the_paper_is_not_said_to_give_no_number_where_our_copy_lost_it():
    for document in DOCUMENTS:
        text = re.sub(r"\s+", " ", document.read_text())
        assert not re.search(
            r"the paper (?:gives|has|states) no (?:number|value)|no number \|", text
        )
    (rates,) = [fact for about, fact in FACTS if about == "rates"]
    assert "lost in our copy" in rates and not numbers(rates)


@pytest.mark.skipif(not NOTES.exists(), reason="no notes on the paper lie beside the repository")
def test_every_fact_has_the_numbers_of_one_section_of_the_notes():
    sections = re.split(r"^## ", NOTES.read_text(), flags=re.M)
    spoken = [numbers(section) | _spoken(section) for section in sections]
    for about, fact in FACTS:
        assert any(numbers(fact) <= there for there in spoken), (about, numbers(fact))


def _spoken(text: str) -> set[str]:
    return {number for word, number in WORDS.items() if re.search(rf"\b{word}\b", text)}
