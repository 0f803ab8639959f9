"use strict";
// What a page of a cleaning answers: sliders on thresholds, and texts where a part is opened. Data in, numbers out; nothing is
// fetched. A slider moves among a rule's cuts; of each document a byte says how many cuts its score lies beyond, so that what fails
// at a cut is known exactly.
(async () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, where = document) => [...where.querySelectorAll(selector)];
  const unpack = async text => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const JUDGED = 0, STAYS = 2, LEADS = 4, NOT_ASKED = 255;
  const count = value => Math.round(value).toLocaleString("en-US");
  const size = value => {
    for (const [scale, unit] of [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]])
      if (value >= scale) return `${value / scale >= 100 ? (value / scale).toFixed(0) : (value / scale).toFixed(1)} ${unit}`;
    return `${Math.round(value)} B`;
  };
  const say = (language, key, slots = {}) =>
    data.words[language][key].replace(/\{(\w+)\}/g, (whole, name) => name in slots ? slots[name] : whole);
  const languageOf = node => node.closest("article").classList.contains("zh") ? "zh" : "en";
  const element = (name, look, text = "") => {
    const node = document.createElement(name);
    if (look) node.className = look;
    node.textContent = text;
    return node;
  };

  // Texts ----------------------------------------------------------------------------------------------------------------------
  let texts = null, refresh = () => {};
  const pieces = (node, parts) => {
    for (const [mark, text] of parts)
      node.append(mark === 2 ? element("span", "cut", "…") : mark === 1 ? element("mark", "", text) : document.createTextNode(text));
    return node;
  };
  const showExamples = async list => {
    if (list.childElementCount) return;
    texts ??= unpack(data.texts).then(bytes => JSON.parse(new TextDecoder().decode(bytes)));
    const found = (await texts)[list.dataset.examples] || [];
    if (list.childElementCount) return;
    const language = languageOf(list);
    let head = "";
    for (const one of found) {
      if (one.head && one.head !== head) list.append(element("li", "head", say(language, head = one.head)));
      const item = element("li", "example");
      const quote = pieces(element("q", "text"), one.text);
      if (one.tag) quote.lang = one.tag;
      quote.dir = "auto";
      const line = element("small");
      line.append(Object.assign(element("bdi"), {textContent: one.source}));
      if (one.measure) line.append(` · ${one.measure[language]}`);
      if (one.panel != null) Object.assign(item.dataset, {panel: one.panel, code: one.code, kept: Number(one.kept)});
      line.append(element("b", "turn"));
      item.append(quote, line);
      list.append(item);
    }
    if (!found.length) list.append(element("li", "note", say(language, "none")));
    refresh(list);
  };
  for (const details of all("details"))
    details.addEventListener("toggle", () => details.open && all("[data-examples]", details).forEach(showExamples));
  for (const details of all("details[open]")) all("[data-examples]", details).forEach(showExamples);

  // Thresholds -----------------------------------------------------------------------------------------------------------------
  if (!data.panels) return void (document.documentElement.dataset.ready = "1");
  const {rows, of: whole, panels, rules} = data;
  const bytes = await unpack(data.columns);
  let offset = 0;
  const take = length => bytes.subarray(offset, offset += length);
  const numbers = length => new Uint32Array(take(4 * length).slice().buffer);
  const state = take(rows), family = take(rows), weights = numbers(rows), paired = numbers(data.paired), groupOf = numbers(data.paired);
  const codes = rules.map(() => take(rows));
  const group = new Uint32Array(rows), numbered = new Map();
  paired.forEach((row, index) => {
    if (!numbered.has(groupOf[index])) numbered.set(groupOf[index], numbered.size + 1);
    group[row] = numbered.get(groupOf[index]);
  });
  const seen = new Uint32Array(numbered.size + 1);
  const start = panels.map(panel => panel.place), places = start.map(() => NaN);
  const fails = new Uint8Array(rows), which = new Uint16Array(rows);  // rules that a document fails, and these joined by xor
  const failing = panels.map(() => [0, 0]);  // documents and bytes
  const failsAt = (panel, code, place) => code !== NOT_ASKED && (panel.most ? code > place : code <= place);
  const members = panels.map(panel => {
    const column = codes[panel.rule], found = [];
    for (let row = 0; row < rows; row++) if (family[row] === panel.family && column[row] !== NOT_ASKED) found.push(row);
    return Uint32Array.from(found);
  });
  const move = (index, place) => {
    const panel = panels[index], column = codes[panel.rule], before = places[index];
    for (const row of members[index]) {
      const was = !Number.isNaN(before) && failsAt(panel, column[row], before), is = failsAt(panel, column[row], place);
      if (was === is) continue;
      const step = is ? 1 : -1;
      fails[row] += step;
      which[row] ^= index + 1;
      failing[index][0] += step;
      failing[index][1] += step * weights[row];
    }
    places[index] = place;
  };
  let stamp = 0;
  const tally = (passes, keeps) => {
    const total = {kept: 0, bytes: 0, come: 0, go: 0, unknown: 0, leads: 0}, alone = panels.map(() => [0, 0]);
    stamp++;
    const note = (row, pass, keep) => {
      if (keep) { total.kept++; total.bytes += weights[row]; }
      if (!first) { passes[row] = pass; keeps[row] = keep; return; }
      if (keep && !first.keeps[row]) total.come++;
      if (!keep && first.keeps[row]) { total.go++; if (state[row] & LEADS) total.leads++; }
      if (pass && !first.passes[row]) total.unknown++;
    };
    const passing = row => (state[row] & 3) === JUDGED ? fails[row] === 0 : (state[row] & 3) === STAYS;
    for (let row = 0; row < rows; row++) {
      if ((state[row] & 3) === JUDGED && fails[row] === 1) {
        alone[which[row] - 1][0]++;
        alone[which[row] - 1][1] += weights[row];
      }
      if (!group[row]) { const pass = passing(row); note(row, pass, pass); }
    }
    for (const row of paired) {  // of equal ones the best that passes, and whatever stays anyway
      const pass = passing(row), taken = seen[group[row]] === stamp;
      const keep = pass && (!taken || (state[row] & 3) === STAYS);
      if (keep) seen[group[row]] = stamp;
      note(row, pass, keep);
    }
    return {total, alone};
  };
  let first = null;
  panels.forEach((_, index) => move(index, start[index]));
  const passes = new Uint8Array(rows), keeps = new Uint8Array(rows);
  const beginning = tally(passes, keeps);
  first = {passes, keeps};

  const scale = whole / rows, sampled = rows < whole;
  const about = value => (sampled && value ? "≈ " : "") + count(value * scale);
  const limit = (index, language) => {
    const panel = panels[index], place = places[index];
    if (place === (panel.most ? panel.cuts.length : -1)) return say(language, "turned-off");
    return say(language, panel.most ? "most" : "least", {value: panel.cuts[place].toLocaleString("en-US", {maximumSignificantDigits: 6})});
  };
  const margin = kept => 2 * Math.sqrt(kept / rows * (1 - kept / rows) / rows) * whole;
  const certainty = (language, total) => {
    if (sampled) return say(language, "sampled", {rows: count(rows), of: count(whole), margin: count(margin(total.kept))});
    const notes = [];
    if (total.unknown) notes.push(say(language, "unknown", {n: count(total.unknown)}));
    if (total.leads) notes.push(say(language, "leads", {n: count(total.leads)}));
    return notes.join(language === "zh" ? "" : " ") || say(language, "exact");
  };
  const settings = language => rules.flatMap((rule, number) => {
    const mine = panels.map((panel, index) => index).filter(index => panels[index].rule === number);
    const moved = mine.filter(index => places[index] !== start[index]);
    if (!moved.length) return [];
    const values = new Set(mine.map(index => limit(index, language))), [index] = moved, place = places[index];
    const value = panels[index].cuts[place] ?? "null";
    if (values.size === 1) return [{code: `--set clean.rules.${rule}=${value}`}];
    return moved.map(each => ({text: say(language, "of-language", {rule, language: data.families[language][panels[each].family], limit: limit(each, language)})}));
  });
  refresh = where => {
    for (const item of all("li[data-panel]", where)) {
      const index = data.first[item.closest("[data-examples]").dataset.examples] + Number(item.dataset.panel);
      const goes = failsAt(panels[index], Number(item.dataset.code), places[index]), went = item.dataset.kept === "0";
      item.classList.toggle("turned", goes !== went);
      item.querySelector(".turn").textContent = goes === went ? "" : ` · ${say(languageOf(item), goes ? "would-go" : "would-pass")}`;
    }
  };
  const show = () => {
    const {total, alone} = tally(), moved = places.some((place, index) => place !== start[index]);
    panels.forEach((panel, index) => {
      for (const node of all(`[data-panel="${index}"].panel`)) {
        const language = languageOf(node), edge = (places[index] + 1) / (panel.cuts.length + 1) * 360;
        const area = node.querySelector(".fails"), slider = node.querySelector("input");
        area.setAttribute("x", panel.most ? edge : 0);
        area.setAttribute("width", panel.most ? 360 - edge : edge);
        node.querySelector(".line").setAttribute("transform", `translate(${edge} 0)`);
        slider.value = places[index];
        slider.setAttribute("aria-valuetext", limit(index, language));
        node.querySelector(".limit").textContent = limit(index, language);
        node.querySelector(".effect").textContent = say(language, "effect", {
          fails: about(failing[index][0]), bytes: size(failing[index][1] * scale), alone: about(alone[index][0])});
        node.classList.toggle("moved", places[index] !== start[index]);
      }
    });
    for (const node of all(".total")) {
      const language = languageOf(node);
      Object.assign(node.dataset, {kept: total.kept, bytes: total.bytes, come: total.come, go: total.go, unknown: total.unknown});
      node.querySelector(".sum").textContent = say(language, "sum", {
        kept: about(total.kept), of: count(whole), share: `${(100 * total.kept / rows).toFixed(1)}%`, bytes: size(total.bytes * scale)});
      node.querySelector(".change").textContent = total.come || total.go
        ? say(language, "change", {come: about(total.come), go: about(total.go)}) : say(language, moved ? "same" : "as-run");
      node.querySelector(".certainty").textContent = certainty(language, total);
      const list = node.querySelector(".settings");
      list.replaceChildren(...settings(language).map(each => each.code ? element("code", "", each.code) : element("span", "", each.text)));
      node.querySelector("button").hidden = !list.childElementCount;
    }
    all("[data-examples]").forEach(refresh);
  };
  let waiting = 0;
  const soon = () => { waiting ||= setTimeout(() => { waiting = 0; show(); }); };  // once for all events that wait
  for (const slider of all(".panel input")) {
    slider.disabled = false;
    slider.addEventListener("input", () => { move(Number(slider.closest(".panel").dataset.panel), Number(slider.value)); soon(); });
  }
  for (const button of all(".total button"))
    button.addEventListener("click", () => { panels.forEach((_, index) => move(index, start[index])); soon(); });
  for (const node of all(".total")) node.hidden = false;
  show();
  Object.assign(document.documentElement.dataset, {ready: "1", kept: beginning.total.kept});
})();
