// The labs of the lesson: descent and heavy ball by the formulas of optbench/theory/lesson.py and optbench/tables/heavy_ball.py.
(() => {
  const { make, number, tr } = page;

  // --- formulas ---
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
  const parts = (places, curvatures) => places.map((w) => w.map((each, i) => curvatures[i] * each * each / 2));
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const directions = (k, count = 5) => Array.from({ length: count }, (_, i) => k ** (i / (count - 1) - 1));
  const evenStart = (curvatures) => curvatures.map((h) => Math.sqrt(2 / (curvatures.length * h)));
  // The loss to expect where each gradient is off by N(0, noise^2): mean (m, u) and covariance (p, q, r) of (w, v).
  const expected = (rates, b, curvatures, start, noise) => {
    const found = { start: new Array(rates.length + 1).fill(0), noise: new Array(rates.length + 1).fill(0) };
    curvatures.forEach((h, i) => {
      let m = start[i], u = 0, p = 0, q = 0, r = 0;
      found.start[0] += h * m * m / 2;
      rates.forEach((lr, t) => {
        const s = noise * noise, a = 1 - lr * h, c = -lr * b;
        [m, u] = [a * m + c * u, h * m + b * u];
        [p, q, r] = [a * a * p + 2 * a * c * q + c * c * r + lr * lr * s, a * h * p + (a * b + c * h) * q + c * b * r - lr * s, h * h * p + 2 * h * b * q + b * b * r + s];
        found.start[t + 1] += h * m * m / 2;
        found.noise[t + 1] += h * p / 2;
      });
    });
    return { ...found, loss: found.start.map((each, t) => each + found.noise[t]) };
  };
  const floor = (lr, b, h, noise) => lr * noise ** 2 * (1 + b) / (2 * (1 - b) * (2 * (1 + b) - lr * h));
  const cosine = (at) => (1 + Math.cos(Math.PI * at)) / 2;
  const WARM_UP = 0.1;
  const SCHEDULES = {
    constant: () => 1,
    step: (at) => (at < 0.5 ? 1 : 0.1),
    cosine,
    warmup_cosine: (at) => (at < WARM_UP ? at / WARM_UP : cosine((at - WARM_UP) / (1 - WARM_UP))),
  };
  const ratesOf = (schedule, peak, steps) => Array.from({ length: steps }, (_, t) => peak * SCHEDULES[schedule](t / steps));
  const bestPair = (low, high) => {
    const [a, b] = [Math.sqrt(low), Math.sqrt(high)];
    return { lr: 4 / (a + b) ** 2, b: ((b - a) / (b + a)) ** 2 };
  };
  page.lesson = { radius, rate, path, parts, directions, evenStart, expected, floor, ratesOf, bestPair };

  const root = document.getElementById("lesson");
  if (!root) return;
  const { curvatures: RAVINE, start: START } = JSON.parse(root.dataset.setting);
  const digits = (factor) => (factor < 1 ? tr("about {steps} steps for each decimal digit", { steps: number(Math.LN10 / -Math.log(factor)) }) : tr("it diverges"));

  // --- drawing ---
  const draw = (tag, attributes, ...children) => {
    const node = page.svg(tag);
    for (const [name, text] of Object.entries(attributes)) node.setAttribute(name, text);
    node.append(...children);
    return node;
  };
  const write = (x, y, words, more = {}) => draw("text", { x, y, "font-size": 11, fill: "var(--ink)", ...more }, words);
  const W = 460, H = 250, LEFT = 58, TOP = 26, BOTTOM = 38, LOW = 1e-9;
  const place = (log, low, high, from, to) => {
    const [a, b] = log ? [Math.log(low), Math.log(high)] : [low, high];
    return (value) => from + ((log ? Math.log(value) : value) - a) / (b - a) * (to - from);
  };
  const ticks = (log, low, high) => {
    if (log) {
      const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
      const step = Math.max(1, Math.ceil((last - first) / 5));
      return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step));
    }
    const rough = (high - low) / 4, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * size).find((s) => s >= rough);
    return Array.from({ length: Math.floor((high - low) / step + 1e-9) + 1 }, (_, i) => low + i * step);
  };
  const tickText = (value, log) => (log ? number(value).replace(/^1×/, "") : number(value));
  const clips = { count: 0 };
  // A chart with named lines; what leaves the frame is cut off, what is below the least stands on it.
  const chart = ({ title, x, y, lines, xLog = false, yLog = true, marks = [], rules = [] }) => {
    const named = lines.filter((line) => line.name);
    const wide = (name) => sum([...name].map((letter) => (letter > "⺀" ? 11.5 : 6.2))); // Chinese letters are square
    const right = 14 + Math.max(0, ...named.map((line) => wide(line.name) + 12));
    const [x0, x1, y0, y1] = [LEFT, W - right, H - BOTTOM, TOP];
    const [px, py] = [place(xLog, ...x.range, x0, x1), place(yLog, ...y.range, y0, y1)];
    clips.count += 1;
    const clip = `lesson-clip-${clips.count}`;
    const inside = draw("g", { "clip-path": `url${`(#${clip})`}` });
    const node = draw("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": `${title}: ${y.name} – ${x.name}` },
      draw("clipPath", { id: clip }, draw("rect", { x: x0, y: y1, width: x1 - x0, height: y0 - y1 })), write(x0, 14, title, { "font-size": 12 }));
    for (const tick of ticks(yLog, ...y.range)) {
      node.append(draw("path", { d: `M${x0} ${py(tick)}H${x1}`, stroke: "var(--grid)" }), write(x0 - 6, py(tick) + 4, tickText(tick, yLog), { "text-anchor": "end" }));
    }
    for (const tick of ticks(xLog, ...x.range)) node.append(draw("path", { d: `M${px(tick)} ${y0}v4`, stroke: "var(--muted)" }), write(px(tick), y0 + 16, tickText(tick, xLog), { "text-anchor": "middle" }));
    node.append(draw("path", { d: `M${x0} ${y1}V${y0}H${x1}`, fill: "none", stroke: "var(--muted)" }), write((x0 + x1) / 2, H - 4, x.name, { "text-anchor": "middle" }),
      write(12, (y0 + y1) / 2, y.name, { "text-anchor": "middle", transform: `rotate(-90 12 ${(y0 + y1) / 2})` }), inside);
    for (const rule of rules) inside.append(draw("path", { d: `M${x0} ${py(rule.at)}H${x1}`, stroke: rule.color, "stroke-dasharray": "2 3" }));
    const ends = [];
    lines.forEach((line, i) => {
      const color = `var(--hue-${line.hue ?? i % 6})`;
      const points = line.points.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b)).map(([a, b]) => [px(a), Math.max(Math.min(py(yLog ? Math.max(b, y.range[0]) : b), 9999), -9999)]);
      inside.append(draw("polyline", { points: points.map((p) => p.map((c) => c.toFixed(1)).join(",")).join(" "), fill: "none", stroke: color, "stroke-width": line.thick ? 2.4 : 1.6, ...(line.dashes ? { "stroke-dasharray": line.dashes } : {}) }));
      if (line.name && points.length) ends.push({ text: line.name, color, at: Math.min(Math.max(points[points.length - 1][1], y1), y0) });
    });
    for (const mark of marks) inside.append(draw("circle", { cx: px(mark.x), cy: py(mark.y), r: 4, fill: "var(--ink)" }));
    ends.sort((a, b) => a.at - b.at);
    ends.forEach((end, i) => { end.y = Math.max(end.at, i ? ends[i - 1].y + 13 : y1 + 3); });
    const over = ends.length ? ends[ends.length - 1].y - (y0 + 2) : 0;
    if (over > 0) ends.reduceRight((below, end) => { end.y = Math.min(end.y, below - 13); return end.y; }, y0 + 15);
    for (const end of ends) node.append(draw("path", { d: `M${x1} ${end.at}L${x1 + 8} ${end.y}`, stroke: end.color, fill: "none" }), write(x1 + 11, end.y + 4, end.text));
    return node;
  };
  const against = (values) => values.map((value, t) => [t, value]);
  const span = (lines) => {
    const known = lines.flatMap((line) => line.points.map((p) => p[1])).filter((v) => Number.isFinite(v) && v > 0 && v < 1e3);
    return [Math.max(Math.min(...known) / 1.5, LOW), Math.max(...known) * 1.5];
  };
  // The ravine's contours with a path over them.
  const X = (x) => 240 + 92 * x, Y = (y) => 128 - 210 * y;
  const valley = (title, places, curvatures) => {
    const [low, high] = curvatures;
    const points = places.filter((w) => w.every((each) => Math.abs(each) < 1e3)).map(([x, y]) => [X(x).toFixed(1), Y(y).toFixed(1)]);
    return draw("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": title }, write(8, 14, title, { "font-size": 12 }),
      draw("svg", { x: 2, y: TOP, width: W - 4, height: H - TOP - 4, viewBox: `2 ${TOP} ${W - 4} ${H - TOP - 4}` }, // clips what leaves the view
        ...[0.02, 0.1, 0.25, 0.5, 0.9, 1.4, 2.1].map((c) => draw("ellipse", { cx: X(0), cy: Y(0), rx: 92 * Math.sqrt(2 * c / low), ry: 210 * Math.sqrt(2 * c / high), fill: "none", stroke: "var(--contour)" })),
        draw("polyline", { points: points.map((p) => p.join(",")).join(" "), fill: "none", stroke: "var(--hue-1)", "stroke-width": 1.6 }),
        ...points.map(([cx, cy]) => draw("circle", { cx, cy, r: 1.8, fill: "var(--hue-1)" }))),
      draw("path", { d: `M${X(0)} ${Y(0) - 7}l2 5 5 .4-4 3.3 1.3 5-4.3-2.8-4.3 2.8 1.3-5-4-3.3 5-.4z`, fill: "var(--ink)" }),
      draw("rect", { x: X(START[0]) - 3, y: Y(START[1]) - 3, width: 6, height: 6, fill: "var(--hue-1)" }));
  };

  // --- what all labs share: sliders, presets, the state in the address ---
  const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  const labs = {};
  const lab = (name, sliders, presets, show) => {
    const box = document.querySelector(`[data-lab="${name}"]`);
    if (!box) return;
    const controls = sliders.map((slider) => {
      const { key, words, min, max, value, log } = slider;
      const [to, from] = log ? [Math.log10, (p) => 10 ** p] : [(v) => v, (p) => p];
      const id = `lab-${name}-${key}`;
      const input = make("input", { type: "range", id, min: to(min), max: to(max), step: "any", value: to(value) });
      const told = make("output", {});
      told.htmlFor = id;
      return {
        key, input, told,
        get: () => from(Number(input.value)),
        set: (v) => { if (Number.isFinite(v)) input.value = to(Math.min(Math.max(v, min), max)); },
        row: make("p", {}, make("label", { htmlFor: id, textContent: words }), input, told),
      };
    });
    const readout = make("p", { className: "lead" });
    readout.setAttribute("role", "status");
    const panels = make("div", { className: "panels" });
    const values = () => Object.fromEntries(controls.map((one) => [one.key, one.get()]));
    const update = () => {
      for (const one of controls) {
        one.told.textContent = number(one.get());
        one.input.setAttribute("aria-valuetext", number(one.get()));
      }
      const made = show(values(), set);
      readout.textContent = made.said;
      panels.replaceChildren(...made.panels);
    };
    const keep = () => history.replaceState(null, "", `#learn-${name}:${controls.map((one) => `${one.key}=${Number(one.get().toPrecision(4))}`).join(",")}`);
    const set = (wanted) => {
      for (const one of controls) if (one.key in wanted) one.set(Number(wanted[one.key]));
      update();
    };
    for (const { input } of controls) {
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
    const buttons = make("p", { className: "tools" });
    for (const [words, wanted] of presets) {
      const button = make("button", { type: "button", textContent: words });
      button.addEventListener("click", () => { set(typeof wanted === "function" ? wanted(values()) : wanted); keep(); });
      buttons.append(button);
    }
    box.append(make("div", { className: "sliders" }, ...controls.map((one) => one.row)), buttons, readout, panels);
    labs[name] = { box, set, keep };
    update();
  };

  // 1. Plain descent on the ravine.
  lab("descent", [{ key: "lr", words: tr("Learning rate"), min: 0.002, max: 0.13, value: 0.1, log: true }],
    [[tr("One step across"), { lr: 1 / RAVINE[1] }], [tr("Zig-zag"), { lr: 0.1 }], [tr("The best rate"), { lr: 2 / (RAVINE[0] + RAVINE[1]) }], [tr("Too large"), { lr: 0.115 }]],
    ({ lr }) => {
      const places = path(lr, 0, RAVINE, START, 120);
      const shares = parts(places, RAVINE);
      const lines = [
        { name: tr("loss"), points: against(shares.map(sum)), thick: true, hue: 1 },
        { name: tr("along"), points: against(shares.map((s) => s[0])), hue: 0, dashes: "5 3" },
        { name: tr("across"), points: against(shares.map((s) => s[1])), hue: 2, dashes: "2 2" },
      ];
      const [along, across] = RAVINE.map((h) => 1 - lr * h);
      return {
        said: tr("Factor a step: {along} along the valley, {across} across it. The one farther from 0 decides: {digit}.", { along: number(along), across: number(across), digit: digits(Math.max(Math.abs(along), Math.abs(across))) }),
        panels: [valley(tr("Path over the loss"), places, RAVINE), chart({ title: tr("The loss and its two parts"), x: { name: tr("steps"), range: [0, 120] }, y: { name: tr("loss"), range: span(lines) }, lines })],
      };
    });

  // 2. The quadratic taken apart.
  lab("directions", [{ key: "k", words: tr("Condition number k"), min: 2, max: 1000, value: 100, log: true }, { key: "share", words: tr("Step, of the largest"), min: 0.05, max: 1.02, value: 0.99 }],
    [[tr("The best step"), ({ k }) => ({ share: 1 / (1 + 1 / k) })], [tr("Half the largest"), { share: 0.5 }], [tr("The largest step"), { share: 1 }]],
    ({ k, share }) => {
      const curvatures = directions(k), lr = 2 * share, STEPS = 200;
      const shares = parts(path(lr, 0, curvatures, evenStart(curvatures), STEPS), curvatures);
      const lines = [{ name: tr("loss"), points: against(shares.map(sum)), thick: true },
        ...curvatures.map((h, i) => ({ name: `h = ${number(h)}`, points: against(shares.map((s) => s[i])) }))];
      const factors = Array.from({ length: 81 }, (_, i) => k ** (i / 80 - 1)).map((h) => [h, Math.abs(1 - lr * h)]);
      return {
        said: tr("The shallowest direction keeps {slow} of itself a step, the steepest {steep}: {digit}. At the best step it is {best}.", { slow: number(Math.abs(1 - lr / k)), steep: number(Math.abs(1 - lr)), digit: digits(Math.max(Math.abs(1 - lr / k), Math.abs(1 - lr))), best: number(Math.LN10 / Math.log((k + 1) / (k - 1))) }),
        panels: [
          chart({ title: tr("What a step leaves of each direction"), x: { name: tr("curvature h"), range: [0.85 / k, 1.18] }, y: { name: tr("factor a step"), range: [0, 1.1] }, xLog: true, yLog: false, lines: [{ points: factors }], marks: curvatures.map((h) => ({ x: h, y: Math.abs(1 - lr * h) })), rules: [{ at: 1, color: "var(--hue-1)" }] }),
          chart({ title: tr("What each direction has of the loss"), x: { name: tr("steps"), range: [0, STEPS] }, y: { name: tr("loss"), range: [1e-6, 2] }, lines }),
        ],
      };
    });

  // 3. Heavy ball, with the map of its rate.
  const MAP = { columns: 60, rows: 30, x0: 46, y0: H - BOTTOM, wide: 330, tall: H - BOTTOM - TOP, from: -3 };
  const shade = (found, fastest) => (0.05 + 0.75 * Math.sqrt(Math.max(0, Math.log(found) / fastest))).toFixed(3);
  const map = (lr, b, curvatures, choose) => {
    const { columns, rows, x0, y0, wide, tall, from } = MAP;
    const high = Math.max(...curvatures), to = Math.log10(4.4 / high);
    const at = (share) => 10 ** (from + share * (to - from));
    const px = (value) => x0 + wide * (Math.log10(value) - from) / (to - from), py = (value) => y0 - tall * value;
    const best = bestPair(Math.min(...curvatures), high);
    const fastest = Math.log(rate(best.lr, best.b, curvatures));
    const fields = draw("g", { "shape-rendering": "crispEdges" });
    for (let i = 0; i < columns; i += 1) {
      for (let j = 0; j < rows; j += 1) {
        // On the border a field has the rate of its corner that converges; what is beyond lies over the rest.
        const middle = rate(at((i + 0.5) / columns), (j + 0.5) / rows, curvatures);
        const found = middle < 1 ? middle : rate(at(i / columns), (j + 1) / rows * 0.999, curvatures);
        if (found < 1) fields.append(draw("rect", { x: x0 + i * wide / columns, y: y0 - (j + 1) * tall / rows, width: wide / columns, height: tall / rows, fill: "var(--hue-0)", "fill-opacity": shade(found, fastest) }));
      }
    }
    // Beyond lr = 2 (1 + b) / h it diverges: a smooth border over the fields.
    const border = Array.from({ length: 41 }, (_, i) => [px(2 * (1 + i / 40) / high), py(i / 40)]);
    const beyond = `M${border.map((p) => p.map((c) => c.toFixed(1)).join(" ")).join("L")}L${x0 + wide} ${y0 - tall}V${y0}Z`;
    const node = draw("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": tr("Rate by learning rate and momentum") }, write(x0, 14, tr("Rate by learning rate and momentum"), { "font-size": 12 }), fields,
      draw("path", { d: beyond, fill: "var(--paper)" }), draw("path", { d: beyond, fill: "var(--hue-1)", "fill-opacity": 0.35, stroke: "var(--hue-1)" }));
    for (const tick of [0.001, 0.01, 0.1].filter((t) => Math.log10(t) <= to)) node.append(write(px(tick), y0 + 16, number(tick), { "text-anchor": "middle" }));
    for (const tick of [0, 0.5, 1]) node.append(write(x0 - 6, py(tick) + 4, number(tick), { "text-anchor": "end" }));
    // The legend: from the best rate to 1, then what diverges.
    const fast = Math.exp(fastest), legend = x0 + wide + 14;
    [0, 0.25, 0.5, 0.75, 1].forEach((share, i) => {
      const factor = Math.exp(fastest * (1 - share) ** 2);
      node.append(draw("rect", { x: legend, y: TOP + 16 + 22 * i, width: 16, height: 16, fill: "var(--hue-0)", "fill-opacity": share === 1 ? 0.05 : shade(factor, fastest), stroke: "var(--contour)" }), write(legend + 21, TOP + 28 + 22 * i, number(i ? factor : fast)));
    });
    node.append(write(legend, TOP + 10, tr("factor a step")), draw("rect", { x: legend, y: TOP + 130, width: 16, height: 16, fill: "var(--hue-1)", "fill-opacity": 0.35 }), write(legend + 21, TOP + 142, tr("diverges")));
    const [bx, by] = [px(best.lr), py(best.b)];
    const clear = { fill: "none", stroke: "var(--ink)" };
    node.append(draw("circle", { cx: bx, cy: by, r: 5, ...clear }), write(x0 + wide / 2, H - 4, tr("Learning rate"), { "text-anchor": "middle" }), write(12, y0 - tall / 2, tr("Momentum b"), { "text-anchor": "middle", transform: `rotate(-90 12 ${y0 - tall / 2})` }),
      draw("path", { d: `M${px(lr) - 7} ${py(b)}h14M${px(lr)} ${py(b) - 7}v14`, "stroke-width": 2, ...clear }));
    node.addEventListener("click", (event) => {
      const box = node.getBoundingClientRect();
      const [sx, sy] = [(event.clientX - box.left) * W / box.width, (event.clientY - box.top) * H / box.height];
      choose({ lr: at(Math.min(Math.max((sx - x0) / wide, 0), 1)), b: Math.min(Math.max((y0 - sy) / tall, 0), 0.99) });
      labs.momentum.keep();
    });
    return node;
  };
  const valleyOf = (k) => [RAVINE[1] / k, RAVINE[1]];
  lab("momentum", [{ key: "lr", words: tr("Learning rate"), min: 0.001, max: 0.24, value: 0.1, log: true }, { key: "b", words: tr("Momentum b"), min: 0, max: 0.99, value: 0.8 }, { key: "k", words: tr("Condition number k"), min: 2, max: 1000, value: 144, log: true }],
    [[tr("Plain descent"), { lr: 0.1, b: 0 }], [tr("Heavy ball"), { lr: 0.1, b: 0.8 }], [tr("The best pair"), ({ k }) => bestPair(...valleyOf(k))], [tr("Too much momentum"), { lr: 0.1, b: 0.98 }], [tr("The ravine's k"), { k: 144 }]],
    ({ lr, b, k }, choose) => {
      const curvatures = valleyOf(k), STEPS = 120;
      const places = path(lr, b, curvatures, START, STEPS);
      const loss = (rates, momentum) => against(parts(path(rates, momentum, curvatures, START, STEPS), curvatures).map(sum));
      const best = bestPair(...curvatures);
      const lines = [
        { name: tr("this pair"), points: loss(lr, b), thick: true, hue: 1 },
        { name: tr("plain, best"), points: loss(2 / sum(curvatures), 0), hue: 0, dashes: "5 3" },
        { name: tr("best pair"), points: loss(best.lr, best.b), hue: 2, dashes: "2 2" },
      ];
      const [along, across] = curvatures.map((h) => radius(lr, b, h));
      return {
        said: tr("Factor a step: {along} along the valley, {across} across it. The slower one decides: {digit}. The best pair is lr {best_lr}, b {best_b} (circle).", { along: along.toFixed(4), across: across.toFixed(4), digit: digits(Math.max(along, across)), best_lr: number(best.lr), best_b: number(best.b) }),
        panels: [valley(tr("Path over the loss"), places, curvatures), chart({ title: tr("Loss against steps"), x: { name: tr("steps"), range: [0, STEPS] }, y: { name: tr("loss"), range: span(lines) }, lines }), map(lr, b, curvatures, choose)],
      };
    });

  // 4. Noise.
  const NOISY = [0.03, 1], NOISY_STEPS = 400;
  lab("noise", [{ key: "effective", words: tr("Effective rate lr/(1 − b)"), min: 0.02, max: 4, value: 0.5, log: true }, { key: "b", words: tr("Momentum b"), min: 0, max: 0.98, value: 0.9 }, { key: "noise", words: tr("Noise"), min: 0.01, max: 1, value: 0.3, log: true }, { key: "decay", words: tr("Decay after this share"), min: 0, max: 1, value: 0.5 }],
    [[tr("Hardly any noise"), { noise: 0.01 }], [tr("Much noise"), { noise: 1 }], [tr("Faster than descent may"), { effective: 3 }], [tr("Decay too early"), { decay: 0.03 }]],
    ({ effective, b, noise, decay }) => {
      const rates = (lr) => new Array(NOISY_STEPS).fill(lr);
      const start = evenStart(NOISY), lr = effective * (1 - b);
      const decayed = rates(lr).map((each, t) => (t < decay * NOISY_STEPS ? each : each / 10));
      const ball = expected(rates(lr), b, NOISY, start, noise);
      const two = [{ name: tr("left of the start"), points: against(ball.start), hue: 3 }, { name: tr("of noise"), points: against(ball.noise), hue: 4 }];
      const lines = [
        { name: tr("plain descent"), points: against(expected(rates(effective), 0, NOISY, start, noise).loss), hue: 0 },
        { name: `b = ${number(b)}`, points: against(ball.loss), thick: true, hue: 1 },
        { name: tr("with decay"), points: against(expected(decayed, b, NOISY, start, noise).loss), hue: 2, dashes: "5 3" },
      ];
      const floors = [[effective, 0], [lr, b]].map(([each, momentum]) => (rate(each, momentum, NOISY) < 1 ? sum(NOISY.map((h) => floor(each, momentum, h, noise))) : Infinity));
      return {
        said: tr("The heavy ball's own lr is {lr}. Floors: {plain} for plain descent at the effective rate, {ball} for the heavy ball.", { lr: number(lr), plain: Number.isFinite(floors[0]) ? number(floors[0]) : tr("none, it diverges"), ball: Number.isFinite(floors[1]) ? number(floors[1]) : tr("none, it diverges") }),
        panels: [
          chart({ title: tr("The loss to expect"), x: { name: tr("steps"), range: [0, NOISY_STEPS] }, y: { name: tr("loss"), range: span(lines) }, lines, rules: floors.map((at, i) => ({ at, color: `var(--hue-${i})` })).filter((one) => Number.isFinite(one.at)) }),
          chart({ title: tr("The two parts of it, with momentum"), x: { name: tr("steps"), range: [0, NOISY_STEPS] }, y: { name: tr("loss"), range: span(lines) }, lines: two }),
        ],
      };
    });

  // 5. Schedules.
  const NAMES = { constant: tr("Constant"), step: tr("Step decay"), cosine: tr("Cosine"), warmup_cosine: tr("Warm-up, cosine") };
  lab("schedules", [{ key: "lr", words: tr("Learning rate"), min: 0.01, max: 1.9, value: 0.5, log: true }, { key: "noise", words: tr("Noise"), min: 0.01, max: 1, value: 0.3, log: true }],
    [[tr("A low peak"), { lr: 0.05 }], [tr("A high peak"), { lr: 1.5 }], [tr("Hardly any noise"), { noise: 0.01 }], [tr("Much noise"), { noise: 1 }]],
    ({ lr, noise }) => {
      const start = evenStart(NOISY);
      const made = Object.keys(SCHEDULES).map((name) => ({ name: NAMES[name], rates: ratesOf(name, lr, NOISY_STEPS) }));
      const runs = made.map((one) => ({ ...one, ...expected(one.rates, 0, NOISY, start, noise) }));
      const lines = runs.map((one) => ({ name: one.name, points: against(one.loss) }));
      const last = (values) => number(values[NOISY_STEPS]);
      return {
        said: runs.map((one) => tr("{name} ends at {loss}: {start} left of the start, {noise} of noise.", { name: one.name, loss: last(one.loss), start: last(one.start), noise: last(one.noise) })).join(" "),
        panels: [
          chart({ title: tr("The learning rate"), x: { name: tr("steps"), range: [0, NOISY_STEPS] }, y: { name: tr("Learning rate"), range: [0, lr * 1.05] }, yLog: false, lines: made.map((one) => ({ name: one.name, points: against(one.rates) })) }),
          chart({ title: tr("The loss to expect"), x: { name: tr("steps"), range: [0, NOISY_STEPS] }, y: { name: tr("loss"), range: span(lines) }, lines }),
        ],
      };
    });

  // A link shows what somebody else has seen: #learn-momentum:lr=0.1,b=0.8,k=144.
  const follow = () => {
    const [, name, state] = location.hash.match(/^#learn-(\w+):([\w=.,+-]+)$/) ?? [];
    if (!labs[name]) return;
    labs[name].box.closest("details").open = true;
    labs[name].set(Object.fromEntries(state.split(",").map((pair) => pair.split("="))));
    labs[name].box.scrollIntoView();
  };
  follow();
  addEventListener("hashchange", follow);
})();
