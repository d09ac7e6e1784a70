// The cell list: filter, page, and one cell beside its seed siblings, by a link that can be passed on.
(() => {
  const { make, say, copy, tr } = page;
  const PAGE = 100;
  const list = document.getElementById("t-cells");
  if (!list) return;
  const fold = document.getElementById("cell-list");
  const body = list.tBodies[0];
  const every = [...body.rows];
  const nameOf = (row) => row.cells[0].textContent.trim();
  // Behind the digest may stand why the cell was trained again.
  const digestOf = (row) => row.cells[5].firstChild.textContent.trim();
  const linkTo = (name) => `#cell=${encodeURIComponent(name)}`;
  let at = 0;
  let fits = every;
  const words = make("input", { type: "search", size: 28 });
  const status = make("select", {}, make("option", { value: "", textContent: tr("every status") }));
  for (const name of JSON.parse(list.dataset.statuses)) status.append(make("option", { value: name, textContent: name }));
  const back = make("button", { type: "button", textContent: tr("Previous") });
  const next = make("button", { type: "button", textContent: tr("Next") });
  const where = make("span");
  const update = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...body.rows];
    fits = rows.filter((row) => {
      const text = wanted.length ? nameOf(row).toLowerCase() + " " + row.cells[5].textContent : "";
      const fit = wanted.every((word) => text.includes(word)) && (!status.value || row.cells[1].className === `s-${status.value}`);
      if (fit) { delete row.dataset.out; } else { row.dataset.out = "1"; }
      return fit;
    });
    at = Math.min(at, Math.max(Math.ceil(fits.length / PAGE) - 1, 0));
    const shown = new Set(fits.slice(at * PAGE, (at + 1) * PAGE));
    for (const row of rows) {
      row.hidden = !shown.has(row);
      if (row.hidden || row.cells[0].firstElementChild) continue;
      const name = nameOf(row);
      row.cells[0].replaceChildren(make("a", { href: linkTo(name), textContent: name }));
    }
    where.textContent = fits.length ? `${at * PAGE + 1} to ${Math.min((at + 1) * PAGE, fits.length)} of ${fits.length} (${rows.length} in all)` : `none of ${rows.length}`;
    back.disabled = at === 0;
    next.disabled = (at + 1) * PAGE >= fits.length;
  };
  // A folded list costs nothing until somebody looks into it; then a page of it is laid out at a time.
  let begun = false;
  const show = () => { begun = true; update(); };
  const reveal = () => { show(); fold.open = true; };
  const restart = () => { at = 0; reveal(); };
  words.addEventListener("input", restart);
  status.addEventListener("change", restart);
  list.addEventListener("sorted", restart);
  back.addEventListener("click", () => { at -= 1; reveal(); });
  next.addEventListener("click", () => { at += 1; reveal(); });
  fold.firstElementChild.addEventListener("click", () => { if (!begun) show(); });
  const bar = document.getElementById("cell-tools");
  bar.className = "tools";
  bar.append(make("label", {}, tr("Filter"), words), make("label", {}, tr("Status"), status), back, next, where);
  where.textContent = `${every.length} in all`;
  addEventListener("beforeprint", () => { for (const row of every) row.hidden = false; });
  addEventListener("afterprint", () => { if (begun) update(); });
  list.addEventListener("click", (event) => {
    if (event.target.matches("td:last-child code") && !String(getSelection())) copy(event.target.textContent, "the command");
  });

  // Curves: two characters a point, see optbench/report/page/sections/cells.py.
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const LEVELS = 64 * 64 - 2;
  const groups = JSON.parse(list.dataset.groups);
  const scales = JSON.parse(list.dataset.scales);
  const heights = (row) => (row.dataset.c.match(/../g) ?? []).map((pair) => {
    const height = DIGITS.indexOf(pair[0]) * 64 + DIGITS.indexOf(pair[1]);
    return height > LEVELS ? NaN : height / LEVELS;
  });
  const draw = (tag, attributes, ...children) => {
    const node = page.svg(tag);
    for (const [name, text] of Object.entries(attributes)) node.setAttribute(name, text);
    node.append(...children);
    return node;
  };
  const short = (number) => (number !== 0 && (Math.abs(number) < 1e-3 || Math.abs(number) >= 1e5) ? number.toExponential(1) : String(Number(number.toPrecision(3)))).replace("-", "−");
  const ticks = (scale) => {
    const found = [];
    if (scale.log) {
      const from = Math.ceil(Math.log10(scale.low)), to = Math.floor(Math.log10(scale.high));
      const every = Math.max(1, Math.ceil((to - from + 1) / 5));
      for (let power = from; power <= to; power += every) found.push([10 ** power, (power - Math.log10(scale.low)) / Math.log10(scale.high / scale.low)]);
    }
    return found.length > 1 ? found : [[scale.low, 0], [scale.high, 1]];
  };
  const chart = (row, siblings) => {
    const [workload, series] = groups[row.dataset.g];
    const scale = scales[workload];
    const last = scale.steps.at(-1) || 1;
    const x = (step) => 62 + 380 * (step / last);
    const y = (share) => 196 - 180 * share;
    const line = (from, attributes) => {
      const points = heights(from).map((h, i) => (Number.isNaN(h) ? "" : `${x(scale.steps[i]).toFixed(1)},${y(h).toFixed(1)}`)).filter(Boolean);
      const parts = [draw("polyline", { points: points.join(" "), fill: "none", ...attributes })];
      if (points.length && heights(from).length < scale.steps.length) {
        const [px, py] = points.at(-1).split(",").map(Number);
        parts.push(draw("path", { d: `M${px - 4} ${py - 4}l8 8m0-8l-8 8`, fill: "none", ...attributes }));
      }
      return parts;
    };
    const hue = document.querySelector(`.legend li[data-series="${series}"] path`)?.getAttribute("stroke") ?? "var(--ink)";
    const words = `Validation loss of ${nameOf(row)} against steps, with ${siblings.length} seed siblings in grey.`;
    const text = (at, ...what) => draw("text", { "font-size": 11, fill: "var(--ink)", ...at }, ...what);
    return draw("svg", { viewBox: "0 0 460 236", width: 460, height: 236, role: "img", "aria-label": words },
      ...ticks(scale).flatMap(([number, share]) => [
        draw("path", { d: `M62 ${y(share)}H442`, stroke: "var(--grid)", fill: "none" }),
        text({ x: 56, y: y(share) + 4, "text-anchor": "end" }, short(number)),
      ]),
      text({ x: 62, y: 212, "text-anchor": "middle" }, "0"), text({ x: 442, y: 212, "text-anchor": "end" }, String(last)),
      text({ x: 252, y: 228, "text-anchor": "middle" }, "optimizer steps"),
      text({ x: 6, y: 11 }, `validation loss${scale.log ? ", logarithmic" : ""}`),
      ...siblings.flatMap((other) => line(other, { stroke: "var(--muted)", "stroke-width": 1.2, opacity: 0.55 })),
      ...line(row, { stroke: hue, "stroke-width": 2.4 }));
  };

  // Commands, as optbench/report/page/text.py writes them, quoted for a POSIX shell.
  const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
  const commandsOf = (row) => {
    const name = nameOf(row);
    const trace = `seed${name.split("/").at(-1)}-${digestOf(row)}`;
    // A name that begins like an option stands behind `--`, and options before.
    const verb = name.startsWith("-") ? list.dataset.rerun.replace(/^optbench rerun (?!-- )/, "optbench rerun -- ") : list.dataset.rerun;
    return [verb.replace(/CELL$/, () => quoted(name)), groups[row.dataset.g][2].replace("seedSEED-DIGEST", () => trace)];
  };

  // The card of one cell.
  const card = make("section", { id: "cell-card", className: "cell-card", hidden: true, tabIndex: -1 });
  card.setAttribute("aria-labelledby", "cell-card-title");
  bar.before(card);
  const command = (label, text) => {
    const button = make("button", { type: "button", textContent: tr("Copy") });
    button.setAttribute("aria-label", `Copy the command: ${label}`);
    button.addEventListener("click", () => copy(text, "the command"));
    return make("div", {}, make("dt", { textContent: label }), make("dd", {}, make("code", { textContent: text }), " ", button));
  };
  const fact = (label, ...what) => make("div", {}, make("dt", { textContent: label }), make("dd", {}, ...what));
  const open = (row) => {
    for (const other of list.querySelectorAll("tr.found")) other.classList.remove("found");
    row.classList.add("found");
    const name = nameOf(row);
    const siblings = every.filter((other) => other !== row && other.dataset.g === row.dataset.g);
    const [rerun, snakemake] = commandsOf(row);
    const shut = make("button", { type: "button", textContent: tr("Close") });
    shut.addEventListener("click", () => { card.hidden = true; row.classList.remove("found"); location.hash = "s-cells"; });
    const link = make("button", { type: "button", textContent: tr("Copy link") });
    link.addEventListener("click", () => copy(location.href.split("#")[0] + linkTo(name), "the link"));
    const reason = row.cells[5].querySelector("small");
    const again = reason ? [fact("trained again", reason.textContent.replace(/^trained again: /, ""))] : [];
    const facts = make("dl", { className: "facts" },
      fact("status", row.cells[1].textContent), fact("lr", row.cells[2].textContent), fact("last step", row.cells[3].textContent),
      fact("final validation loss", row.cells[4].textContent), fact("digest", make("code", { textContent: digestOf(row) })), ...again);
    const why = row.cells[1].querySelector("a");
    const failure = why && document.getElementById(why.getAttribute("href").slice(1));
    const story = failure ? [failure.querySelector(".reason").cloneNode(true), ...[...failure.querySelectorAll("pre")].map((pre) => pre.cloneNode(true))] : [];
    const links = make("p", { className: "note" }, tr("Seed siblings: "));
    siblings.slice(0, 40).forEach((other) => links.append(make("a", { href: linkTo(nameOf(other)), textContent: nameOf(other).split("/").at(-1) }), " "));
    card.replaceChildren(
      make("h3", { id: "cell-card-title", textContent: name }),
      ...(row.dataset.c ? [chart(row, siblings.filter((other) => other.dataset.c)), make("p", { className: "note", textContent: tr("In colour: this cell. Grey: the same combination with other seeds. A cross: broke off.") })] : []),
      ...(siblings.length ? [links] : []), facts, ...story,
      make("dl", { className: "commands" }, command(tr("Train it again here"), rerun), command(tr("On SLURM"), rerun.replace(/^optbench rerun/, "optbench rerun --executor slurm")), command(tr("By Snakemake, where missing"), snakemake)),
      make("div", { className: "tools" }, link, shut));
    card.hidden = false;
  };
  const follow = () => {
    if (!location.hash.startsWith("#cell=")) return;
    let name = location.hash.slice(6);
    try { name = decodeURIComponent(name); } catch { /* a bare % in a hand-written link: taken as it is */ }
    const row = every.find((r) => nameOf(r) === name);
    if (!row) { say(tr("No such cell")); return; }
    if (!fits.includes(row)) { words.value = ""; status.value = ""; update(); }
    at = Math.floor(fits.indexOf(row) / PAGE);
    reveal();
    open(row);
    card.scrollIntoView({ block: "start" });
    card.focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  follow();
})();
