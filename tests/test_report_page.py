"""The page in headless Chromium: search finds, filters filter, links and keys work, nothing overflows, nothing fails.

Each test appends a script to a copy of the page, which uses it like a reader and leaves what it saw in the document;
Chromium prints the document. So nothing beside a Chromium is needed.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from reset import browser, report, study
from tests import made_up_study

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found: apt-get install chromium"),
]
WATCH = """<script>
window.failures = [];
addEventListener("error", (event) => failures.push(event.message));
addEventListener("unhandledrejection", (event) => failures.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => failures.push("blocked: " + event.blockedURI));
console.error = (...told) => failures.push(told.join(" "));
</script>"""
ACT = """<script>
(async () => {
  const at = (id) => document.getElementById(id);
  const pause = (time = 200) => new Promise((done) => setTimeout(done, time));
  const set = async (id, value) => {
    at(id).value = value; at(id).dispatchEvent(new Event("input", { bubbles: true })); await pause();
  };
  const titles = () => [...document.querySelectorAll("#items summary .title")].map((title) => title.textContent);
  const facts = () => [...document.querySelectorAll("#items summary .facts")].map((told) => told.textContent);
  const total = () => +at("count").textContent.split(" ")[0];
  const seen = {};
  try { %s } catch (error) { failures.push(String(error)); }
  seen.failures = failures;
  const told = document.createElement("pre");
  told.id = "seen"; told.textContent = JSON.stringify(seen); document.body.append(told);
})();
</script>"""


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    root, before = tmp_path_factory.mktemp("page"), os.getcwd()
    made_up_study.write(root, seeds=(0, 1), prompts=6)
    os.chdir(root)
    try:
        found = study.load(study.Settings(samples=54, draws=50, seed=0), [0, 1], list(made_up_study.SETS))
        return report.page(found, report.figures(found))
    finally:
        os.chdir(before)


def visit(folder, html, steps, address="", width=1280):
    """What `steps` saw on the page: the fields of `seen`, and `failures`, which must be none."""
    path = folder / "index.html"
    path.write_text(html.replace("<head>", "<head>" + WATCH, 1).replace("</body>", ACT % steps + "</body>"))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=20000"]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri() + address], capture_output=True, text=True, timeout=120
    )
    told = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told, done.stderr[-2000:]
    seen = json.loads(told.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert seen["failures"] == []
    return seen


def test_search_finds_words_in_prompts_and_answers_and_marks_them(tmp_path, html):
    steps = """
    seen.all = total();
    await set("query", "PERSON 3"); seen.found = total();
    document.querySelector("#items details").open = true; await pause();
    seen.marks = [...document.querySelectorAll("#items mark")].map((mark) => mark.textContent.toLowerCase());
    await set("query", "no such words"); seen.none = total(); seen.items = titles().length;
    await set("query", "a+(b"); seen.odd = total();
    """
    seen = visit(tmp_path, html, steps)
    assert seen["all"] == 54 and 0 < seen["found"] <= 54
    assert {"person", "3"} <= set(seen["marks"])
    assert seen["none"] == seen["items"] == seen["odd"] == 0


def test_filters_and_sorting_keep_and_order_what_they_say(tmp_path, html):
    steps = """
    await set("dataset", "wikisum"); seen.wikisum = facts();
    await set("dataset", ""); await set("filter", "disagree"); seen.disagree = total();
    await set("filter", "all"); await set("low", "2.5"); seen.high = facts();
    await set("low", ""); await set("sort", "worst");
    const numbers = (name) => facts().map((told) => +told.match(new RegExp(`${name} ([0-9.]+)`))[1]);
    seen.worst = numbers("best"); await set("sort", "best"); seen.best = numbers("best");
    await set("sort", "gap"); seen.gap = numbers("gap");
    at("controls").reset(); await pause(); seen.reset = total();
    """
    seen = visit(tmp_path, html, steps)
    assert len(seen["wikisum"]) == 6 and all(told.startswith("wikisum ") for told in seen["wikisum"])
    assert 0 < seen["disagree"] <= 36
    assert seen["high"] and all(float(re.search(r"best ([\d.]+)", told).group(1)) >= 2.5 for told in seen["high"])
    assert seen["worst"] == sorted(seen["worst"]) and seen["worst"][0] < seen["worst"][-1]
    assert seen["best"] == sorted(seen["best"], reverse=True)
    assert seen["gap"] == sorted(seen["gap"], reverse=True) and seen["gap"][0] > min(seen["worst"])
    assert seen["reset"] == 54


def test_a_prompt_shows_all_candidates_with_scores_and_one_winner(tmp_path, html):
    steps = """
    for (const source of ["0", "1", "2"]) {
      await set("source", source);
      const details = document.querySelector("#items details"); details.querySelector("summary").click(); await pause();
      seen[source] = { answers: details.querySelectorAll(".answer").length,
        winners: details.querySelectorAll(".answer.chosen").length,
        text: details.querySelector(".answers").textContent };
    }
    seen.scripts = document.querySelectorAll("#items script").length;
    """
    seen = visit(tmp_path, html, steps)
    assert [seen[source]["answers"] for source in "012"] == [7, 14, len(made_up_study.LEVELS)]
    assert [seen[source]["winners"] for source in "012"] == [1, 1, 0]
    assert "total" in seen["0"]["text"] and "★ temperature" in seen["0"]["text"]
    assert "reset_s" in seen["2"]["text"] and seen["scripts"] == 0


def test_a_view_can_be_linked_to_and_a_prompt_opened_by_its_id(tmp_path, html):
    steps = """
    await pause();
    const open = document.querySelector("#items details[open]");
    seen.open = open && open.querySelector("dd a").textContent; seen.source = at("source").value;
    location.hash = "source=0&query=person+4&dataset=nq"; await pause();
    seen.query = at("query").value; seen.linked = facts();
    """
    seen = visit(tmp_path, html, steps, address="#source=1&open=wikisum%3A5")
    assert seen["open"] == "wikisum:5" and seen["source"] == "1"
    assert seen["query"] == "person 4" and seen["linked"] and all(told.startswith("nq ") for told in seen["linked"])


def test_pages_turn_and_every_prompt_is_on_exactly_one(tmp_path, html):
    steps = """
    seen.pages = [titles().length];
    while (!at("next").disabled) { at("next").click(); await pause(); seen.pages.push(titles().length); }
    at("previous").click(); await pause(); seen.place = at("page").textContent; seen.address = location.hash;
    """
    seen = visit(tmp_path, html, steps)
    assert seen["pages"] == [20, 20, 14]
    assert seen["place"] == "page 2 of 3" and seen["address"] == "#page=2"


def test_everything_can_be_reached_by_keyboard_and_has_a_name(tmp_path, html):
    steps = """
    const fields = [...document.querySelectorAll("input, select, button")];
    seen.nameless = fields.filter((f) => !(f.labels && f.labels.length) && !f.textContent.trim()).length;
    seen.unreachable = fields.filter((f) => f.tabIndex < 0).length;
    seen.scrolling = [...document.querySelectorAll(".scroll")].every((t) => t.tabIndex === 0 && t.ariaLabel);
    seen.figures = [...document.querySelectorAll("svg")].every((svg) => svg.getAttribute("aria-label"));
    seen.headings = [...document.querySelectorAll("h1, h2, h3")].map((h) => +h.tagName[1]);
    """
    seen = visit(tmp_path, html, steps)
    assert seen["nameless"] == seen["unreachable"] == 0
    assert seen["scrolling"] and seen["figures"]
    assert seen["headings"][0] == 1 and all(
        b - a <= 1 for a, b in zip(seen["headings"], seen["headings"][1:], strict=False)
    )


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_nothing_is_wider_than_the_screen(tmp_path, html, width):
    # Chromium's own window is at least 500 wide, so the page is read in a frame of the wanted width.
    script = """<script>addEventListener("load", () => {
      const frame = document.querySelector("iframe"), inner = frame.contentDocument;
      inner.querySelectorAll("#items details").forEach((details) => { details.open = true; });
      setTimeout(() => { document.body.textContent = JSON.stringify({
        wide: inner.documentElement.scrollWidth, items: inner.querySelectorAll("#items .answer").length }); }, 500);
    });</script>"""
    inner = html.replace("&", "&amp;").replace('"', "&quot;")
    frame = f'<!doctype html><body><iframe width="{width}" height="900" srcdoc="{inner}" style="border:0"></iframe>'
    (tmp_path / "frame.html").write_text(frame + script)
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"]
    done = subprocess.run([*command, (tmp_path / "frame.html").as_uri()], capture_output=True, text=True, timeout=120)
    told = json.loads(re.search(r'\{"wide":.*?\}', done.stdout).group(0))
    assert told["items"] > 0 and told["wide"] <= width


def test_five_thousand_prompts_of_fourteen_samples_are_searched_in_under_a_second(tmp_path, html):
    rows = [row for name in made_up_study.SETS for row in made_up_study.evaluation(560) if row["dataset"] == name][
        :5000
    ]
    source = {"title": "large", "kind": "pool", "note": "", "rows": browser.pool(made_up_study.candidates(rows, 14, 0))}
    data = json.dumps([source]).replace("<", "\\u003c")
    before = re.search(r'(?<=id="samples-data">).*?(?=</script>)', html, re.DOTALL)
    clock = "<script>window.started = performance.now();</script>"
    large = html[: before.start()] + data + html[before.end() :]
    large = large.replace('<script type="application/json"', clock + '<script type="application/json"')
    # The address makes the page's own script parse, search, sort and show before it ends, in real time.
    (tmp_path / "large.html").write_text(
        large.replace(
            "</body>",
            """<script>
      const spent = performance.now() - started;
      document.title = JSON.stringify({ spent, count: document.getElementById("count").textContent });
    </script></body>""",
        )
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    address = (tmp_path / "large.html").as_uri() + "#query=person+499&sort=gap"
    done = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=120)
    told = json.loads(re.search(r"<title>(\{.*?\})</title>", done.stdout).group(1))
    assert re.match(r"[1-9]\d* of 5000 prompts", told["count"])
    assert told["spent"] < 1000, told
