// Parallel coordinates, and the filters: drawn on its axes with a pointer, or set below it by keyboard. Both
// set `view.filters`, which all else on the page follows.

const NARROW = 700; // px: below, the axes lie one below the other

function parallelFigure(study) {
  const axes = axesOf(study);
  const trials = study.trials.filter((trial) => ["complete", "pruned", "failed"].includes(trial.state));
  const narrow = () => innerWidth < NARROW;
  const form = filterForm(study, axes);
  const own = { chart: null };
  const apply = () => {
    form.update();
    if (own.chart) showFilters(own.chart, axes);
  };
  listeners.push(apply);
  return figure({
    id: "parallel",
    title: "Parallel coordinates",
    how: `Each line is a trial${trials.every(valued) ? "" : ", a dashed one was pruned or failed"}; the stronger its colour the better${single(study) ? "" : ` its ${study.objectives[0].name}`}, and the better end of an objective is ${narrow() ? "on the right" : "at the top"}.${trials.every(valued) ? "" : " A line leaves out what its trial does not have: one without a result begins at the first parameter."} Draw along an axis to keep only what passes there, here and in all that shows trials.`,
    summary: `${plural(trials.length, "trial")} over ${plural(axes.length, "axis").replace("axiss", "axes")}. The filters below do what brushing does.`,
    height: () => (narrow() ? 60 + 62 * axes.length : 380),
    width: () => (narrow() ? 0 : 100 * axes.length),
    option: (width) => parallelOption(study, axes, trials, narrow(), width),
    after: [form.element],
    ready: (chart) => {
      own.chart = chart;
      chart.on("rendered", () => tintAreas(chart));
      chart.on("axisareaselected", (event) => brushed(study, axes, event));
      if (filtered()) showFilters(chart, axes);
    },
  });
}

function parallelOption(study, axes, trials, narrow, width) {
  const good = goodness(study, trials);
  const tint = ramps();
  const order = [...trials].sort((a, b) => (good.get(a.number) ?? -1) - (good.get(b.number) ?? -1));
  const best = bestOf(study)?.number;
  const faint = Math.max(0.25, Math.min(1, FEW / trials.length));
  const data = order.map((trial) => ({
    value: axes.map((axis) => position(axis, trial)),
    trial: trial.number,
    lineStyle: lineStyle(trial, good, tint, trial.number === best, faint),
  }));
  const halo = { color: colour("ink"), textBorderColor: colour("paper"), textBorderWidth: 4 };
  const room = narrow ? 200 : Math.max(60, width / axes.length - 16);
  const font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  const names = axes.map((axis) => echarts.format.truncateText(axis.label, room, font, "…"));
  const half = (name) => Math.max(40, 6 + echarts.format.getTextRect(name, font).width / 2);
  return {
    parallel: {
      ...(narrow
        ? { left: 24, right: 24, top: 40, bottom: 28 }
        : { left: half(names[0]), right: Math.max(60, half(names.at(-1))), top: 44, bottom: 16 }),
      layout: narrow ? "vertical" : "horizontal",
      parallelAxisDefault: {
        realtime: false,
        nameGap: narrow ? 6 : 16,
        nameTextStyle: {
          ...halo,
          fontWeight: 600,
          backgroundColor: colour("paper"),
          ...(narrow ? { align: "right", verticalAlign: "bottom", padding: [0, 0, 4, 0] } : {}),
        },
        axisLine: { lineStyle: { color: colour("muted") } },
        axisTick: { lineStyle: { color: colour("muted") } },
        axisLabel: halo,
      },
    },
    parallelAxis: axes.map((axis, i) => parallelAxis(study, axis, i, names[i])),
    tooltip: tooltip(study),
    series: {
      type: "parallel",
      smooth: 0,
      lineStyle: { width: 1 },
      inactiveOpacity: 0.04,
      activeOpacity: 0.9,
      data,
    },
  };
}

function position(axis, trial) {
  const value = axis.read(trial);
  return value == null ? "-" : axis.clip ? axis.clip(value) : value;
}

function parallelAxis(study, axis, i, name) {
  const common = { dim: i, id: axis.name, name };
  if (axis.kind === "categorical")
    return {
      ...common,
      type: "category",
      data: axis.choices,
      axisLabel: { formatter: (text) => cut(text, 14) },
    };
  const inverse = axis.objective != null && sign(study, axis.objective) > 0;
  return {
    ...common,
    inverse,
    nameLocation: inverse ? "start" : "end",
    ...(axis.objective == null ? numberAxis(axis) : valueAxis(axis)),
  };
}

// The more lines there are, the fainter each.
function lineStyle(trial, good, tint, best, faint) {
  if (best) return { color: colour("best"), width: 3.5, opacity: 1 };
  if (!valued(trial))
    return { color: colour(STATES[trial.state].colour), width: 1, opacity: 0.4 * faint, type: "dashed" };
  const share = good.get(trial.number);
  return { color: tint(share), width: 1 + share, opacity: (0.35 + 0.5 * share) * faint };
}

function brushed(study, axes, event) {
  if (event.ours) return;
  const axis = axes.find((one) => one.name === event.parallelAxisId);
  if (axis)
    setFilter(
      study,
      axis.name,
      event.intervals.map((ends) => open(axis, ends)),
    );
}

// What ends where the axis ends has no end: what is drawn there may be beyond.
function open(axis, ends) {
  const [low, high] = [...ends].sort((a, b) => a - b);
  const near = (x, end) => Math.abs(x - end) < 1e-6 * Math.abs(axis.high - axis.low);
  return axis.objective == null
    ? [low, high]
    : [near(low, axis.low) ? null : low, near(high, axis.high) ? null : high];
}

// On the axis; beyond it if none passes.
const closed = (axis, [low, high]) => [
  low ?? Math.min(axis.low, high ?? axis.low),
  high ?? Math.max(axis.high, low ?? axis.high),
];

// Gives the chart what was set elsewhere; it draws the areas anew only when it is resized.
function showFilters(chart, axes) {
  for (const axis of axes) {
    chart.dispatchAction({
      type: "axisAreaSelect",
      parallelAxisId: axis.name,
      intervals: (view.filters[axis.name] ?? []).map((ends) => closed(axis, ends)),
      ours: true,
    });
  }
  chart.resize();
}

// The library draws the areas in an opaque grey once anything else has changed, whatever areaSelectStyle says.
function tintAreas(chart) {
  for (const shape of chart.getZr().storage.getDisplayList()) {
    if (shape.name !== "main" || shape.style.opacity === 0.35) continue;
    shape.setStyle({ fill: colour("accent"), stroke: colour("accent"), opacity: 0.35 });
  }
}
