// The momentum lab: heavy ball on the ravine, by the formulas of optbench/tables/heavy_ball.py.
(() => {
  const { make } = page;
  // Factor a step of x_{t+1} = (1 + b - lr h) x_t - b x_{t-1}: the larger root of z^2 - (1 + b - lr h) z + b.
  const radius = (lr, b, h) => {
    const s = 1 + b - lr * h;
    const under = s * s - 4 * b;
    return under < 0 ? Math.sqrt(b) : (Math.abs(s) + Math.sqrt(under)) / 2;
  };
  const rate = (lr, b, curvatures) => Math.max(...curvatures.map((h) => radius(lr, b, h)));
  // v <- b v + g; w <- w - lr v, from v = 0.
  const path = (lr, b, curvatures, start, steps) => {
    const places = [start];
    let w = start, v = start.map(() => 0);
    for (let t = 0; t < steps; t += 1) {
      v = v.map((each, i) => b * each + curvatures[i] * w[i]);
      w = w.map((each, i) => each - lr * v[i]);
      places.push(w);
    }
    return places;
  };
  page.lab = { radius, rate, path };

  const lab = document.getElementById("momentum-lab");
  if (!lab) return;
  const curvatures = JSON.parse(lab.dataset.curvatures);
  const start = JSON.parse(lab.dataset.start);
  const STEPS = 120;
  const draw = (tag, attributes, ...children) => {
    const node = page.svg(tag);
    for (const [name, text] of Object.entries(attributes)) node.setAttribute(name, text);
    node.append(...children);
    return node;
  };
  const text = (at, words) => draw("text", { "font-size": 11, fill: "var(--ink)", ...at }, words);
  const shown = (number) => String(Number(number.toPrecision(3)));
  const [low, high] = [Math.min(...curvatures), Math.max(...curvatures)];
  const best = { lr: 4 / (Math.sqrt(low) + Math.sqrt(high)) ** 2, b: ((Math.sqrt(high) - Math.sqrt(low)) / (Math.sqrt(high) + Math.sqrt(low))) ** 2 };
  const FROM = -3, TO = Math.log10(4.4 / high);

  const slider = (id, words, min, max, step, value) => {
    const input = make("input", { type: "range", id, min, max, step, value });
    const told = make("output", {});
    told.htmlFor = id;
    return { input, told, row: make("p", {}, make("label", { htmlFor: id, textContent: words }), input, told) };
  };
  const lrs = slider("lab-lr", "Learning rate", FROM, TO, 0.001, -1);
  const bs = slider("lab-momentum", "Momentum", 0, 0.99, 0.001, 0.8);

  // The path over the contours of the loss.
  const X = (x) => 250 + 96 * x, Y = (y) => 120 - 210 * y;
  const line = draw("polyline", { fill: "none", stroke: "var(--hue-1)", "stroke-width": 1.6 });
  const dots = draw("g", { fill: "var(--hue-1)" });
  const valley = draw("svg", { viewBox: "0 0 500 240", width: 500, height: 240, role: "img", "aria-label": "The path of the heavy ball over the contours of the ravine" },
    draw("svg", { x: 10, y: 10, width: 480, height: 220, viewBox: "10 10 480 220" }, // clips what leaves the view
      ...[0.02, 0.1, 0.25, 0.5, 0.9, 1.4, 2.1].map((c) => draw("ellipse", { cx: X(0), cy: Y(0), rx: 96 * Math.sqrt(2 * c / low), ry: 210 * Math.sqrt(2 * c / high), fill: "none", stroke: "var(--contour)" })),
      line, dots),
    draw("path", { d: `M${X(0)} ${Y(0) - 7}l2 5 5 .4-4 3.3 1.3 5-4.3-2.8-4.3 2.8 1.3-5-4-3.3 5-.4z`, fill: "var(--ink)" }),
    draw("rect", { x: X(start[0]) - 3, y: Y(start[1]) - 3, width: 6, height: 6, fill: "var(--hue-1)" }));

  // The map of the rate: the deeper, the faster; the other hue diverges.
  const COLUMNS = 60, ROWS = 33;
  const left = 46, wide = 440, top = 10, tall = 190;
  const lrAt = (share) => 10 ** (FROM + share * (TO - FROM));
  const fastest = Math.log(rate(best.lr, best.b, curvatures));
  const fields = draw("g", { "shape-rendering": "crispEdges" });
  for (let i = 0; i < COLUMNS; i += 1) {
    for (let j = 0; j < ROWS; j += 1) {
      const found = rate(lrAt((i + 0.5) / COLUMNS), (j + 0.5) / ROWS, curvatures);
      fields.append(draw("rect", {
        x: left + i * wide / COLUMNS, y: top + tall - (j + 1) * tall / ROWS, width: wide / COLUMNS, height: tall / ROWS,
        fill: found < 1 ? "var(--hue-0)" : "var(--hue-1)", "fill-opacity": (found < 1 ? 0.05 + 0.75 * Math.sqrt(Math.max(0, Math.log(found) / fastest)) : 0.35).toFixed(3),
      }));
    }
  }
  const cross = draw("path", { fill: "none", stroke: "var(--ink)", "stroke-width": 2 });
  const marks = [0.001, 0.01, 0.1].map((lr) => text({ x: left + wide * (Math.log10(lr) - FROM) / (TO - FROM), y: 216, "text-anchor": "middle" }, String(lr)));
  const heights = [0, 0.5, 1].map((b) => text({ x: left - 6, y: top + tall * (1 - b) + 4, "text-anchor": "end" }, String(b)));
  const map = draw("svg", { viewBox: "0 0 500 236", width: 500, height: 236, role: "img", "aria-label": "Rate over learning rate and momentum, with the chosen pair marked" },
    fields, ...marks, ...heights, text({ x: left + wide / 2, y: 231, "text-anchor": "middle" }, "learning rate"), text({ x: 6, y: 9 }, "b"), cross);

  const verdict = make("p", { className: "lead" });
  verdict.setAttribute("role", "status");
  const update = () => {
    const lr = 10 ** Number(lrs.input.value), b = Number(bs.input.value);
    lrs.told.textContent = shown(lr);
    bs.told.textContent = shown(b);
    lrs.input.setAttribute("aria-valuetext", shown(lr));
    const places = path(lr, b, curvatures, start, STEPS).filter((w) => w.every((each) => Math.abs(each) < 1e4));
    const points = places.map(([x, y]) => [X(x).toFixed(1), Y(y).toFixed(1)]);
    line.setAttribute("points", points.map((p) => p.join(",")).join(" "));
    dots.replaceChildren(...points.map(([cx, cy]) => draw("circle", { cx, cy, r: 2 })));
    const [px, py] = [left + wide * (Math.log10(lr) - FROM) / (TO - FROM), top + tall * (1 - b)];
    cross.setAttribute("d", `M${px - 7} ${py}h14M${px} ${py - 7}v14`);
    const [along, across] = curvatures.map((h) => radius(lr, b, h));
    const slowest = Math.max(along, across);
    const digit = slowest < 1 ? `about ${shown(Math.LN10 / -Math.log(slowest))} steps for each decimal digit` : "it diverges";
    verdict.textContent = `Factor a step: ${along.toFixed(4)} along the valley, ${across.toFixed(4)} across it. The slower one decides: ${digit}.`;
  };
  const choose = (lr, b) => { lrs.input.value = Math.log10(lr); bs.input.value = b; update(); };
  const presets = make("p", { className: "tools" });
  for (const [words, lr, b] of [["Plain descent", 0.1, 0], ["Heavy ball", 0.1, 0.8], ["Too much momentum", 0.1, 0.98], ["Too large a step", 0.13, 0], ["The best pair", best.lr, best.b]]) {
    const button = make("button", { type: "button", textContent: words });
    button.addEventListener("click", () => { choose(lr, b); keep(); });
    presets.append(button);
  }
  // The pair stands in the address, so that a link shows it; arrow keys move by a fiftieth, with shift finely.
  const keep = () => history.replaceState(null, "", `#lab=${shown(10 ** Number(lrs.input.value))},${shown(Number(bs.input.value))}`);
  const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  for (const { input } of [lrs, bs]) {
    input.addEventListener("input", update);
    input.addEventListener("change", keep);
    input.addEventListener("keydown", (event) => {
      const way = KEYS[event.key];
      if (!way) return;
      event.preventDefault();
      input.value = Number(input.value) + way * (event.shiftKey ? 0.002 : 0.02) * (input.max - input.min);
      update();
      keep();
    });
  }
  const follow = () => {
    const [, lr, b] = location.hash.match(/^#lab=([\d.e-]+),([\d.]+)$/) ?? [];
    if (!(lr > 0)) return;
    choose(Number(lr), Number(b));
    lab.scrollIntoView();
  };
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    const [sx, sy] = [(event.clientX - box.left) * 500 / box.width, (event.clientY - box.top) * 236 / box.height];
    const share = Math.min(Math.max((sx - left) / wide, 0), 1);
    choose(lrAt(share), Math.min(Math.max(1 - (sy - top) / tall, 0), 0.99));
    keep();
  });
  lab.append(make("div", { className: "sliders" }, lrs.row, bs.row), presets, verdict, make("div", { className: "panels" }, valley, map));
  update();
  follow();
  addEventListener("hashchange", follow);
})();
