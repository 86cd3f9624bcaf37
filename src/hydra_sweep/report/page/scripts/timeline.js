// Which worker trained what when, attempt by attempt, and where a slot had nothing to train.

// A pattern and a height for each end, for those who see no colours; on a thin bar the height alone is seen.
const ENDS = {
  complete: { colour: "complete", height: 1 },
  pruned: {
    colour: "pruned",
    height: 0.7,
    decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -0.785 },
  },
  failed: {
    colour: "failed",
    height: 0.45,
    decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 2], rotation: 1.571 },
  },
  "put back": {
    colour: "infeasible",
    height: 0.7,
    decal: {
      symbol: "circle",
      dashArrayX: [
        [4, 4],
        [0, 4, 4, 0],
      ],
      dashArrayY: [3, 0],
      symbolSize: 0.8,
    },
  },
  paused: {
    colour: "paused",
    height: 0.7,
    decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 3] },
  },
  running: { colour: "running", height: 1 },
  idle: {
    colour: "idle",
    height: 1,
    decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 5], rotation: 0.785 },
  },
};

function timelineFigure(study) {
  if (!study.timeline.length) return null;
  const slots = slotsOf(study);
  const tall = Math.min(26, Math.max(9, 900 / slots.length));
  const used = new Set(study.timeline.map((one) => one.how));
  const legend = [
    ...Object.keys(ENDS).filter((how) => used.has(how)),
    ...(study.idle.length ? ["idle"] : []),
  ];
  const n = (how) => study.timeline.filter((one) => one.how === how).length;
  const [again, paused] = [n("put back"), n("paused")];
  return figure({
    id: "timeline",
    title: "Timeline",
    how: `A row for each slot of a worker, a bar for each attempt at a trial. ${again ? "A trial that was put back went on in a later bar. " : ""}${paused ? "One that paused goes on once it is among the best of its rung. " : ""}${study.idle.length ? "Thinly hatched: the slot had nothing to train." : ""}`,
    summary: `${plural(slots.length, "slot")}, ${plural(study.timeline.length, "attempt")}, ${again} put back${paused ? `, ${paused} paused` : ""}.`,
    height: 110 + tall * slots.length,
    option: () => timelineOption(study, slots, legend),
    rows: () => ({
      columns: ["trial", "attempt", "worker", "slot", "begun", "time", "end"],
      rows: study.timeline
        .slice(0, 500)
        .map((one) => [
          one.trial,
          one.attempt + 1,
          one.worker,
          one.slot,
          moment(one.begun),
          duration((one.ended ?? facts.made) - one.begun),
          endWords(one),
        ]),
    }),
  });
}

// Of a study that others made no worker is known.
const slotKey = (one) =>
  one.worker == null
    ? `side by side: ${one.slot + 1}`
    : `${/^\d+$/.test(one.worker) ? "worker " : ""}${one.worker}, slot ${one.slot}`;

function slotsOf(study) {
  const begun = new Map();
  for (const one of [...study.timeline, ...study.idle]) {
    begun.set(slotKey(one), Math.min(one.begun, begun.get(slotKey(one)) ?? Infinity));
  }
  return [...begun.keys()].sort(
    (a, b) => begun.get(a) - begun.get(b) || a.localeCompare(b, "en", { numeric: true }),
  );
}

// Hours in which nothing ran, as between a sweep and its resumption, are left out.
function pauses(items) {
  const sorted = [...items].sort((a, b) => a.begun - b.begun);
  const whole = Math.max(...items.map(endOf)) - sorted[0].begun;
  const gaps = [];
  let until = sorted[0].begun;
  for (const one of sorted) {
    if (one.begun - until > 0.2 * whole)
      gaps.push({ start: until * 1000, end: one.begun * 1000, gap: "2%" });
    until = Math.max(until, endOf(one));
  }
  return gaps;
}

const endWords = (one) => (one.note && one.note !== one.how ? `${one.how}: ${one.note}` : one.how);

const endOf = (one) => one.ended ?? facts.made;

function timelineOption(study, slots, legend) {
  const row = new Map(slots.map((key, i) => [key, i]));
  const items = [...study.idle.map((one) => ({ ...one, how: "idle" })), ...study.timeline];
  const begin = Math.min(...items.map((one) => one.begun));
  const series = legend.map((how) => ({
    type: "custom",
    name: how,
    itemStyle: { color: how === "idle" ? "transparent" : colour(ENDS[how].colour), decal: pattern(how) },
    encode: { x: [1, 2], y: 0 },
    renderItem: (params, api) => bar(params, api, how),
    data: items
      .filter((one) => one.how === how)
      .map((one) => ({
        value: [row.get(slotKey(one)), one.begun * 1000, endOf(one) * 1000, one.trial ?? -1],
        trial: one.trial,
        attempt: one,
      })),
  }));
  return {
    grid: { left: 8, right: 16, top: 36, bottom: 48, containLabel: true },
    legend: { top: 0, left: 0, data: legend, icon: "rect" },
    tooltip: tooltip(study, ({ attempt }) =>
      [
        ["worker", slotKey(attempt)],
        ["attempt", attempt.attempt + 1],
        ["time", duration(endOf(attempt) - attempt.begun)],
        attempt.note && ["note", attempt.note],
      ].filter(Boolean),
    ),
    xAxis: {
      type: "time",
      min: begin * 1000,
      max: "dataMax",
      breaks: pauses(items),
      axisLabel: { hideOverlap: true },
    },
    yAxis: {
      type: "category",
      data: slots,
      inverse: true,
      axisLabel: { width: Math.min(170, innerWidth / 4), overflow: "truncate", hideOverlap: true },
      splitLine: { show: true },
    },
    dataZoom: {
      type: "slider",
      xAxisIndex: 0,
      height: 18,
      bottom: 8,
      filterMode: "weakFilter",
      showDetail: false,
      ...sliderColours(),
    },
    series,
  };
}

function pattern(how) {
  const { decal } = ENDS[how];
  return decal && { ...decal, color: colour(how === "idle" ? "muted" : "paper") };
}

function bar(params, api, how) {
  const [end, idle] = [ENDS[how], how === "idle"];
  const [[x0, y], [x1]] = [1, 2].map((i) => api.coord([api.value(i), api.value(0)]));
  const high = end.height * Math.min(18, Math.max(4, api.size([0, 1])[1] * 0.75));
  const area = params.coordSys;
  const shape = echarts.graphic.clipRectByRect(
    { x: x0, y: y - high / 2, width: Math.max(2, x1 - x0), height: high },
    area,
  );
  if (!shape) return null;
  const trial = api.value(3);
  const ink = colour(idle ? "line" : "paper");
  const faded = !idle && selected && !selected.has(trial);
  const thin = shape.width < 6;
  const style = {
    fill: idle ? "transparent" : colour(end.colour),
    stroke: idle || thin ? null : ink,
    lineWidth: 1,
    opacity: faded ? 0.15 : 1,
    decal: thin ? null : pattern(how),
  };
  const fits = !idle && shape.width > 8 * String(trial).length + 8 && high > 11;
  const text = fits
    ? {
        type: "text",
        // on a pattern it could not be read
        style: {
          text: String(trial),
          fill: colour("bar-ink"),
          fontSize: 11,
          fontWeight: 600,
          ...(end.decal ? { stroke: colour(end.colour), lineWidth: 5 } : {}),
        },
      }
    : undefined;
  return {
    type: "rect",
    shape,
    style,
    textContent: text,
    textConfig: fits ? { position: "inside" } : undefined,
  };
}

function sliderColours() {
  const handle = { color: colour("paper"), borderColor: colour("muted") };
  return {
    borderColor: colour("line"),
    fillerColor: colour("grid"),
    handleStyle: handle,
    moveHandleStyle: { color: colour("line") },
    dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
  };
}
