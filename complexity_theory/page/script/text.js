// Numbers and tables as text: for people, and as CSV.

/** @type {Record<string, [string, string]>} */
const TITLES = {
  flops: ["flops", "multiply-adds"],
  params: ["params", "elements"],
  acts: ["acts", "elements"],
  kept: ["kept in training", "elements an image"],
  memory: ["memory", "at the batch"],
  seconds: ["time", "an image"],
};

/** A count in full, as 385,825,092. @param {number} value */
function whole(value) {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** A number in few characters, as 386M. @param {number} value @param {number} [digits] */
function brief(value, digits = 3) {
  if (value === 0) return "0";
  const steps = /** @type {[number, string][]} */ ([[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]);
  const [unit, letter] = steps.find(([least]) => Math.abs(value) >= least) ?? [1, ""];
  return `${Number((value / unit).toPrecision(digits))}${letter}`;
}

/** An amount of a cost with its unit, as people read it. @param {string} cost @param {number} value */
function amount(cost, value) {
  if (cost === "seconds") return `${Number((value * 1e3).toPrecision(4))} ms`;
  if (cost === "memory") {
    return value >= 2 ** 30 ? `${Number((value / 2 ** 30).toPrecision(4))} GiB` : `${Number((value / 2 ** 20).toPrecision(4))} MiB`;
  }
  return brief(value, 4);
}

/** A budget as people write it: 30M, 6GF, 0.8ms, 8GiB, or a plain number. Null for what is none. @param {string} text */
function amountOf(text) {
  const found = /^\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([a-zA-Z]*)\s*$/.exec(text);
  /** @type {Record<string, number>} */
  const units = { "": 1, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, MF: 1e6, GF: 1e9, TF: 1e12, s: 1, ms: 1e-3, us: 1e-6, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, MB: 1e6, GB: 1e9 };
  const value = found && Object.hasOwn(units, found[2]) ? Number(found[1]) * units[found[2]] : NaN;
  return value > 0 && value < Infinity ? value : null;
}

/** Four digits, or an em dash for nothing. @param {number | null | undefined} value */
function ratio(value) {
  return value === null || value === undefined ? "—" : String(Number(value.toPrecision(4)));
}

/** Rows as CSV. A cell that a spreadsheet would run begins with an apostrophe. @param {(string | number)[][]} rows */
function csv(rows) {
  const cell = (/** @type {string | number} */ value) => {
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}
