"""The page in headless Chromium: search finds, filters filter, links and keys work, nothing
overflows, nothing fails, and axe-core finds no fault in contrast, names and structure, on light and
dark screens.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from reset.report import document, results, sample_browser, sections
from tests.support import made_up_study

playwright = pytest.importorskip(
    "playwright.sync_api", reason='no playwright: pip install -e ".[test]"'
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found: apt-get install chromium"),
]
AXE = "axe-core-4.14.1.tgz"  # of the npm registry
WORK = Path(".work").resolve()
FOCUS = """(() => {
  const focused = document.activeElement;
  const name = focused.id || focused.className || focused.tagName;
  return [name, getComputedStyle(focused).outlineStyle];
})()"""
CLOCK = """([id, value]) => new Promise((done) => {
  const count = document.getElementById("count"), field = document.getElementById(id);
  const started = performance.now();
  const shown = () => done([performance.now() - started, count.textContent]);
  new MutationObserver(shown).observe(count, {childList: true});
  field.value = value;
  field.dispatchEvent(new Event("input", {bubbles: true}));
})"""
STEPS = (
    ("query", "person 499"),
    ("dataset", "nq"),
    ("filter", "disagree"),
    ("low", "1"),
    ("sort", "gap"),
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    root, before = tmp_path_factory.mktemp("page"), os.getcwd()
    made_up_study.write(root, seeds=(0, 1), prompts=6)
    os.chdir(root)
    try:
        found = results.load(
            results.ReportSettings(samples=54, draws=50, seed=0),
            [0, 1],
            list(made_up_study.SETS),
            made_up_study.ASKED,
        )
        return document.page(found, sections.draw(found))
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory, html):
    path = tmp_path_factory.mktemp("address") / "index.html"
    path.write_text(html)
    return path.as_uri()


@pytest.fixture
def visit(chromium, address):
    """A function that opens the page, its `place` after '#' included; no script may fail, no
    request be made.
    """
    failures, pages = [], []

    def opened(place="", at=address, width=1280, **settings):
        page = chromium.new_page(viewport={"width": width, "height": 900}, **settings)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on(
            "console",
            lambda said: failures.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on(
            "request",
            lambda asked: failures.append(asked.url) if not asked.url.startswith(at) else None,
        )
        page.goto(at + place)
        pages.append(page)
        return page

    yield opened
    assert failures == []
    for page in pages:
        page.close()


def searched(page):
    """The page, once its search is through."""
    page.wait_for_selector("#items[aria-busy=false]", state="attached")
    return page


def found(page):
    """How many prompts the page says that it found."""
    return int(searched(page).locator("#count").inner_text().split()[0])


def showing(page, count):
    """Wait until `count` opened prompts show their text: a browser tells of an opened one only
    afterwards.
    """
    playwright.expect(page.locator("#items details[open] .body")).to_have_count(count)


def facts(page):
    return searched(page).locator("#items summary .facts").all_inner_texts()


def test_search_finds_words_in_prompts_and_answers_and_marks_them(visit):
    page = visit()
    assert found(page) == 54
    page.fill("#query", "PERSON 3")
    assert 0 < found(page) <= 54
    page.locator("#items summary").first.click()
    showing(page, 1)
    assert {"person", "3"} <= {
        text.lower() for text in page.locator("#items mark").all_inner_texts()
    }
    for words in ("no such words", "a+(b"):
        page.fill("#query", words)
        assert found(page) == page.locator("#items li").count() == 0


def test_filters_and_sorting_keep_and_order_what_they_say(visit):
    page = visit()
    page.select_option("#dataset", "wikisum")
    wikisum = facts(page)
    assert len(wikisum) == 6 and all(told.startswith("wikisum ") for told in wikisum)
    page.select_option("#dataset", "")
    page.select_option("#filter", "disagree")
    assert 0 < found(page) <= 36
    page.select_option("#filter", "all")
    page.fill("#low", "2.5")
    high = facts(page)
    assert high and all(number("best", told) >= 2.5 for told in high)
    page.fill("#low", "")
    ordered = {}
    for order in ("worst", "best", "gap"):
        page.select_option("#sort", order)
        ordered[order] = [number("gap" if order == "gap" else "best", told) for told in facts(page)]
    assert (
        ordered["worst"] == sorted(ordered["worst"]) and ordered["worst"][0] < ordered["worst"][-1]
    )
    assert ordered["best"] == sorted(ordered["best"], reverse=True)
    assert ordered["gap"] == sorted(ordered["gap"], reverse=True) and ordered["gap"][0] > 0
    page.click("button[type=reset]")
    assert found(page) == 54


def number(name, told):
    return float(re.search(rf"{name} ([\d.]+)", told).group(1))


def test_a_prompt_shows_all_candidates_with_scores_and_one_winner(visit):
    page = visit()
    expected = {
        "0": (7, 1),
        "1": (14, 1),
        "2": (len(made_up_study.LEVELS) - len(made_up_study.ENDS), 0),
    }
    texts = []
    for source, (answers, winners) in expected.items():
        page.select_option("#source", source)
        first = searched(page).locator("#items details").first
        first.locator("summary").click()
        playwright.expect(first.locator(".answer")).to_have_count(answers)
        playwright.expect(first.locator(".answer.chosen")).to_have_count(winners)
        texts.append(first.locator(".answers").inner_text())
    assert "total" in texts[0] and "★ temperature" in texts[0]
    assert "reset_s" in texts[2] and page.locator("#items script").count() == 0


def test_a_view_can_be_linked_to_and_a_prompt_opened_by_its_id(visit):
    page = visit("#source=1&open=wikisum%3A5")
    assert page.locator("#items details[open] dd a").inner_text() == "wikisum:5"
    assert page.input_value("#source") == "1"
    page.evaluate("location.hash = 'source=0&query=person+4&dataset=nq'")
    page.wait_for_function("document.getElementById('query').value === 'person 4'")
    linked = facts(page)
    assert linked and all(told.startswith("nq ") for told in linked)


@pytest.mark.parametrize("name", ["source", "dataset", "filter", "sort", "low", "page"])
@pytest.mark.parametrize("value", ["nonsense", "-1.5", "constructor"])
def test_a_value_that_the_page_does_not_know_counts_as_none(visit, name, value):
    page = visit(f"#{name}={value}&query=person")
    for field, usual in (("source", "0"), ("dataset", ""), ("filter", "all"), ("sort", "given")):
        assert page.input_value(f"#{field}") == usual
    assert found(page) == 54 and page.locator("#items > li").count() == 20
    page.select_option("#filter", "differ")
    assert 0 < found(page) <= 54


def test_links_of_the_page_lead_to_their_sections(visit):
    page = visit()
    links = page.locator("nav[aria-label=Sections] a")
    assert links.count() >= 14
    for place in range(links.count()):
        target = links.nth(place).get_attribute("href")
        links.nth(place).click()
        page.wait_for_function("target => location.hash === target", arg=target)
        assert page.locator(target).locator("h2").count() == 1


def test_pages_turn_and_every_prompt_is_on_exactly_one(visit):
    page = visit()
    counts = [page.locator("#items > li").count()]
    while page.locator("#next").is_enabled():
        page.click("#next")
        counts.append(page.locator("#items > li").count())
    assert counts == [20, 20, 14]
    page.click("#previous")
    assert page.locator("#page").inner_text() == "page 2 of 3"
    playwright.expect(page).to_have_url(re.compile("#page=2$"))


def test_the_page_can_be_used_without_a_mouse(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    playwright.expect(page).to_have_url(re.compile("#results$"))
    reached, outlined = [], []
    for _ in range(200):
        page.keyboard.press("Tab")
        name, style = page.evaluate(FOCUS)
        reached.append(name)
        outlined.append(style)
        if name == "next":
            break
    wanted = {
        "scroll",
        "source",
        "query",
        "dataset",
        "filter",
        "low",
        "high",
        "sort",
        "open",
        "SUMMARY",
        "next",
    }
    assert wanted <= set(reached) and set(outlined) == {"solid"}
    page.focus("#query")
    page.keyboard.type("wikisum:5")
    assert found(page) == 1
    page.focus("#items summary")
    page.keyboard.press("Enter")
    playwright.expect(page.locator("#items details[open] .answer")).to_have_count(7)


def test_headings_go_down_one_level_at_a_time(visit):
    levels = visit().evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])"
    )
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.fixture(scope="module")
def axe():
    """The source of axe-core, from the npm registry."""
    packed = WORK / AXE
    if not packed.exists():
        if not shutil.which("npm"):
            pytest.skip("no npm to fetch axe-core with: apt-get install npm")
        WORK.mkdir(exist_ok=True)
        wanted = AXE.removesuffix(".tgz").replace("core-", "core@")
        done = subprocess.run(["npm", "pack", wanted], cwd=WORK, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"the npm registry does not give {wanted}: {done.stderr[-200:]}")
    with tarfile.open(packed) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 500])
def test_axe_finds_no_fault(visit, axe, scheme, width):
    page = visit(width=width, color_scheme=scheme)
    page.fill("#query", "person")
    for place in range(3):
        searched(page).locator("#items summary").nth(place).click()
    showing(page, 3)
    page.evaluate(axe)
    told = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert "color-contrast" in {rule["id"] for rule in told["passes"]}
    broken = [(rule["id"], node) for rule in told["violations"] for node in rule["nodes"]]
    wrong = [(name, node["html"], node["failureSummary"]) for name, node in broken]
    assert wrong == []


def test_the_dark_page_is_dark_and_the_light_one_light(visit):
    shades = {}
    for scheme in ("light", "dark"):
        page = visit(color_scheme=scheme)
        colours = [page.evaluate("getComputedStyle(document.body).backgroundColor")]
        colours.append(
            page.evaluate(
                "getComputedStyle(document.querySelector('.figure text[font-weight=bold]')).fill"
            )
        )
        shades[scheme] = [sum(map(int, re.findall(r"\d+", colour))) / 3 for colour in colours]
    assert shades["light"][0] > 200 > 60 > shades["light"][1]
    assert shades["dark"][0] < 60 < 200 < shades["dark"][1]


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_nothing_is_wider_than_the_screen(visit, width):
    page = visit(width=width)
    page.click("#open")
    showing(page, 20)
    assert page.locator("#items .answer").count() > 20
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_everything_is_there_and_nothing_to_click(visit):
    page = visit(width=760, color_scheme="dark")
    page.emulate_media(media="print")
    for name in ("#controls", "#pages", "nav[aria-label=Sections]"):
        assert not page.locator(name).is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    cut = (
        "[...document.querySelectorAll('.scroll')].filter((e) => getComputedStyle(e).overflowX !=="
        " 'visible').length"
    )
    assert page.evaluate(cut) == 0
    assert page.pdf(format="A4").startswith(b"%PDF-")


def test_five_thousand_prompts_of_fourteen_samples_stay_fluid(visit, html, tmp_path):
    candidates = made_up_study.candidates(made_up_study.evaluation(560)[:5000], 14, 0)
    source = {"title": "large", "kind": "pool", "note": "", "rows": sample_browser.pool(candidates)}
    before = re.search(r'(?<=id="samples-data">).*?(?=</script>)', html, re.DOTALL)
    data = json.dumps([source]).replace("<", "\\u003c")
    (tmp_path / "large.html").write_text(html[: before.start()] + data + html[before.end() :])
    page = visit(at=(tmp_path / "large.html").as_uri())
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    spent = {}
    for id, value in STEPS:
        spent[id], told = page.evaluate(CLOCK, [id, value])
        assert re.match(r"[1-9]\d* of 5000 prompts", told)
    assert max(spent.values()) < 1000, spent
    assert loaded < 10_000  # of 10 MB, on a busy machine too
