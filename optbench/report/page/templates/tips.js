// What lies under the pointer: whose curve or mark is nearest, and its values there, read off the drawing.
(() => {
  const { make, svg, number } = page;
  const names = new Map([...document.querySelectorAll(".legend li")].map((item) => [`s${item.dataset.series}`, item.textContent.trim()]));
  const NEAR = 14; // units of the drawing within which something is meant
  const DOT = 5; // by which a mark is preferred to the line through it
  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true");
  const ring = svg("circle");
  for (const [name, text] of Object.entries({ r: 5, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5 })) ring.setAttribute(name, text);
  document.body.append(tip);

  const scale = (text) => {
    if (!text) return null;
    const [from, to, low, high] = text.split(" ").map(Number);
    const log = text.endsWith("log");
    const [first, last] = log ? [Math.log(low), Math.log(high)] : [low, high];
    return {
      holds: (at) => at >= Math.min(from, to) - 1 && at <= Math.max(from, to) + 1,
      value: (at) => {
        const value = first + ((at - from) / (to - from)) * (last - first);
        return log ? Math.exp(value) : value;
      },
    };
  };
  // The corners of a path of moves and lines, as the drawings write them; none of any other.
  const corners = (d) => {
    const found = [];
    let x = 0, y = 0, command = "";
    const words = d.match(/[A-Za-z]|-?[\d.]+(?:e-?\d+)?/g) ?? [];
    for (let i = 0; i < words.length;) {
      if (/[A-Za-z]/.test(words[i])) { command = words[i]; i += 1; continue; }
      if (!"MlL".includes(command)) return [];
      const [a, b] = [Number(words[i]), Number(words[i + 1])];
      [x, y] = command === "l" ? [x + a, y + b] : [a, b];
      found.push([x, y]);
      i += 2;
    }
    return found;
  };
  const known = new WeakMap();
  const marks = (drawing) => {
    if (known.has(drawing)) return known.get(drawing);
    const found = [];
    for (const group of drawing.querySelectorAll('g[class^="s"]')) {
      const name = names.get(group.getAttribute("class").split(" ")[0]);
      if (!name) continue;
      for (const path of group.querySelectorAll(':scope > path[fill="none"], :scope > g > path[fill="none"]')) {
        const line = corners(path.getAttribute("d") ?? "");
        if (line.length > 2) found.push(...line.map(([x, y]) => ({ name, x, y, near: 0 }))); // two are an interval
      }
      for (const use of group.querySelectorAll("use")) {
        const [x, y] = [Number(use.getAttribute("x")), Number(use.getAttribute("y"))];
        if (x) found.push({ name, x, y, near: DOT }); // a band stands at 0
      }
    }
    known.set(drawing, found);
    return found;
  };
  const hide = () => { tip.hidden = true; ring.remove(); };
  const show = (event) => {
    const drawing = event.target.closest?.(".panel > svg");
    if (!drawing || !(drawing.dataset.x || drawing.dataset.y)) return hide();
    const axes = { x: scale(drawing.dataset.x), y: scale(drawing.dataset.y) };
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    let nearest = null, least = NEAR;
    for (const mark of marks(drawing)) {
      if ((axes.x && !axes.x.holds(mark.x)) || (axes.y && !axes.y.holds(mark.y))) continue;
      const distance = Math.hypot(mark.x - at.x, mark.y - at.y) - mark.near;
      if (distance < least) [nearest, least] = [mark, distance];
    }
    if (!nearest) return hide();
    const said = ["x", "y"].filter((axis) => axes[axis]).map((axis) => number(axes[axis].value(nearest[axis])));
    tip.textContent = `${nearest.name}: ${said.join(", ")}`;
    tip.hidden = false;
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16 + tip.offsetHeight > innerHeight ? event.clientY - 10 - tip.offsetHeight : event.clientY + 16}px`;
    ring.setAttribute("cx", nearest.x);
    ring.setAttribute("cy", nearest.y);
    drawing.append(ring);
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  addEventListener("scroll", hide, { passive: true });
})();
