// Charts: lines against s, or flops against a cost; the factor and the budgets as lines that can be dragged.

/**
 * A line: points (x, y) in any order, its look; `band`: the ends of an interval around it.
 * @typedef {{name: string, points: [number, number][], colour: string, width: number, dash?: number[], marks?: boolean,
 *   only?: boolean, band?: [number, number][]}} Line
 *
 * A line across that can be dragged: at `value` of an axis, or at rest at its end where there is none.
 * @typedef {{axis: "x" | "y", value: number | null, colour: string, label: string, drag: (value: number | null) => void}} Across
 *
 * @typedef {{title: string, x: string, y: string, lines: Line[], across: Across[], xRange: [number, number] | null,
 *   choose: (name: string) => void}} Drawing
 *
 * `x` and `y`: what the axes are of: a cost, "s" or "exponent".
 */

const FONT = "12px system-ui, sans-serif";
const NEAR = 8; // pixels within which a line is taken hold of

class Chart {
  /** @param {HTMLElement} figure with a figcaption, a div and an output */
  constructor(figure) {
    this.figure = figure;
    this.place = /** @type {HTMLElement} */ (figure.querySelector("div"));
    this.caption = /** @type {HTMLElement} */ (figure.querySelector("figcaption"));
    this.told = /** @type {HTMLElement} */ (figure.querySelector("output"));
    /** @type {uPlot | null} */
    this.plot = null;
    this.made = "";
    /** @type {Drawing | null} */
    this.drawing = null;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {Across | null} */
    this.held = null;
    /** The number of the series under the pointer; 0 for none. */
    this.hovered = 0;
  }

  /**
   * Draws anew only what has changed: the lines across alone, where the lines are the very same; the points; all.
   * @param {Drawing} drawing
   */
  draw(drawing) {
    const before = this.drawing;
    this.drawing = drawing;
    if (this.caption.textContent !== drawing.title) this.caption.textContent = drawing.title;
    if (this.plot && before?.lines === drawing.lines) {
      this.plot.redraw(false);
      return;
    }
    const lines = drawing.lines.flatMap((line) => (line.band ? [line, end(line, 0), end(line, 1)] : [line]));
    this.lines = lines;
    const data = /** @type {uPlot.AlignedData} */ (joined(lines.map(({ points }) => points)));
    const looks = lines.map(({ points, band, name, ...rest }) => [rest, Boolean(name)]);
    const look = JSON.stringify([looks, drawing.xRange, drawing.x, drawing.y, theme().text]);
    if (this.plot && look === this.made) {
      this.plot.setData(data);
      return;
    }
    this.plot?.destroy();
    this.made = look;
    this.plot = this.create(drawing, lines, data);
  }

  resize() {
    this.plot?.setSize({ width: this.place.clientWidth, height: heightOf(this.place) });
  }

  /** @param {Drawing} drawing @param {Line[]} lines @param {uPlot.AlignedData} data */
  create(drawing, lines, data) {
    const { text, grid } = theme();
    const axis = { stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: FONT };
    const along = (/** @type {string} */ of, /** @type {number} */ most) => ({
      ...axis,
      ...(of === "exponent" ? {} : { splits: (/** @type {uPlot} */ _, /** @type {number} */ __, /** @type {number} */ low, /** @type {number} */ high) => ticks(of, low, high, most) }),
      filter: (/** @type {uPlot} */ _, /** @type {number[]} */ all) => all,
      values: (/** @type {uPlot} */ _, /** @type {number[]} */ all) => all.map((value) => tick(of, value)),
    });
    const linear = drawing.y === "exponent";
    const plot = new uPlot(
      {
        width: this.place.clientWidth,
        height: heightOf(this.place),
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, focus: { prox: 20 }, points: { size: 6 }, y: false },
        focus: { alpha: 1 },
        padding: [8, 12, 0, 0],
        scales: {
          x: { time: false, distr: 3, range: (_, low, high) => drawing.xRange ?? wider(low, high) },
          y: linear ? { range: (_, low, high) => [Math.min(0, low), high * 1.08] } : { distr: 3, range: (_, low, high) => wider(low, high) },
        },
        axes: [
          { ...along(drawing.x, drawing.x === "s" ? 9 : 5), size: 30, label: drawing.x === "s" ? "s" : TITLES[drawing.x][0], labelSize: 16, labelFont: FONT },
          { ...along(drawing.y, 9), size: 68 },
        ],
        series: [{}, ...lines.map((line, i) => series(line, () => this.lines[i]))],
        bands: lines.flatMap((line, i) => (line.band ? [{ series: /** @type {[number, number]} */ ([i + 3, i + 2]), fill: `${line.colour}33` }] : [])),
        hooks: {
          draw: [(u) => this.drawAcross(u)],
          setSeries: [(_, i) => (this.hovered = i ?? 0)],
          setCursor: [(u) => this.tell(u)],
        },
      },
      data,
      this.place,
    );
    this.listen(plot);
    return plot;
  }

  /** @param {uPlot} u */
  drawAcross(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    for (const line of this.drawing?.across ?? []) {
      const at = this.position(u, line) * devicePixelRatio;
      ctx.strokeStyle = ctx.fillStyle = line.colour;
      ctx.globalAlpha = line.value === null ? 0.45 : 1;
      ctx.lineWidth = 1.5 * devicePixelRatio;
      ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      if (line.axis === "x") {
        ctx.moveTo(left + at, top);
        ctx.lineTo(left + at, top + height);
      } else {
        ctx.moveTo(left, top + at);
        ctx.lineTo(left + width, top + at);
        ctx.textAlign = "left"; // where lines that rise leave room
        write(ctx, line.label, left + 4 * devicePixelRatio, top + at + 13 * devicePixelRatio);
      }
      ctx.stroke();
      if (line.axis === "x" && line.label) {
        ctx.textAlign = at > width / 2 ? "right" : "left";
        write(ctx, line.label, left + at + (at > width / 2 ? -4 : 4) * devicePixelRatio, top + height - 6 * devicePixelRatio);
      }
    }
    ctx.restore();
  }

  /** Where a line across lies, in pixels from the left or top; at rest at the right or upper end. @param {uPlot} u @param {Across} line */
  position(u, line) {
    const size = line.axis === "x" ? u.over.clientWidth : u.over.clientHeight;
    if (line.value === null) return line.axis === "x" ? size - 1 : 1;
    const at = u.valToPos(line.value, line.axis);
    return Math.max(1, Math.min(size - 1, at));
  }

  /** @param {uPlot} u */
  tell(u) {
    const { idx } = u.cursor;
    const [x, y] = idx === null || idx === undefined || !this.hovered ? [] : [u.data[0][idx], u.data[this.hovered][idx]];
    const name = this.nameUnderPointer();
    const { drawing } = this;
    this.told.textContent = !drawing || !name || x === null || x === undefined || y === null || y === undefined ? "" : `${name}: ${tick(drawing.x, x)}, ${tick(drawing.y, y)}`;
  }

  nameUnderPointer() {
    return this.hovered ? this.lines[this.hovered - 1].name : "";
  }

  /** @param {uPlot} u */
  listen(u) {
    const place = (/** @type {PointerEvent} */ event) => {
      const box = u.over.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    const near = (/** @type {PointerEvent} */ event) => {
      const at = place(event);
      return this.drawing?.across.find((line) => Math.abs(at[line.axis] - this.position(u, line)) <= NEAR) ?? null;
    };
    u.over.addEventListener("pointerdown", (event) => {
      this.held = near(event);
      if (this.held) u.over.setPointerCapture(event.pointerId);
      else if (this.hovered) this.drawing?.choose(this.nameUnderPointer());
    });
    u.over.addEventListener("pointermove", (event) => {
      const line = this.held ?? near(event);
      u.over.style.cursor = line ? (line.axis === "x" ? "ew-resize" : "ns-resize") : "crosshair";
      if (!this.held) return;
      const at = place(event)[this.held.axis];
      const size = this.held.axis === "x" ? u.over.clientWidth : u.over.clientHeight;
      const rests = this.held.axis === "x" ? at >= size - 2 : at <= 2;
      this.held.drag(rests ? null : u.posToVal(Math.max(0, Math.min(size, at)), this.held.axis));
    });
    const release = () => (this.held = null);
    u.over.addEventListener("pointerup", release);
    u.over.addEventListener("pointercancel", release);
  }
}

/** @param {Line} line @param {0 | 1} which @returns {Line} */
function end(line, which) {
  return { name: "", colour: "transparent", width: 0, points: (line.band ?? []).map((ends, i) => [line.points[i][0], ends[which]]) };
}

/** @param {Line} line @param {() => Line} now the same line, as it is when it is drawn @returns {uPlot.Series} */
function series({ name, colour, width, dash, marks, only }, now) {
  return {
    stroke: colour,
    width: only ? 0 : width,
    dash,
    spanGaps: true,
    points: { show: Boolean(marks), size: 6, fill: colour, stroke: colour },
    ...(only ? { paths: () => null } : name ? { paths: inOrder(now) } : {}),
  };
}

/** Lines of one x axis, as uPlot takes them. Points of one line above each other take a place each. @param {[number, number][][]} lines */
function joined(lines) {
  /** @type {Map<number, number>} */
  const most = new Map();
  const placed = lines.map((points) => {
    /** @type {Map<number, number>} */
    const seen = new Map();
    return points.map(([x, y]) => {
      const before = seen.get(x) ?? 0;
      seen.set(x, before + 1);
      most.set(x, Math.max(most.get(x) ?? 0, before + 1));
      return { x, y, before };
    });
  });
  const xs = [...most].sort(([a], [b]) => a - b).flatMap(([x, times]) => new Array(times).fill(x));
  const first = new Map(xs.map((x, i) => /** @type {[number, number]} */ ([x, i])).reverse());
  return [
    xs,
    ...placed.map((points) => {
      /** @type {(number | undefined)[]} */
      const ys = new Array(xs.length).fill(undefined);
      for (const { x, y, before } of points) ys[(first.get(x) ?? 0) + before] = y;
      return ys;
    }),
  ];
}

/** The path of a line through its points in their own order, which need not be that of x. @param {() => Line} line @returns {uPlot.Series.PathBuilder} */
function inOrder(line) {
  return (u) => {
    const stroke = new Path2D();
    line().points.forEach(([x, y], i) => {
      const [left, top] = [u.valToPos(x, "x", true), u.valToPos(y, "y", true)];
      if (i) stroke.lineTo(left, top);
      else stroke.moveTo(left, top);
    });
    return { stroke };
  };
}

/** Text on a ground of its own, so that lines beneath do not cross it. @param {CanvasRenderingContext2D} ctx @param {string} text @param {number} x @param {number} y */
function write(ctx, text, x, y) {
  ctx.save();
  ctx.globalAlpha = 1;
  ctx.setLineDash([]);
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.strokeStyle = theme().paper;
  ctx.strokeText(text, x, y);
  ctx.restore();
  ctx.fillText(text, x, y);
}

/** @param {number} low @param {number} high @returns {[number, number]} */
function wider(low, high) {
  return low > 0 && high > 0 ? [low / 1.12, high * 1.12] : [1, 10];
}

/** Where a logarithmic axis has ticks: powers of two of s and of bytes, else 1, 2, 5, 10. @param {string} of @param {number} low @param {number} high @param {number} most */
function ticks(of, low, high, most) {
  const binary = of === "s" || of === "memory";
  const [base, steps] = binary ? [2, [1]] : [10, high / low < 150 ? [1, 2, 5] : high / low < 3000 ? [1, 3] : [1]];
  const found = [];
  for (let power = Math.floor(Math.log(low) / Math.log(base)); base ** power <= high; power += 1) {
    for (const step of steps) if (step * base ** power >= low && step * base ** power <= high) found.push(step * base ** power);
  }
  return found.filter((_, i) => i % Math.ceil(found.length / most) === 0);
}

/** @param {string} of @param {number} value */
function tick(of, value) {
  return of === "s" || of === "exponent" ? String(Number(value.toPrecision(4))) : amount(of, value);
}

/** @param {HTMLElement} place */
function heightOf(place) {
  return Math.max(170, Math.min(250, Math.round(place.clientWidth * 0.62)));
}

/** The colours of text, grid and the lines in front, as the style sheet has them now. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  const [text, grid, front, budget, paper] = ["--quiet", "--line", "--text", "--budget", "--paper"].map((name) => style.getPropertyValue(name).trim());
  return { text, grid, front, budget, paper };
}
