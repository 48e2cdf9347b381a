// The page: reads the state, fills what is shown, listens to the controls.

/** @template {HTMLElement} E @param {string} id @param {new () => E} kind @returns {E} */
function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** @param {string} id */
const select = (id) => byId(id, HTMLSelectElement);
/** @param {string} id */
const input = (id) => byId(id, HTMLInputElement);
/** @param {string} id */
const element = (id) => byId(id, HTMLElement);

const page = /** @type {Page} */ (JSON.parse(element("page").textContent ?? ""));
const OWN = "own shares …";
let state = stateOf(page, location.hash);
/** @type {Network} */
let network;
/** @type {Record<string, Chart>} */
const charts = {};
let later = 0;

/** The data of a network, which lie compressed in the page until it is chosen. @param {string} name @returns {Promise<Network>} */
async function load(name) {
  const packed = element(`network-${page.networks.indexOf(name)}`).textContent ?? "";
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/** The strategy that a network has tables of and that moves the same in it; the name itself where none does. @param {string} name */
function nameIn(name) {
  const moving = page.dimensions.map((dimension) => network.knobs.some((knob) => knob.moves && knob.dimension === dimension));
  const direction = directionOf(name);
  const alike = (/** @type {string} */ other) =>
    directionOf(other).every((exponent, i) => !moving[i] || Math.abs(exponent - direction[i]) < 1e-12);
  return Object.keys(tables()).find(alike) ?? name;
}

/** The exponents of a strategy, listed or of own shares. @param {string} name */
function directionOf(name) {
  const listed = page.strategies.find((one) => one.name === name);
  return listed?.direction ?? mixed(page.letters, weightsOf(page.letters, name) ?? []) ?? page.strategies[0].direction;
}

/** The tables of the network by the chosen rule. */
function tables() {
  return network.tables[network.rules[state.rule]];
}

/** The chosen strategy's table and the row nearest to s; null for shares of one's own, and where nothing can be built. */
function realised() {
  const table = tables()[nameIn(state.strategy)];
  if (!table?.s.length) return null;
  const row = nearestRow(page.factors, table.s, state.s);
  return { table, row, factor: page.factors[table.s[row]] };
}

/** The number of the device in the charts; -1 without devices. */
function device() {
  return page.devices.findIndex(({ name }) => name === state.device);
}

/** @param {Partial<State>} changes */
async function change_(changes) {
  state = { ...state, ...changes };
  if (network?.name !== state.network) {
    const loaded = await load(state.network);
    if (loaded.name !== state.network) return; // another was chosen meanwhile
    network = loaded;
    fillStrategies();
  }
  show();
  document.documentElement.dataset.shown = fragmentOf(state);
  clearTimeout(later);
  later = setTimeout(() => history.replaceState(null, "", fragmentOf(state)), 150); // browsers slow those that do it often
}

function show() {
  showControls();
  showNumbers();
  showCharts();
  showStrategies();
  showSizes();
  if (byId("why", HTMLDetailsElement).open) showSteps();
  showCommands();
}

/** Looks of the lines: those of the figures, and grey. @param {string} name */
function look(name) {
  const found = page.strategies.find((one) => one.name === name && one.colour);
  return { colour: found?.colour ?? page.grey, dash: found?.dash.length ? found.dash : undefined, width: found ? 1.6 : 0.7 };
}

function showCharts() {
  const at = realised();
  const direction = directionOf(state.strategy);
  const costs = /** @type {[string, number | null][]} */ ([["flops", null], ["params", null], ["acts", null]]);
  if (device() >= 0) costs.push(["memory", device()], ["seconds", device()]);
  const against = state.view === "flops";
  for (const key of ["flops", "params", "acts", "memory", "seconds"]) {
    charts[key].figure.hidden = !costs.some(([cost]) => cost === key) || (against && key === "flops");
  }
  for (const [cost, of] of costs) {
    if (against && cost === "flops") continue;
    charts[cost].draw(against ? flopsAgainst(cost, of, at) : costAgainstS(cost, of, at, direction));
  }
  charts.exponents.figure.hidden = against || !network.polynomials;
  if (!charts.exponents.figure.hidden) charts.exponents.draw(exponentsAgainstS(direction));
}

/** @param {string} cost @param {number | null} of */
function titleOf(cost, of) {
  const [name, unit] = TITLES[cost];
  return of === null ? `${name} (${unit})` : `${name} on ${page.devices[of].name} (${unit})`;
}

/** A budget as a line that can be dragged. @param {string} cost @param {number | null} of @param {"x" | "y"} axis @returns {Across} */
function budgetLine(cost, of, axis) {
  const key = budgetKey(cost, of === null ? null : page.devices[of].name);
  const drag = (/** @type {number | null} */ value) => {
    const { [key]: _, ...budgets } = state.budgets;
    change_({ budgets: value === null ? budgets : { ...budgets, [key]: Number(value.toPrecision(3)) } });
  };
  const value = state.budgets[key] ?? null;
  return { axis, value, colour: theme().budget, label: value === null ? "budget" : `≤ ${amount(cost, value)}`, drag };
}

/** @returns {Across} */
function factorLine() {
  const drag = (/** @type {number | null} */ s) => change_({ s: page.factors[nearestRow(page.factors, page.factors.map((_, i) => i), s ?? MOST)] });
  return { axis: "x", value: state.s, colour: theme().front, label: "", drag };
}

/** @type {Record<string, {of: string, lines: Line[]}>} */
const drawn = {};

/**
 * The lines of a chart; the very same while s and the budgets alone change, which move no line.
 * @param {string} chart @param {() => Line[]} make @returns {Line[]}
 */
function linesOf(chart, make) {
  const { s: _, budgets: __, ...rest } = state;
  const of = JSON.stringify([rest, theme().text]);
  if (drawn[chart]?.of !== of) drawn[chart] = { of, lines: make() };
  return drawn[chart].lines;
}

/** @param {string} name */
const choose = (name) => {
  if (name && [...select("strategy").options].some(({ value }) => value === name)) change_({ strategy: name });
};

/** @param {string} cost @param {number | null} of @param {ReturnType<typeof realised>} at @param {number[]} direction @returns {Drawing} */
function costAgainstS(cost, of, at, direction) {
  const range = /** @type {[number, number]} */ ([page.factors[0], page.factors[page.factors.length - 1]]);
  const lines = linesOf(cost, () => costLines(cost, of, at, direction));
  return { title: titleOf(cost, of), x: "s", y: cost, lines, across: [budgetLine(cost, of, "y"), factorLine()], xRange: range, choose };
}

/** @param {string} cost @param {number | null} of @param {ReturnType<typeof realised>} at @param {number[]} direction @returns {Line[]} */
function costLines(cost, of, at, direction) {
  const polynomial = of === null ? network.polynomials?.[cost] : undefined;
  const ideal = (/** @type {number[]} */ along_) =>
    page.factors.map((s) => /** @type {[number, number]} */ ([s, evaluate(polynomial ?? [], along_, s)]));
  const points = (/** @type {Table} */ table) =>
    table.s.map((s, row) => /** @type {[number, number]} */ ([page.factors[s], costOf(table, row, { cost, device: of })]));
  const lines = Object.entries(tables()).map(([name, table]) => ({ name, ...look(name), points: polynomial ? ideal(directionOf(name)) : points(table) }));
  const front = { name: state.strategy, colour: theme().front, width: 2.4 };
  const dots = at ? points(at.table) : [];
  const [low, high] = of === null ? [1, 1] : network.intervals[of];
  const band = cost === "seconds" ? dots.map(([, y]) => /** @type {[number, number]} */ ([y * low, y * high])) : undefined;
  const chosen = polynomial
    ? [{ ...front, points: ideal(direction) }, { ...front, points: dots, marks: true, only: true }]
    : [{ ...front, points: dots, marks: true, ...(band ? { band } : {}) }];
  return [...lines, ...chosen];
}

/** @param {string} cost @param {number | null} of @param {ReturnType<typeof realised>} at @returns {Drawing} */
function flopsAgainst(cost, of, at) {
  const lines = linesOf(cost, () => flopsLines(cost, of, at));
  return { title: `flops against ${titleOf(cost, of)}`, x: cost, y: "flops", lines, across: [budgetLine(cost, of, "x"), budgetLine("flops", null, "y")], xRange: null, choose };
}

/** @param {string} cost @param {number | null} of @param {ReturnType<typeof realised>} at @returns {Line[]} */
function flopsLines(cost, of, at) {
  const points = (/** @type {Table} */ table) =>
    table.s.map((_, row) => /** @type {[number, number]} */ ([costOf(table, row, { cost, device: of }), table.flops[row]]));
  const lines = /** @type {Line[]} */ (Object.entries(tables()).map(([name, table]) => ({ name, ...look(name), points: points(table) })));
  const { front, budget } = theme();
  lines.push({ name: state.strategy, colour: front, width: 2.4, points: at ? points(at.table) : [], marks: true });
  const name = of === null ? null : page.devices[of].name;
  const { fronts = [], candidates = [] } = network.choice ?? {};
  const edge = fronts.find((one) => one.cost === cost && one.device === name);
  lines.push({ name: "front of all variants", colour: budget, width: 1.6, points: edge?.points ?? [] });
  const chosen = candidates.map((one) => {
    const value = name === null ? one[/** @type {"params" | "acts"} */ (cost)] : one.devices[name][/** @type {"seconds" | "memory"} */ (cost)];
    return /** @type {[number, number]} */ ([value, one.flops]);
  });
  lines.push({ name: "largest within the command's budgets", colour: budget, width: 2, points: chosen, marks: true, only: true });
  return lines;
}

/** @param {number[]} direction @returns {Drawing} */
function exponentsAgainstS(direction) {
  const range = /** @type {[number, number]} */ ([page.factors[0], page.factors[page.factors.length - 1]]);
  const lines = linesOf("exponents", () => exponentLines(direction));
  return { title: "effective exponents (dashed: limits)", x: "s", y: "exponent", lines, across: [factorLine()], xRange: range, choose: () => {} };
}

/** @param {number[]} direction @returns {Line[]} */
function exponentLines(direction) {
  const { colours } = page;
  return Object.entries(network.polynomials ?? {}).flatMap(([metric, polynomial]) => {
    const limit = limitOf(polynomial, direction);
    const along_ = page.factors.map((s) => /** @type {[number, number]} */ ([s, exponentAt(polynomial, direction, s)]));
    const ends = /** @type {[number, number][]} */ ([[page.factors[0], limit], [page.factors[page.factors.length - 1], limit]]);
    return [{ name: metric, colour: colours[metric], width: 2, points: along_ }, { name: `limit of ${metric}`, colour: colours[metric], width: 1, dash: [3, 4], points: ends }];
  });
}
