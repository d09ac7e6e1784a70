// Any measure over any reference on any of the workloads, from the runs' own values; no verdict is among it.
(() => {
  const { make, svg, number, tr } = page;
  // Ratios of one combination's values to another's, by seed: a run without one is infinitely worse, two are a tie.
  const ratio = (ours, oursAt, theirs, theirsAt, same) => {
    const pairs = [];
    let failed = 0;
    oursAt.forEach((seed, i) => {
      const j = theirsAt.indexOf(seed);
      if (j < 0) return;
      const [a, b] = [ours[i] ?? Infinity, theirs[j] ?? Infinity];
      failed += a === Infinity && b === Infinity;
      pairs.push(a === b ? 1 : a / b);
    });
    if (pairs.some((pair) => pair < 0 || Number.isNaN(pair))) return NaN; // of losses of either sign there are no ratios
    if (!pairs.length || (2 * failed >= pairs.length && !same)) return NaN;
    pairs.sort((a, b) => a - b);
    const half = pairs.length >> 1;
    return pairs.length % 2 ? pairs[half] : (pairs[half - 1] + pairs[half]) / 2;
  };
  page.ratio = ratio;
  const box = document.getElementById("chooser");
  if (!box) return;
  const data = JSON.parse(box.dataset.choices);
  const PAGE = "page";
  const FULL = Math.log(2), DEEPEST = 42; // as in the heat map: the deepest colour at twice or half, in percent
  const ROWS = 24;
  const short = (value) => (value >= 1 && value < 10 ? String(Number(value.toPrecision(3))) : number(Number(value.toPrecision(2))));

  const reference = make("select", {}, make("option", { value: PAGE, textContent: tr("the page's") }),
    ...data.combinations.map(([name, label]) => make("option", { value: name, textContent: label })));
  const measure = make("select", {}, ...data.measures.map(([key, label]) => make("option", { value: key, textContent: label })));
  const workloads = data.workloads.map(([name, label]) => {
    const input = make("input", { type: "checkbox", checked: true, value: name });
    return { input, row: make("label", {}, input, label) };
  });
  const everything = make("button", { type: "button", textContent: "" });
  const chosen = make("table", { className: "chosen" });
  const told = make("p", { className: "note" });
  told.setAttribute("role", "status");
  box.append(
    make("p", { className: "tools" }, make("label", {}, tr("Divide"), measure), make("label", {}, tr("by that of"), reference)),
    make("p", { className: "tools" }, ...workloads.map((one) => one.row)),
    told, make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: tr("Ratios by choice") }, chosen), everything);

  const strip = (value, low, high) => {
    const node = svg("svg");
    for (const [name, text] of Object.entries({ viewBox: "0 0 160 16", width: 160, height: 16, "aria-hidden": "true" })) node.setAttribute(name, text);
    const at = (v) => 6 + 148 * (Math.log(v) - low) / (high - low || 1);
    const line = svg("path"), dot = svg("circle");
    line.setAttribute("d", `M${at(1).toFixed(1)} 0v16`);
    line.setAttribute("stroke", "var(--muted)");
    for (const [name, text] of Object.entries({ cx: at(value).toFixed(1), cy: 8, r: 4, fill: "var(--ink)" })) dot.setAttribute(name, text);
    node.append(line, dot);
    return node;
  };
  let all = false;
  const show = () => {
    const at = data.workloads.map((_, w) => w).filter((w) => workloads[w].input.checked);
    const wanted = data.combinations.findIndex(([name]) => name === reference.value);
    const values = data.values[measure.value];
    const rows = data.combinations.map(([, label], c) => {
      const cells = at.map((w) => {
        const base = wanted < 0 ? data.workloads[w][2] : wanted;
        if (base === null || !data.seeds[w][c].length) return { text: "", value: NaN };
        if (base === c) return { text: "ref", value: 1 };
        const found = ratio(values[w][c], data.seeds[w][c], values[w][base], data.seeds[w][base], false);
        return { text: Number.isNaN(found) ? "–" : short(found), value: found };
      });
      const known = cells.map((cell) => cell.value).filter((v) => !Number.isNaN(v));
      const logs = known.map(Math.log);
      return { label, cells, on: known.length, mean: known.length ? Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length) : NaN };
    }).filter((row) => row.on);
    // Whoever ran on fewer workloads stands for other workloads, and below.
    rows.sort((a, b) => b.on - a.on || a.mean - b.mean);
    const ends = rows.map((row) => Math.log(row.mean)).filter(Number.isFinite);
    const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
    const head = make("tr", {}, ...[tr("Combination"), tr("Over these"), tr("On a log scale"), ...at.map((w) => data.workloads[w][1])].map((text) => make("th", { scope: "col", textContent: text })));
    const body = rows.slice(0, all ? rows.length : ROWS).map((row) => {
      const tr = make("tr", {}, make("th", { scope: "row", textContent: row.label }), make("td", { className: "n", textContent: short(row.mean) + (row.on < at.length ? ` (${row.on}/${at.length})` : "") }));
      const td = make("td");
      if (Number.isFinite(row.mean) && row.mean > 0) td.append(strip(row.mean, low, high));
      tr.append(td, ...row.cells.map(({ text, value }) => {
        const cell = make("td", { className: "n", textContent: text });
        if (value > 0 && value !== 1) {
          const depth = Math.min(Math.abs(Math.log(value)) / FULL, 1) * DEEPEST;
          cell.style.backgroundColor = `color-mix(in srgb, var(--hue-${value < 1 ? 0 : 1}) ${depth.toFixed(0)}%, transparent)`;
        }
        return cell;
      }));
      return tr;
    });
    chosen.replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
    everything.hidden = rows.length <= ROWS;
    everything.textContent = all ? tr("Show {n} rows", { n: ROWS }) : tr("Show all {n} rows", { n: rows.length });
    const by = wanted < 0 ? tr("the page's reference") : data.combinations[wanted][1];
    const what = measure.selectedOptions[0].textContent;
    told.textContent = tr("{what} as a multiple of that of {by}: medians over seeds, below 1 is lower. Over these: their geometric mean. A description of your choice: nothing is tested, and no verdict of the page depends on it.", { what, by });
  };
  const keep = () => {
    const names = workloads.filter((one) => one.input.checked).map((one) => encodeURIComponent(one.input.value));
    const parts = [`measure=${measure.value}`, `reference=${encodeURIComponent(reference.value)}`];
    if (names.length < workloads.length) parts.push(`workloads=${names.join("+")}`);
    history.replaceState(null, "", `#choose:${parts.join(",")}`);
  };
  for (const input of [reference, measure, ...workloads.map((one) => one.input)]) input.addEventListener("change", () => { show(); keep(); });
  everything.addEventListener("click", () => { all = !all; show(); });
  const follow = () => {
    const [, state] = location.hash.match(/^#choose:(.+)$/) ?? [];
    if (!state) return;
    const wanted = Object.fromEntries(state.split(",").map((pair) => pair.split("=")));
    const has = (select, value) => [...select.options].some((option) => option.value === value);
    const named = decodeURIComponent(wanted.reference ?? PAGE);
    if (has(measure, wanted.measure)) measure.value = wanted.measure;
    if (has(reference, named)) reference.value = named;
    const names = wanted.workloads?.split("+").map(decodeURIComponent);
    for (const { input } of workloads) input.checked = !names || names.includes(input.value);
    show();
    const fold = document.getElementById("choose");
    fold.open = true;
    fold.scrollIntoView();
  };
  show();
  follow();
  addEventListener("hashchange", follow);
})();
