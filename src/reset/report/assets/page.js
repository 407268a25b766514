"use strict";
// The browser of samples. State lives in the address after '#', so that a view can be linked to and reloaded.
(() => {
  const PAGE = 20;
  const at = (id) => document.getElementById(id);
  const fields = ["source", "query", "dataset", "filter", "low", "high", "sort"];
  const sources = JSON.parse(at("samples-data").textContent);
  let found = [], page = 0, wanted = "";

  const element = (tag, kind, text) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const words = () => at("query").value.toLowerCase().split(/\s+/).filter(Boolean);

  // Text of any script, in its own direction, with every searched word marked.
  const marked = (tag, kind, text) => {
    const made = element(tag, kind);
    made.dir = "auto";
    const parts = words().map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    if (!parts.length) { made.textContent = text; return made; }
    text.split(new RegExp(`(${parts.join("|")})`, "i")).forEach((piece, place) => {
      if (place % 2) made.append(element("mark", "", piece)); else made.append(piece);
    });
    return made;
  };

  // What an answer is sorted by: its total or, in the evaluation, the mean of the scores it has.
  const value = (answer) => {
    if (answer.total !== null) return answer.total;
    const present = answer.scores.filter((score) => score !== null);
    return present.length && sources[at("source").value].kind === "evaluation"
      ? present.reduce((sum, score) => sum + score, 0) / present.length : null;
  };

  // Facts of a prompt, computed once: the text to search in, best and worst score, disagreement, missing scores.
  const facts = (row) => {
    if (row.facts) return row.facts;
    const values = row.answers.map(value).filter((score) => score !== null);
    const apart = row.answers.map(({ scores: [task, faithfulness] }) =>
      task === null || faithfulness === null ? 0 : Math.abs(task - faithfulness));
    const best = values.length ? Math.max(...values) : null;
    const texts = [row.id, row.instruction, row.question, ...row.context, row.reference, ...row.answers.map((a) => a.text)];
    row.facts = {
      best, gap: values.length ? best - Math.min(...values) : 0, disagreement: Math.max(0, ...apart),
      missing: values.length < row.answers.length, text: texts.join("\n").toLowerCase(),
    };
    return row.facts;
  };

  const filters = {
    all: () => true,
    differ: (row) => facts(row).gap > 0,
    equal: (row) => facts(row).gap === 0,
    disagree: (row) => facts(row).disagreement >= 0.5,
    missing: (row) => facts(row).missing,
  };
  const orders = {
    gap: (a, b) => facts(b).gap - facts(a).gap,
    worst: (a, b) => (facts(a).best ?? -1) - (facts(b).best ?? -1),
    best: (a, b) => (facts(b).best ?? -1) - (facts(a).best ?? -1),
    disagree: (a, b) => facts(b).disagreement - facts(a).disagreement,
  };

  const search = () => {
    const [asked, dataset, keep] = [words(), at("dataset").value, filters[at("filter").value]];
    const [low, high] = [at("low").value, at("high").value];
    const within = ({ best }) => (low === "" || (best !== null && best >= +low)) && (high === "" || (best !== null && best <= +high));
    found = sources[at("source").value].rows.filter((row) =>
      (!dataset || row.dataset === dataset) && keep(row) && within(facts(row)) && asked.every((word) => facts(row).text.includes(word)));
    const order = orders[at("sort").value];
    if (order) found.sort(order);
  };

  const score = (number) => number === null ? "–" : String(+number.toFixed(2));

  const answer = (given, isInstruction) => {
    const line = element("div", given.winner ? "answer chosen" : "answer");
    line.append(element("div", "label", given.winner ? `★ ${given.label}` : given.label));
    line.append(given.text.trim() ? marked("div", "text", given.text) : element("div", "text empty", "(empty answer)"));
    const [task, faithfulness, instruction] = given.scores;
    const scores = element("div", "scores", isInstruction
      ? `IF ${instruction === null ? "–" : score(instruction * 10)} ` : `task ${score(task)} · faithful ${score(faithfulness)} `);
    if (sources[at("source").value].kind === "pool") scores.append(element("b", "", `total ${score(given.total)}`));
    line.append(scores);
    return line;
  };

  const body = (row) => {
    const made = element("div", "body");
    const list = element("dl");
    const entry = (name, text, kind) => { if (text) list.append(element("dt", "", name), marked("dd", kind, text)); };
    entry("Instruction", row.instruction);
    entry("Context", row.context.join("\n"), "context");
    entry("Question", row.question);
    entry("Reference", row.reference);
    const link = element("a", "", row.id);
    link.href = `#source=${at("source").value}&open=${encodeURIComponent(row.id)}`;
    const place = element("dd"); place.append(link);
    list.append(element("dt", "", "Id"), place);
    const answers = element("div", "answers");
    answers.append(...row.answers.map((given) => answer(given, row.task === "instruction")));
    made.append(list, answers);
    return made;
  };

  const item = (row) => {
    const line = element("li"), details = element("details"), summary = element("summary");
    const { best, gap } = facts(row);
    summary.append(marked("span", "title", row.question || (row.task === "instruction" ? row.instruction : row.context.join(" ").slice(0, 200)) || row.id));
    summary.append(element("span", "facts", `${row.dataset} · best ${score(best)} · gap ${score(gap)}`));
    details.append(summary);
    details.addEventListener("toggle", () => { if (details.open && !details.querySelector(".body")) details.append(body(row)); });
    details.open = row.id === wanted;
    line.append(details);
    return line;
  };

  const show = () => {
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    at("items").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(item));
    const source = sources[at("source").value];
    at("count").textContent = `${found.length} of ${source.rows.length} prompts. ${source.note}`;
    at("page").textContent = `page ${page + 1} of ${pages}`;
    at("previous").disabled = page === 0;
    at("next").disabled = page === pages - 1;
    at("items").ariaBusy = "false";
  };

  const remember = () => {
    const state = new URLSearchParams();
    fields.forEach((name) => { if (at(name).value && at(name).value !== at(name).dataset.usual) state.set(name, at(name).value); });
    if (page) state.set("page", page + 1);
    if (wanted) state.set("open", wanted);
    if (String(state) || location.hash.includes("=")) history.replaceState(null, "", `#${state}`);
  };

  const update = () => { search(); show(); remember(); };

  const datasets = () => {
    const names = [...new Set(sources[at("source").value].rows.map((row) => row.dataset))].sort();
    at("dataset").replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
  };

  const restore = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    if (!location.hash.includes("=")) return false;
    fields.forEach((name) => {
      const isUsable = at(name).type !== "number" || !isNaN(state.get(name));
      at(name).value = (isUsable ? state.get(name) : null) ?? at(name).dataset.usual;
      if (at(name).selectedIndex === -1) at(name).value = at(name).dataset.usual;  // no option of that name
      if (name === "source") datasets();
    });
    wanted = state.get("open") ?? "";
    search();
    const place = found.findIndex((row) => row.id === wanted);
    page = place >= 0 ? Math.floor(place / PAGE) : (Math.trunc(state.get("page")) || 1) - 1;
    show();
    at("samples").scrollIntoView({ behavior: "instant" });
    return true;
  };

  if (!sources.length) { at("samples").hidden = true; return; }
  at("source").append(...sources.map((source, place) => new Option(source.title, place)));
  datasets();
  fields.forEach((name) => { at(name).dataset.usual = at(name).value; });
  let waiting;
  at("controls").addEventListener("input", (event) => {
    if (event.target.id === "source") { datasets(); }
    page = 0; wanted = ""; at("items").ariaBusy = "true";
    clearTimeout(waiting);
    waiting = setTimeout(update, event.target.id === "query" ? 120 : 0);
  });
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  at("controls").addEventListener("reset", () => {
    at("items").ariaBusy = "true";
    setTimeout(() => { datasets(); page = 0; wanted = ""; update(); });
  });
  at("open").addEventListener("click", () => {
    const all = [...at("items").querySelectorAll("details")];
    const open = !all.every((details) => details.open);
    all.forEach((details) => { details.open = open; });
  });
  at("previous").addEventListener("click", () => { page -= 1; wanted = ""; show(); remember(); at("items").scrollIntoView(); });
  at("next").addEventListener("click", () => { page += 1; wanted = ""; show(); remember(); at("items").scrollIntoView(); });
  addEventListener("hashchange", restore);
  if (!restore()) { search(); show(); }
})();
