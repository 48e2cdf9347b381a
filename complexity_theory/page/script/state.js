// The state of the page: what is chosen, kept in the address behind the # so that a link shows the same.

/**
 * `strategy`: a listed name, or shares such as d1_w8_g8_r1. `budgets`: by cost, or cost@device.
 * @typedef {{network: string, strategy: string, s: number, rule: string, device: string, view: string,
 *   budgets: Record<string, number>}} State
 */

const BUDGETED = ["flops", "params", "acts", "memory", "seconds"];
const FEWEST = 2 ** -40; // factors beyond make no networks
const MOST = 2 ** 40;

/**
 * The state that a link's fragment names; what it leaves out, or names wrongly, is as at the start.
 * @param {Page} page @param {string} fragment @returns {State}
 */
function stateOf(page, fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const one = (/** @type {string} */ key, /** @type {string[]} */ known) => {
    const value = given.get(key) ?? "";
    return known.includes(value) ? value : known[0];
  };
  const named = page.strategies.map(({ name }) => name);
  const strategy = given.get("strategy") ?? "";
  const s = Number(given.get("s"));
  const devices = page.devices.map(({ name }) => name);
  /** @type {Record<string, number>} */
  const budgets = {};
  for (const [key, text] of given) {
    const [cost, device] = key.startsWith("max-") ? split(key.slice(4)) : ["", null];
    const known = BUDGETED.includes(cost) && (device === null ? !perDevice(cost) : perDevice(cost) && devices.includes(device));
    if (known && Number(text) > 0 && Number(text) < Infinity) budgets[key.slice(4)] = Number(text);
  }
  return {
    network: one("network", page.networks),
    strategy: named.includes(strategy) || weightsOf(page.letters, strategy) ? strategy : preferred(named),
    s: s >= FEWEST && s <= MOST ? s : 4,
    rule: one("rule", page.rules),
    device: one("device", devices.length ? devices : [""]),
    view: one("view", ["s", "flops"]),
    budgets,
  };
}

/** @param {string[]} named */
function preferred(named) {
  return named.includes("dWr") ? "dWr" : named[0];
}

/** @param {string} cost */
function perDevice(cost) {
  return cost === "memory" || cost === "seconds";
}

/** @param {string} key @returns {[string, string | null]} */
function split(key) {
  const at = key.indexOf("@");
  return at < 0 ? [key, null] : [key.slice(0, at), key.slice(at + 1)];
}

/** @param {string} cost @param {string | null} device */
function budgetKey(cost, device) {
  return device === null ? cost : `${cost}@${device}`;
}

/** @param {State} state */
function fragmentOf(state) {
  const { network, strategy, s, rule, device, view, budgets } = state;
  const all = new URLSearchParams({ network, strategy, s: String(s), rule, device, view });
  for (const [key, bound] of Object.entries(budgets)) all.set(`max-${key}`, String(bound));
  return `#${all}`;
}

/** The bounds of a state, on all devices. @param {Page} page @param {State} state @returns {Bound[]} */
function boundsOf(page, state) {
  return Object.entries(state.budgets).map(([key, bound]) => {
    const [cost, device] = split(key);
    return { cost, device: device === null ? null : page.devices.findIndex(({ name }) => name === device), bound };
  });
}
