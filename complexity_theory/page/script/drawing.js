// The realised sizes drawn: each part of the network before (outline) and after (filled), and its input.

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {Record<string, string | number>} attributes @param {string} [text] */
function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * The parts of a network in the order of its knobs, with the sizes of each before and after.
 * @param {Network} network @param {number[]} sizes
 */
function partsOf(network, sizes) {
  /** @type {Map<string, Record<string, [number, number]>>} */
  const parts = new Map();
  network.knobs.forEach((knob, i) => {
    const name = knob.dimension === "resolution" ? "input" : knob.name.replace(/\.[^.]*$/, "");
    parts.set(name, { ...parts.get(name), [knob.name.endsWith(".width") && name === "input" ? "other side" : knob.dimension]: [knob.base, sizes[i]] });
  });
  const input = parts.get("input");
  parts.delete("input");
  const ends = ["stem", "head"].map((name) => /** @type {const} */ ([name, parts.get(name)]));
  for (const [name] of ends) parts.delete(name);
  const [stem, head] = ends.map(([name, part]) => (part ? [{ name, part }] : []));
  return { input, parts: [...stem, ...[...parts].map(([name, part]) => ({ name, part })), ...head] };
}

/**
 * Draws them: a part is as long as it is deep and as high as it is wide, the input is a square.
 * @param {SVGElement} svg @param {Network} network @param {number[]} sizes
 */
function drawSizes(svg, network, sizes) {
  const { input, parts } = partsOf(network, sizes);
  const deepest = parts.map(({ part }) => Math.max(...(part.depth ?? [1])));
  const widest = Math.max(1, ...parts.flatMap(({ part }) => part.width ?? []));
  const side = Math.max(1, ...(input?.resolution ?? []));
  const [room, square, gap] = [640, 84, 7];
  const unit = Math.max(0.6, (room - square - gap * parts.length) / deepest.reduce((sum, depth) => sum + depth, 0));
  const labels = parts.map(({ name }) => name.replace("stage", ""));
  const crowded = labels.some((label, i) => 5 * label.length > unit * deepest[i] + gap);
  const drawn = [];
  const box = (/** @type {string} */ kind, /** @type {number} */ x, /** @type {number} */ w, /** @type {number} */ h) =>
    shape("rect", { class: kind, x, y: 60 - h / 2, width: w, height: h });
  if (input?.resolution) {
    const [before, after] = input.resolution.map((r) => (70 * r) / side);
    drawn.push(box("after", 4, after, after), box("before", 4, before, before));
    drawn.push(shape("text", { x: 4, y: 124 }, change("r", input.resolution)));
  }
  let x = square;
  parts.forEach(({ name, part }, i) => {
    const height = (/** @type {number} */ width) => Math.max(2, 100 * Math.sqrt(width / widest));
    const [before, after] = [0, 1].map((k) => ({ long: unit * (part.depth?.[k] ?? 1), high: height(part.width?.[k] ?? widest / 16) }));
    const about = Object.entries(part).map(([dimension, pair]) => change(dimension.replace("_", " "), pair));
    const group = shape("g", {});
    group.append(shape("title", {}, `${name}: ${about.join(", ")}`), box("after", x, after.long, after.high), box("before", x, before.long, before.high));
    drawn.push(group);
    if (parts.length <= 12) drawn.push(shape("text", { x, y: crowded && i % 2 ? 135 : 124 }, labels[i]));
    x += unit * deepest[i] + gap;
  });
  svg.setAttribute("viewBox", `0 0 ${Math.max(room, x)} 138`);
  svg.replaceChildren(...drawn);
}

const MOST_PARTS = 24; // of a table that is still read at a glance

/**
 * The same as a table: a column a part, none where there are too many of them.
 * @param {Network} network @param {number[]} sizes
 */
function partRows(network, sizes) {
  const { input, parts } = partsOf(network, sizes);
  const all = [...(input ? [{ name: "input", part: input }] : []), ...parts];
  const dimensions = ["resolution", "other side", "depth", "width", "group_width"].filter((one) => all.some(({ part }) => part[one]));
  const rows = dimensions.map((one) => [one.replace("_", " "), ...all.map(({ part }) => (part[one] ? change("", part[one]) : ""))]);
  return { heads: ["", ...all.map(({ name }) => name.replace("stage", "stage "))], rows: all.length > MOST_PARTS ? [] : rows };
}

/** @param {string} what @param {[number, number]} pair */
function change(what, [before, after]) {
  return `${what} ${before === after ? before : `${before} → ${after}`}`.trim();
}
