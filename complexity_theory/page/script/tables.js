// The tables of the page, the derivation and the commands: filled from the state.

/**
 * A cell: its text, or also what it stands for exactly (read by tests, and exported).
 * @typedef {string | {text: string, value?: number | null, key?: string, over?: boolean, choose?: string, words?: boolean}} Cell
 */

/** @type {WeakMap<HTMLElement, string>} what each cell shows, so that only what changes is written */
const shown = new WeakMap();

/** @param {string} id @param {Cell[]} heads @param {Cell[][]} rows @param {(row: number) => boolean} [chosen] */
function fill(id, heads, rows, chosen) {
  const table = byId(id, HTMLTableElement);
  const all = rows.length ? [heads, ...rows] : [];
  if (table.rows.length !== all.length || all.some((cells, i) => table.rows[i].cells.length !== cells.length)) {
    const [head, body] = [document.createElement("thead"), document.createElement("tbody")];
    all.forEach((cells, i) => (i ? body : head).append(row_(cells.length, i === 0)));
    table.replaceChildren(head, body);
  }
  [...table.rows].forEach((row, i) => {
    [...row.cells].forEach((place, j) => put(place, all[i][j]));
    if (i) row.className = chosen?.(i - 1) ? "chosen" : "";
  });
}

/** A row of empty cells. @param {number} cells @param {boolean} heads */
function row_(cells, heads) {
  const made = document.createElement("tr");
  for (let i = 0; i < cells; i += 1) {
    const one = document.createElement(heads || !i ? "th" : "td");
    if (one.tagName === "TH") one.scope = heads ? "col" : "row";
    made.append(one);
  }
  return made;
}

/** @param {HTMLElement} place @param {Cell} cell */
function put(place, cell) {
  const now = JSON.stringify(cell);
  if (shown.get(place) === now) return;
  shown.set(place, now);
  const { text, value, key, over, choose: chosen, words } = typeof cell === "string" ? { text: cell } : cell;
  if (chosen === undefined) place.textContent = text;
  else place.replaceChildren(chooser(chosen));
  for (const [name, told] of Object.entries({ key, value })) {
    if (told === undefined || told === null) delete place.dataset[name];
    else place.dataset[name] = String(told);
  }
  place.classList.toggle("over", Boolean(over));
  place.classList.toggle("words", Boolean(words));
}

/** A cell or a head of words, which are broken into lines where the room is short. @param {string} text @returns {Cell} */
function told(text) {
  return { text, words: true };
}

/** A button that chooses a strategy. @param {string} name */
function chooser(name) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = name;
  made.addEventListener("click", () => choose(name));
  return made;
}

/** @param {string} key @param {number | null | undefined} value @param {(value: number) => string} [told] @returns {Cell} */
function exact(key, value, told = whole) {
  return value === null || value === undefined ? "—" : { text: told(value), value, key };
}

function showNumbers() {
  const at = realised();
  const direction = directionOf(state.strategy);
  const { base, polynomials } = network;
  element("now").textContent = `${network.name} under ${state.strategy} at s = ${ratio(state.s)}`;
  const built = at ? (at.factor === state.s ? "" : `Realised at the nearest factor of the tables, s = ${at.factor}. `) : "Shares of your own have no table of realised networks: the command below makes one. ";
  element("note").textContent = `${built}${network.why}${network.note ? `${network.why ? ". " : ""}${network.note}` : ""}`;
  const rows = [...page.metrics, "kept"].map((metric) => {
    const polynomial = polynomials?.[metric];
    const [ideal, exponent, limit] = polynomial
      ? [evaluate(polynomial, direction, state.s), exponentAt(polynomial, direction, state.s), limitOf(polynomial, direction)]
      : [null, null, null];
    const own = metric === "kept" ? polynomial && evaluate(polynomial, direction, 1) : base[metric];
    const found = at && metric !== "kept" ? costOf(at.table, at.row, { cost: metric, device: null }) : null;
    return [
      TITLES[metric][0],
      exact(`base ${metric}`, own),
      exact(`ideal ${metric}`, ideal),
      exact(`realised ${metric}`, found),
      ratio(found !== null && own ? found / own : ideal !== null && own ? ideal / own : null),
      exact(`exponent ${metric}`, exponent, ratio),
      exact(`limit ${metric}`, limit, ratio),
    ];
  });
  fill("numbers", ["", "base", "ideal", "realised", "× base", "exponent at s", "its limit"], rows);
  showTimes(at);
}

/** @param {ReturnType<typeof realised>} at */
function showTimes(at) {
  /** @type {string[]} */
  const outside = [];
  const rows = !at ? [] : page.devices.map(({ name, mode, batch, fitted }, of) => {
    const seconds = costOf(at.table, at.row, { cost: "seconds", device: of });
    const [low, high] = network.intervals[of];
    for (const [metric, [least, most]] of Object.entries(fitted)) {
      const value = costOf(at.table, at.row, { cost: metric, device: null });
      if (value < least || value > most) outside.push(`${metric} are outside what ${name} was fitted to (${brief(least)} to ${brief(most)})`);
    }
    const time = (/** @type {number} */ value) => amount("seconds", value);
    return [
      name,
      told(`${mode}, batch ${batch}`),
      exact(`seconds ${name}`, seconds, time),
      exact(`low ${name}`, seconds * low, time),
      exact(`high ${name}`, seconds * high, time),
      exact(`memory ${name}`, costOf(at.table, at.row, { cost: "memory", device: of }), (value) => amount("memory", value)),
    ];
  });
  fill("times", ["device", told("profile of"), "time an image", "9 in 10 from", "to", "memory at the batch"], rows);
  const warned = [...new Set(network.warnings.flat())].map((line) => `of ${network.name}: ${line}`);
  element("warnings").textContent = [...outside, ...warned].join("; ");
}

/** The rows of all strategies at the factor, and the largest of each within the budgets. */
function strategyRows() {
  const bounds = boundsOf(page, state);
  const of = device();
  return Object.entries(tables()).map(([name, table]) => {
    const row = nearestRow(page.factors, table.s, state.s);
    const costs = /** @type {[string, number | null][]} */ ([["flops", null], ["params", null], ["acts", null], ...(of < 0 ? [] : [["memory", of], ["seconds", of]])]);
    const cells = costs.map(([cost, on]) => {
      const value = row < 0 ? null : costOf(table, row, { cost, device: on });
      const bound = bounds.find((one) => one.cost === cost && one.device === on)?.bound ?? Infinity;
      return { cost, value, over: value !== null && value > bound };
    });
    const best = bounds.length ? largestWithin(table, bounds) : null;
    return { name, factor: row < 0 ? null : page.factors[table.s[row]], cells, best, table };
  });
}

/** What binds, in words. @param {ReturnType<typeof strategyRows>[number]} row */
function bindingOf({ best }) {
  if (!best) return "nothing fits";
  if (!best.binding) return "nothing up to the last factor";
  const { cost, device: of } = best.binding;
  return of === null ? TITLES[cost][0] : `${TITLES[cost][0]} on ${page.devices[of].name}`;
}

/** @returns {{heads: Cell[], rows: Cell[][]}} */
function strategyTable() {
  const bounded = Object.keys(state.budgets).length > 0;
  const on = device() < 0 ? [] : ["memory", "time"];
  const heads = ["strategy", "s", "flops", "params", "acts", ...on, ...(bounded ? ["fits up to s", "its flops", told("what binds")] : [])];
  const rows = strategyRows().map((row) => [
    { text: row.name, choose: row.name },
    exact(`${row.name} s`, row.factor, String),
    ...row.cells.map(({ cost, value, over }) => {
      const cell = exact(`${row.name} ${cost}`, value, cost === "memory" || cost === "seconds" ? (v) => amount(cost, v) : whole);
      return typeof cell === "string" ? cell : { ...cell, over };
    }),
    ...(!bounded ? [] : [
      exact(`${row.name} fits s`, row.best && page.factors[row.table.s[row.best.row]], String),
      exact(`${row.name} fits flops`, row.best && row.table.flops[row.best.row]),
      told(bindingOf(row)),
    ]),
  ]);
  return { heads, rows };
}

function showStrategies() {
  const { heads, rows } = strategyTable();
  const names = Object.keys(tables());
  fill("strategies", heads, rows, (i) => names[i] === nameIn(state.strategy));
  const bounded = Object.keys(state.budgets).length > 0;
  const on = device() < 0 ? "" : `; memory and time on ${state.device}`;
  element("strategies-note").textContent = `Realised at the factor nearest to s = ${ratio(state.s)}, rounded by ${state.rule}${on}.`;
  element("budget-note").textContent = bounded
    ? "The largest of the networks of this table of factors; `complexity-theory choose` looks at all networks in between."
    : "";
}

/** The chosen strategy at all factors. @returns {(string | number)[][]} */
function factorRows() {
  const table = tables()[nameIn(state.strategy)];
  const names = page.devices.map(({ name }) => name);
  const columns = names.flatMap((name) => [`seconds on ${name}`, `low on ${name}`, `high on ${name}`, `bytes on ${name}`]);
  const heads = ["network", "strategy", "rounding", "s", ...page.metrics, ...columns, ...network.knobs.map(({ name }) => name)];
  const rows = (table?.s ?? []).map((s, row) => [
    network.name, state.strategy, state.rule, page.factors[s],
    ...page.metrics.map((cost) => costOf(table, row, { cost, device: null })),
    ...names.flatMap((_, of) => {
      const seconds = costOf(table, row, { cost: "seconds", device: of });
      return [seconds, ...network.intervals[of].map((end_) => seconds * end_), costOf(table, row, { cost: "memory", device: of })];
    }),
    ...sizesOf(table, row),
  ]);
  return [heads, ...rows];
}

/** The sizes of all knobs of a row, in their order. @param {Table} table @param {number} row */
function sizesOf(table, row) {
  const known = network.sizes[network.rules[state.rule]];
  /** @type {Record<string, number>} */
  const next = {};
  return network.knobs.map(({ dimension }) => {
    const i = (next[dimension] = (next[dimension] ?? -1) + 1);
    return known[dimension][table.sizes[dimension][row]][i];
  });
}

function showSizes() {
  const at = realised();
  const sizes = at ? sizesOf(at.table, at.row) : network.knobs.map(({ base }) => base);
  drawSizes(/** @type {SVGElement} */ (/** @type {unknown} */ (document.getElementById("drawing"))), network, sizes);
  const { heads, rows: parts } = partRows(network, sizes);
  fill("parts", heads, parts);
  const along_ = multipliers(directionOf(state.strategy), at?.factor ?? state.s);
  const rows = network.knobs.map(({ name, dimension, base, moves, why }, i) => [
    name,
    told(dimension.replace("_", " ")),
    String(base),
    moves ? ratio(base * along_[page.dimensions.indexOf(dimension)]) : String(base),
    exact(`size ${name}`, at ? sizes[i] : null, String),
    told(why),
  ]);
  fill("sizes", ["size", told("dimension"), "base", "ideal", "realised", ""], rows);
}

function showSteps() {
  const name = nameIn(state.strategy);
  const strategy = page.strategies.find((one) => one.name === state.strategy) ?? page.strategies.find((one) => one.name === name);
  const steps = [...(strategy?.steps ?? []), ...network.steps, ...(network.substituted[name] ?? [])];
  const made = steps.flatMap(({ title, equations }, i) => {
    const heading = document.createElement("p");
    heading.textContent = `${i + 1}. ${title}`;
    return [heading, ...equations.map(formula)];
  });
  element("steps").replaceChildren(...made);
}

/** A formula that Python wrote as MathML. @param {string} text */
function formula(text) {
  const made = document.createElement("div");
  const parsed = new DOMParser().parseFromString(text, "text/html").querySelector("math");
  if (parsed) made.append(document.importNode(parsed, true));
  return made;
}

/** The command that finds the largest networks within the budgets; null where it has no words for them. */
function chooseCommand() {
  const bounds = boundsOf(page, state);
  const of = (/** @type {string} */ cost) => bounds.filter((one) => one.cost === cost);
  const numbers = [...new Set(bounds.flatMap(({ device: on }) => (on === null ? [] : [on])))];
  const [times, memory] = [of("seconds"), of("memory")];
  const alike = new Set(memory.map(({ bound }) => bound)).size <= 1;
  if (!bounds.length || !alike || [times, memory].some((some) => some.length && some.length < numbers.length)) return null;
  const options_ = [
    ...numbers.map((on) => `--device ${page.devices[on].name}`),
    ...["flops", "params", "acts"].flatMap((cost) => of(cost).map(({ bound }) => `--max-${cost} ${bound}`)),
    ...memory.slice(0, 1).map(({ bound }) => `--max-memory ${bound}`),
    ...numbers.flatMap((on) => times.filter(({ device: one }) => one === on).map(({ bound }) => `--max-time ${bound}s`)),
  ];
  return `complexity-theory choose ${network.shell} ${options_.join(" ")}`;
}

function showCommands() {
  const at = realised();
  const s = at?.factor ?? state.s;
  const how = `--strategy ${state.strategy} --factor ${s}`;
  const lines = [
    `complexity-theory derive ${state.strategy} --network ${network.shell} --at ${state.s}`,
    `complexity-theory scale ${network.shell} ${how} --rounding ${state.rule} --output scaled.toml`,
    ...page.devices.map(({ name, batch }) => `complexity-theory predict scaled.toml --device ${name} --batch ${batch}`),
  ];
  const within = chooseCommand();
  if (within) lines.push(within);
  element("command").textContent = lines.join("\n");
  const python = [
    "import complexity_theory as ct",
    "",
    `scaled = ct.scale(${network.python}, "${state.strategy}", factor=${s}, rounding="${state.rule}")`,
    "print(scaled.complexity)",
    ...page.devices.map(({ name, batch }) => `print(ct.predict(scaled.network, "${name}", batch=${batch}).seconds)`),
  ];
  element("python").textContent = python.join("\n");
}
