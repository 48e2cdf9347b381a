// The controls: filled once, kept in step with the state, and listened to. Starts the page.

/** @param {HTMLSelectElement} into @param {string[]} names */
function options(into, names) {
  into.replaceChildren(...names.map((name) => new Option(name, name)));
}

/** The strategies of the network: those that it has tables of, and shares of one's own. */
function fillStrategies() {
  const names = page.strategies.map(({ name }) => name).filter((name) => nameIn(name) in tables());
  options(select("strategy"), [...names, OWN]);
  if (!names.includes(state.strategy) && !weightsOf(page.letters, state.strategy)) state.strategy = preferred(names);
  showLegend();
}

function showControls() {
  const own = weightsOf(page.letters, state.strategy);
  const listed = [...select("strategy").options].some(({ value }) => value === state.strategy);
  select("network").value = state.network;
  select("strategy").value = listed ? state.strategy : OWN;
  select("rule").value = state.rule;
  select("device").value = state.device;
  const direction = directionOf(state.strategy);
  const alpha = page.alphas.findIndex(({ strategy }) => nameIn(strategy) === nameIn(state.strategy));
  if (alpha >= 0) input("alpha").value = String(alpha);
  element("alphas").classList.toggle("quiet", alpha < 0);
  element("alpha-value").textContent = alpha < 0 ? "—" : String(page.alphas[alpha].alpha);
  element("shares").hidden = listed || !own;
  page.letters.forEach(({ letter }, i) => {
    if (own) input(`share-${letter}`).value = String(own[i]);
    element(`told-${letter}`).textContent = input(`share-${letter}`).value;
  });
  input("s").value = String(nearestRow(page.factors, page.factors.map((_, i) => i), state.s));
  if (document.activeElement !== input("s-value")) input("s-value").value = ratio(state.s);
  const flops = network.polynomials?.flops;
  if (document.activeElement !== input("target")) input("target").value = flops ? brief(evaluate(flops, direction, state.s), 4) : "";
  input("target").disabled = !flops;
  for (const one of document.querySelectorAll("#budgets input")) {
    const field = /** @type {HTMLInputElement} */ (one);
    const bound = state.budgets[field.dataset.budget ?? ""];
    if (document.activeElement !== field) field.value = bound === undefined ? "" : amount(split(field.dataset.budget ?? "")[0], bound);
  }
  for (const one of document.querySelectorAll("#views input")) {
    const radio = /** @type {HTMLInputElement} */ (one);
    radio.checked = radio.value === state.view;
  }
}

/** @param {string} text @param {HTMLElement} field */
function labelled(text, field) {
  const made = document.createElement("label");
  made.append(`${text} `, field);
  return made;
}

function makeControls() {
  options(select("network"), page.networks);
  options(select("rule"), page.rules);
  options(select("device"), page.devices.map(({ name }) => name));
  element("devices").hidden = !page.devices.length;
  input("alpha").max = String(page.alphas.length - 1);
  input("s").max = String(page.factors.length - 1);
  for (const { letter } of page.letters) {
    const field = Object.assign(document.createElement("input"), { type: "range", id: `share-${letter}`, min: "0", max: "10", step: "1" });
    element("shares").append(labelled(letter, field));
    field.before(Object.assign(document.createElement("output"), { id: `told-${letter}` }));
    field.addEventListener("input", () => {
      const name = page.letters.map((one) => `${one.letter}${input(`share-${one.letter}`).value}`).join("_");
      if (weightsOf(page.letters, name)) change_({ strategy: name });
    });
  }
  const budgets = ["flops", "params", "acts", ...page.devices.flatMap(({ name }) => [`memory@${name}`, `seconds@${name}`])];
  for (const key of budgets) {
    const [cost, on] = split(key);
    const field = Object.assign(document.createElement("input"), { type: "text", autocomplete: "off", placeholder: { memory: "8GiB", seconds: "0.8ms", flops: "6GF" }[cost] ?? "30M" });
    field.dataset.budget = key;
    element("budgets").append(labelled(on === null ? TITLES[cost][0] : `${TITLES[cost][0]}, ${on}`, field));
    field.addEventListener("change", () => {
      const { [key]: _, ...rest } = state.budgets;
      const value = amountOf(field.value);
      change_({ budgets: value === null ? rest : { ...rest, [key]: value } });
    });
  }
  for (const key of ["flops", "params", "acts", "memory", "seconds", "exponents"]) {
    const figure = document.createElement("figure");
    figure.append(document.createElement("figcaption"), document.createElement("div"), document.createElement("output"));
    figure.id = `chart-${key}`;
    element("charts").append(figure);
    charts[key] = new Chart(figure);
  }
  const metrics = Object.assign(document.createElement("p"), { id: "metrics", className: "legend" });
  charts.exponents.figure.append(metrics);
  element("made").textContent = page.made;
}

function showLegend() {
  const sample = (/** @type {string} */ name, /** @type {string} */ stroke, /** @type {number} */ width, /** @type {number[]} */ dash) => {
    const svg = shape("svg", { viewBox: "0 0 30 10", "aria-hidden": "true" });
    svg.append(shape("line", { x1: 0, y1: 5, x2: 30, y2: 5, stroke, "stroke-width": width, "stroke-dasharray": dash.join(" ") }));
    const made = document.createElement("span");
    made.append(svg, name);
    return made;
  };
  /** @type {Map<string, string[]>} */
  const alike = new Map();
  for (const { name, colour, dash } of page.strategies) {
    const looks = JSON.stringify([colour, dash]);
    if (colour && name in tables()) alike.set(looks, [...(alike.get(looks) ?? []), name]);
  }
  element("legend").replaceChildren(
    ...[...alike].map(([looks, names]) => sample(names.join(" and "), JSON.parse(looks)[0], 2, JSON.parse(looks)[1])),
    sample("other strategies", page.grey, 1, []),
    sample("the chosen one", "currentColor", 3, []),
    ...(page.devices.length ? [sample("its time in 9 of 10", "var(--band)", 9, [])] : []),
    ...(network.choice ? [sample("front of all variants, and the largest within the command's budgets", "var(--budget)", 2, [])] : []),
  );
  element("metrics").replaceChildren(...Object.keys(network.polynomials ?? {}).map((metric) => sample(TITLES[metric][0], page.colours[metric], 2, [])));
}

/** @param {string} name @param {(string | number)[][]} rows */
function save(name, rows) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
  link.download = `${name.replace(/[^\w.-]+/g, "-")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function listen() {
  select("network").addEventListener("change", () => change_({ network: select("network").value }));
  select("rule").addEventListener("change", () => change_({ rule: select("rule").value }));
  select("device").addEventListener("change", () => change_({ device: select("device").value }));
  select("strategy").addEventListener("change", () => {
    const { value } = select("strategy");
    change_({ strategy: value === OWN ? "d1_w1_g1_r1" : value });
  });
  input("alpha").addEventListener("input", () => change_({ strategy: page.alphas[input("alpha").valueAsNumber].strategy }));
  input("s").addEventListener("input", () => change_({ s: page.factors[input("s").valueAsNumber] }));
  input("s-value").addEventListener("change", () => {
    const s = Number(input("s-value").value);
    change_(s >= FEWEST && s <= MOST ? { s } : {});
  });
  input("target").addEventListener("change", () => {
    const value = amountOf(input("target").value);
    const flops = network.polynomials?.flops;
    const s = value && flops ? factorFor(flops, directionOf(state.strategy), value) : null;
    element("said").textContent = s ? "" : "flops as 3.1GF, within reach of the strategy";
    change_(s ? { s } : {});
  });
  for (const radio of document.querySelectorAll("#views input")) {
    radio.addEventListener("change", () => change_({ view: /** @type {HTMLInputElement} */ (radio).value }));
  }
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  element("why").addEventListener("toggle", showSteps);
  element("csv-strategies").addEventListener("click", () => {
    const { heads, rows } = strategyTable();
    const plain = (/** @type {Cell} */ cell) => (typeof cell === "string" ? cell : (cell.value ?? cell.text));
    save(`${network.name} at s = ${state.s}`, [heads, ...rows].map((cells) => cells.map(plain)));
  });
  element("csv-factors").addEventListener("click", () => save(`${network.name} under ${state.strategy}`, factorRows()));
  element("link").addEventListener("click", async () => {
    history.replaceState(null, "", fragmentOf(state));
    const copied = await navigator.clipboard.writeText(location.href).then(() => true, () => false);
    element("said").textContent = copied ? "Copied." : "The address holds the state: copy it from there.";
  });
  addEventListener("hashchange", ({ newURL }) => {
    clearTimeout(later);
    change_(stateOf(page, new URL(newURL).hash)); // not the address of now: ours may have come in between
  });
  addEventListener("resize", () => Object.values(charts).forEach((chart) => chart.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showCharts);
  for (const [event, printing] of /** @type {[string, boolean][]} */ ([["beforeprint", true], ["afterprint", false]])) {
    addEventListener(event, () => {
      document.documentElement.classList.toggle("paper", printing);
      showCharts();
    });
  }
}

makeControls();
listen();
change_({}).then(() => performance.mark("drawn"));
