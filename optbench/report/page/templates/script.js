"use strict";
// What all parts of the script share: making nodes, saying a word, copying a text.
const page = (() => {
  const make = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  // A text in the page's language; in braces stands what the values have.
  const WORDS = JSON.parse(document.body.dataset.words ?? "{}");
  const tr = (text, values = {}) => (WORDS[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  // The page's numbers back to values: 2.868×10⁻⁵, 12 345, ∞; NaN for words.
  const value = (text) => {
    let plain = text.trim().replace(/\u2009/g, "").replace(/−/g, "-").replace("∞", "Infinity");
    plain = plain.replace(/×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/, (_, power) =>
      "e" + [...power].map((c) => (c === "⁻" ? "-" : SUPER.indexOf(c))).join(""));
    return /^-?(\d|Infinity)/.test(plain) ? parseFloat(plain) : NaN;
  };
  // Three significant digits, as the page writes them.
  const number = (n) => {
    if (!Number.isFinite(n)) return Number.isNaN(n) ? "–" : n > 0 ? "∞" : "−∞";
    const size = Math.abs(n);
    if (size && (size < 0.0009995 || size >= 999500)) {
      const [digits, power] = n.toExponential(2).split("e");
      return `${String(Number(digits)).replace("-", "−")}×10${[...String(Number(power))].map((c) => (c === "-" ? "⁻" : SUPER[c])).join("")}`;
    }
    return String(Number(n.toPrecision(3))).replace("-", "−");
  };
  const live = make("p", { className: "note", role: "status" });
  live.style.cssText = "position:fixed;bottom:0;left:1rem;background:var(--paper);margin:0;padding:0 .5rem";
  document.body.append(live);
  const say = (text) => { live.textContent = text; setTimeout(() => { live.textContent = ""; }, 2500); };
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say(tr("Copied {what}", { what }));
  };

  // Tables: sort by a head, copy as CSV, Markdown or LaTeX.
  const tidy = (text) => text.replace(/\s+/g, " ").trim();
  const cells = (row) => [...row.cells].map((c) => tidy(c.textContent));
  const shown = (table) => [...table.tBodies[0].rows].filter((row) => !row.dataset.out);
  // A spreadsheet takes a text for a formula that begins so; what is a number stays one.
  const formula = (c) => /^[=+\-@\t\r＝＋－＠]/.test(c) && !/^[+-](\d[\d\u2009]*)?(\.\d+)?(×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?%?$/.test(c);
  const inCSV = (c) => {
    const text = formula(c) ? `'${c}` : c;
    return /[",;\t\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  // An underscore inside a word is none of Markdown's.
  const inMarkdown = (c) => c.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/[\\`*[\]|~$]/g, "\\$&").replace(/_/g, (s, at, all) => (/^[A-Za-z0-9]_[A-Za-z0-9]$/.test(` ${all}`.slice(at, at + 3)) ? s : "\\_"));
  const TEX = {
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}", ">": "\\textgreater{}",
    "|": "\\textbar{}", "`": "\\textasciigrave{}", "\"": "\\textquotedbl{}", "\u2009": "\\,", "≥": "$\\ge$",
  };
  // A row that begins with a bracket or a star would be an argument of the line break before it.
  const inTeX = (c) => c.replace(/[\\&%$#_{}~^<>|`"\u2009≥]/g, (s) => TEX[s] ?? `\\${s}`).replace(/^[[*]/, "{$&}").replace(/-(?=-)/g, "-{}")
    .replace(/×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, p) => `$\\times10^{${[...p].map((s) => (s === "⁻" ? "-" : SUPER.indexOf(s))).join("")}}$`)
    .replace(/(−?)∞/g, (_, minus) => `$${minus && "-"}\\infty$`).replace(/−/g, "$-$");
  const FORMATS = {
    CSV: (rows) => rows.map((r) => r.map(inCSV).join(",")).join("\n"),
    Markdown: (rows) => rows.map((r) => `| ${r.map(inMarkdown).join(" | ")} |`)
      .toSpliced(1, 0, `|${rows[0].map(() => " --- ").join("|")}|`).join("\n"),
    LaTeX: (rows) => {
      const lines = rows.map((r) => `${r.map(inTeX).join(" & ")} \\\\`);
      return [`\\begin{tabular}{${"l".repeat(rows[0].length)}}`, "\\toprule", lines[0], "\\midrule", ...lines.slice(1), "\\bottomrule", "\\end{tabular}"].join("\n");
    },
  };
  // In CSV a value and what stands beside it, such as its interval, are two fields.
  const fields = (table) => {
    const rows = shown(table);
    const heads = cells(table.tHead.rows[0]);
    const noted = heads.map((_, column) => rows.some((row) => row.cells[column].querySelector(".note")));
    const apart = (cell) => {
      const whole = cell.cloneNode(true);
      const notes = [...whole.querySelectorAll(".note")].map((note) => { note.remove(); return tidy(note.textContent); });
      return [tidy(whole.textContent), notes.join("; ")];
    };
    return [
      heads.flatMap((head, column) => (noted[column] ? [head, `${head}: beside it`] : [head])),
      ...rows.map((row) => [...row.cells].flatMap((cell, column) => (noted[column] ? apart(cell) : [tidy(cell.textContent)]))),
    ];
  };
  const FILTERED = 6; // rows from which on a table can be filtered
  const LONG = 24, OPEN = 16; // rows from which on a table is cut, and to how many
  const sortBy = (table, column, head) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = [...table.tBodies[0].rows].map((row) => {
      const text = row.cells[column].firstChild?.textContent ?? "";
      return { row, text, number: value(text) };
    });
    keyed.sort((a, b) => {
      const words = Number.isNaN(a.number) - Number.isNaN(b.number);
      if (words) return words;
      const order = Number.isNaN(a.number) ? a.text.localeCompare(b.text) : a.number === b.number ? 0 : a.number - b.number;
      return up ? order : -order;
    });
    table.tBodies[0].append(...keyed.map((k) => k.row));
    table.dispatchEvent(new Event("sorted"));
  };
  for (const table of document.querySelectorAll("table[data-tools]")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make("button", { type: "button", textContent: head.textContent });
      button.addEventListener("click", () => sortBy(table, column, head));
      head.replaceChildren(button);
    });
    const bar = make("div", { className: "tools" });
    // The list of cells has a filter of its own, which knows pages and statuses.
    const rows = [...table.tBodies[0].rows];
    if (rows.length >= FILTERED && table.id !== "t-cells") {
      const words = make("input", { type: "search", size: 14 });
      words.setAttribute("aria-describedby", table.caption.id);
      words.addEventListener("input", () => {
        table.classList.remove("cut");
        const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const row of rows) {
          row.hidden = !wanted.every((word) => row.textContent.toLowerCase().includes(word));
          if (row.hidden) row.dataset.out = "1"; else delete row.dataset.out;
        }
      });
      bar.append(make("label", {}, tr("Filter"), words));
    }
    for (const [name, write] of Object.entries(FORMATS)) {
      const button = make("button", { type: "button", textContent: tr("Copy {form}", { form: name }) });
      button.setAttribute("aria-describedby", table.caption.id);
      button.addEventListener("click", () => {
        const rows = name === "CSV" ? fields(table) : [cells(table.tHead.rows[0]), ...shown(table).map(cells)];
        copy(write(rows), tr("the table as {form}", { form: name }));
      });
      bar.append(button);
    }
    if (rows.length > LONG && table.id !== "t-cells") {
      table.classList.add("cut");
      const more = make("button", { type: "button", textContent: tr("Show all {n} rows", { n: rows.length }) });
      more.addEventListener("click", () => {
        const cut = table.classList.toggle("cut");
        more.textContent = cut ? tr("Show all {n} rows", { n: rows.length }) : tr("Show {n} rows", { n: OPEN });
      });
      bar.prepend(more);
    }
    table.parentElement.after(bar);
  }

  // Highlight one optimizer in every figure; the others fade, no number changes.
  const series = document.querySelectorAll('.panel svg g[class^="s"]');
  let chosen = null;
  for (const item of document.querySelectorAll(".legend li")) {
    const button = make("button", { type: "button", title: tr("Highlight in every figure") }, ...item.childNodes);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      chosen = chosen === item.dataset.series ? null : item.dataset.series;
      for (const other of document.querySelectorAll(".legend button")) other.setAttribute("aria-pressed", String(chosen !== null && other === button));
      for (const mark of series) mark.classList.toggle("faded", chosen !== null && !mark.classList.contains(`s${chosen}`));
    });
    item.append(button);
  }

  // A panel as an SVG file of its own, in the colours on screen.
  for (const panel of document.querySelectorAll(".panel")) {
    const button = make("button", { type: "button", className: "save", textContent: "SVG" });
    button.setAttribute("aria-label", tr("Save as SVG: {title}", { title: panel.dataset.title }));
    button.addEventListener("click", () => {
      const css = getComputedStyle(document.documentElement);
      const drawing = panel.querySelector("svg").cloneNode(true);
      drawing.setAttribute("xmlns", drawing.namespaceURI);
      const text = drawing.outerHTML.replace(/var\((--[\w-]+)\)/g, (_, name) => css.getPropertyValue(name).trim());
      const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), download: `${panel.id}.svg` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    panel.append(button);
  }

  // Light or dark by choice, for this visit.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = make("button", { type: "button", className: "theme", textContent: tr("Light / dark") });
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });
  const side = document.querySelector(".side");
  side.append(theme);

  // Parts that are folded: a link into one opens it, a button all, and some are printed open.
  const folds = [...document.querySelectorAll("details.fold")];
  const unfold = (id) => {
    const target = id ? document.getElementById(id) : null;
    for (let part = target?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    return target;
  };
  document.addEventListener("click", (event) => unfold(event.target.closest('a[href^="#"]')?.hash.slice(1)));
  addEventListener("hashchange", () => unfold(location.hash.slice(1))?.scrollIntoView());
  unfold(location.hash.slice(1))?.scrollIntoView();
  if (folds.length) {
    const all = make("button", { type: "button", className: "theme", textContent: tr("Open all parts") });
    all.addEventListener("click", () => {
      const open = !folds.every((fold) => fold.open);
      for (const fold of folds) fold.open = open;
      all.textContent = open ? tr("Fold all parts") : tr("Open all parts");
    });
    side.append(" ", all);
  }
  let printed = [];
  addEventListener("beforeprint", () => {
    printed = folds.filter((fold) => !fold.open && "printed" in fold.dataset);
    for (const fold of printed) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of printed) fold.open = false; });
  const space = document.querySelector("svg").namespaceURI;
  const svg = (tag) => document.createElementNS(space, tag);
  return { make, say, copy, svg, number, tr, formats: FORMATS };
})();
