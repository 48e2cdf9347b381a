// What the page computes: polynomials at multipliers, their slopes and limits, and rows of tables. No cost formula.

/**
 * A polynomial in the multipliers of depth, width, group width and resolution: a coefficient and four powers a term.
 * @typedef {number[][]} Polynomial
 *
 * @typedef {{title: string, equations: string[]}} Step
 * @typedef {{name: string, shares: string[], direction: number[], colour: string | null, dash: number[], steps: Step[]}} Strategy
 * @typedef {{letter: string, direction: number[], counts: boolean, alone: number}} Letter
 * @typedef {{name: string, mode: string, batch: number, source: string, fitted: Record<string, [number, number]>}} Device
 * @typedef {{name: string, dimension: string, base: number, moves: boolean, why: string}} Knob
 *
 * The realised networks along a strategy, a column each; `s` are numbers of the page's factors, `sizes` of its sizes.
 * @typedef {{s: number[], flops: number[], params: number[], acts: number[], seconds: number[][], memory: number[][],
 *   sizes: Record<string, number[]>}} Table
 *
 * @typedef {{cost: string, device: string | null, points: [number, number][]}} Front
 * @typedef {{strategy: string, rounding: string, factor: number, flops: number, params: number, acts: number,
 *   binding: string, devices: Record<string, {seconds: number, memory: number}>}} Candidate
 * @typedef {{bounds: [string, string | null, number][], candidates: Candidate[], fronts: Front[]}} Choice
 *
 * @typedef {{name: string, note: string, shell: string, python: string, base: Record<string, number>, knobs: Knob[],
 *   polynomials: Record<string, Polynomial> | null, why: string, steps: Step[],
 *   substituted: Record<string, Step[]>, rules: Record<string, string>,
 *   sizes: Record<string, Record<string, number[][]>>, tables: Record<string, Record<string, Table>>,
 *   intervals: [number, number][], warnings: string[][], choice: Choice | null}} Network
 *
 * @typedef {{dimensions: string[], metrics: string[], factors: number[], alphas: {alpha: number, strategy: string}[],
 *   strategies: Strategy[], letters: Letter[], rules: string[], devices: Device[], grey: string,
 *   colours: Record<string, string>, networks: string[], made: string}} Page
 */

/**
 * What depth, width, group width and resolution are multiplied by.
 * @param {number[]} direction @param {number} s
 */
function multipliers(direction, s) {
  return direction.map((exponent) => s ** exponent);
}

/** @param {number[]} powers @param {number[]} values */
function monomial(powers, values) {
  return values.reduce((product, value, i) => product * value ** powers[i], 1);
}

/** @param {number[]} powers @param {number[]} direction */
function along(powers, direction) {
  return direction.reduce((sum, exponent, i) => sum + exponent * powers[i], 0);
}

/**
 * A polynomial's value where the strategy has the factor s.
 * @param {Polynomial} polynomial @param {number[]} direction @param {number} s
 */
function evaluate(polynomial, direction, s) {
  const values = multipliers(direction, s);
  return polynomial.reduce((sum, [coefficient, ...powers]) => sum + coefficient * monomial(powers, values), 0);
}

/**
 * The effective exponent at s: the slope of log polynomial in log s, itself a ratio of two polynomials.
 * @param {Polynomial} polynomial @param {number[]} direction @param {number} s
 */
function exponentAt(polynomial, direction, s) {
  const values = multipliers(direction, s);
  let total = 0;
  let slope = 0;
  for (const [coefficient, ...powers] of polynomial) {
    const term = coefficient * monomial(powers, values);
    total += term;
    slope += term * along(powers, direction);
  }
  return slope / total;
}

/**
 * The limit of the effective exponent as s grows: the greatest exponent of s whose terms do not cancel.
 * @param {Polynomial} polynomial @param {number[]} direction
 */
function limitOf(polynomial, direction) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const [coefficient, ...powers] of polynomial) {
    const exponent = along(powers, direction).toFixed(9);
    found.set(exponent, (found.get(exponent) ?? 0) + coefficient);
  }
  return Math.max(...[...found].filter(([, coefficient]) => coefficient !== 0).map(([exponent]) => Number(exponent)));
}

/**
 * The factor at which a polynomial that grows with s has a value, by bisection; null where it does not reach it.
 * @param {Polynomial} polynomial @param {number[]} direction @param {number} value
 */
function factorFor(polynomial, direction, value) {
  let low = -40;
  let high = 40;
  if (!(evaluate(polynomial, direction, 2 ** low) < value && value < evaluate(polynomial, direction, 2 ** high))) {
    return null;
  }
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    [low, high] = evaluate(polynomial, direction, 2 ** middle) < value ? [middle, high] : [low, middle];
  }
  return 2 ** high;
}

/**
 * The direction of shares of the user's own: the letters' directions, mixed by their weights. Null where all are 0.
 * @param {Letter[]} letters @param {number[]} weights
 */
function mixed(letters, weights) {
  const sum = letters.reduce((total, { counts }, i) => total + (counts ? weights[i] : 0), 0);
  const total = sum || letters.reduce((all, { alone }, i) => all + alone * weights[i], 0);
  if (!(total > 0)) return null;
  return letters[0].direction.map((_, k) =>
    letters.reduce((exponent, { direction }, i) => exponent + (direction[k] * weights[i]) / total, 0),
  );
}

/**
 * The weights in a strategy's name such as d1_w8_g8_r1, in the order of the letters; null for other names.
 * @param {Letter[]} letters @param {string} name
 */
function weightsOf(letters, name) {
  const parts = name.split("_").map((part) => /^([dwgr])(\d{1,6}(?:\.\d{1,6})?)$/.exec(part));
  const given = new Map(parts.map((part) => (part ? [part[1], Number(part[2])] : ["", NaN])));
  if (given.has("") || given.size < parts.length) return null;
  const weights = letters.map(({ letter }) => given.get(letter) ?? 0);
  return mixed(letters, weights) ? weights : null;
}

/** The number of the row whose factor is nearest to s in ratio. @param {number[]} factors @param {number[]} rows @param {number} s */
function nearestRow(factors, rows, s) {
  let best = -1;
  for (let i = 0; i < rows.length; i += 1) {
    const apart = Math.abs(Math.log(factors[rows[i]] / s));
    if (best < 0 || apart < Math.abs(Math.log(factors[rows[best]] / s))) best = i;
  }
  return best;
}

/**
 * A bound: what of, on which device, how much.
 * @typedef {{cost: string, device: number | null, bound: number}} Bound
 */

/** What one row of a table costs. @param {Table} table @param {number} row @param {{cost: string, device: number | null}} of */
function costOf(table, row, { cost, device }) {
  if (cost === "seconds") return table.seconds[device ?? 0][row];
  if (cost === "memory") return table.memory[device ?? 0][row];
  return table[/** @type {"flops" | "params" | "acts"} */ (cost)][row];
}

/**
 * The row with most flops that keeps all bounds, and the bound that the next larger row breaks most.
 * @param {Table} table @param {Bound[]} bounds
 * @returns {{row: number, binding: Bound | null} | null}
 */
function largestWithin(table, bounds) {
  const order = table.s.map((_, row) => row).sort((a, b) => table.flops[a] - table.flops[b]);
  const share = (/** @type {number} */ row, /** @type {Bound} */ each) => costOf(table, row, each) / each.bound;
  const fitting = order.filter((row) => bounds.every((each) => share(row, each) <= 1));
  if (!fitting.length) return null;
  const best = fitting[fitting.length - 1];
  const next = order.find((row) => table.flops[row] > table.flops[best]);
  if (next === undefined) return { row: best, binding: null };
  const binding = bounds.reduce((most, each) => (share(next, each) > share(next, most) ? each : most));
  return { row: best, binding };
}
