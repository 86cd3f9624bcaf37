// Parallel coordinates, and the filters: drawn on its axes with a pointer, or set below it by keyboard. Both
// set `view.filters`, which all else on the page follows.

const NARROW = 700; // px: below, the axes lie one below the other

function parallelFigure(study) {
  const axes = axesOf(study);
  const trials = study.trials.filter((trial) => trial.state === "complete" || trial.state === "pruned");
  const narrow = () => innerWidth < NARROW;
  const form = filterForm(study, axes);
  const own = { chart: null };
  const apply = () => {
    form.update();
    if (own.chart) showFilters(own.chart, axes);
  };
  listeners.push(apply);
  const box = figure({
    id: "parallel",
    title: "Parallel coordinates",
    how: `Each line is a trial${trials.some((t) => t.state === "pruned") ? ", a dashed one was pruned" : ""}; the stronger its colour the better, and the better end of an objective is ${narrow() ? "on the right" : "at the top"}. Draw along an axis to keep only what passes there, here and in all that shows trials.`,
    summary: `${plural(trials.length, "trial")} over ${plural(axes.length, "axis").replace("axiss", "axes")}. The filters below do what brushing does.`,
    height: () => (narrow() ? 60 + 62 * axes.length : 380),
    option: (width) => parallelOption(study, axes, trials, narrow(), width),
    after: [form.element],
    ready: (chart) => {
      own.chart = chart;
      chart.on("axisareaselected", (event) => brushed(study, axes, event));
      if (filtered()) showFilters(chart, axes);
    },
  });
  const chart = box.querySelector(".chart");
  const wide = h("div", { class: "wide" });
  chart.replaceWith(wide);
  wide.append(chart);
  if (!narrow() && axes.length > 10) chart.style.width = `${110 * axes.length}px`;
  return box;
}

function parallelOption(study, axes, trials, narrow, width) {
  const good = goodness(study, trials);
  const tint = ramps();
  const order = [...trials].sort((a, b) => (good.get(a.number) ?? -1) - (good.get(b.number) ?? -1));
  const best = bestOf(study)?.number;
  const data = order.map((trial) => ({
    value: axes.map((axis) => axis.read(trial) ?? "-"),
    trial: trial.number,
    lineStyle: lineStyle(trial, good, tint, trial.number === best),
  }));
  const room = narrow ? 200 : Math.max(60, width / axes.length - 16);
  return {
    parallel: {
      ...(narrow ? { left: 12, right: 24, top: 40, bottom: 16 } : { left: 40, right: 60, top: 44, bottom: 16 }),
      layout: narrow ? "vertical" : "horizontal",
      parallelAxisDefault: {
        realtime: false,
        nameLocation: "end",
        nameGap: narrow ? 6 : 16,
        nameTextStyle: { color: colour("ink"), fontWeight: 600, ...(narrow ? { align: "right", padding: [0, 0, 26, 0] } : {}) },
        nameTruncate: { maxWidth: room },
        axisLine: { lineStyle: { color: colour("muted") } },
        axisTick: { lineStyle: { color: colour("muted") } },
        axisLabel: { color: colour("muted"), hideOverlap: true },
        areaSelectStyle: { width: 20, borderColor: colour("accent"), color: colour("accent"), opacity: 0.25 },
      },
    },
    parallelAxis: axes.map((axis, i) => parallelAxis(study, axis, i)),
    tooltip: tooltip(study),
    series: { type: "parallel", smooth: 0, lineStyle: { width: 1 }, inactiveOpacity: 0.04, activeOpacity: 0.9, data },
  };
}

function parallelAxis(study, axis, i) {
  const common = { dim: i, id: axis.name, name: axis.label };
  if (axis.kind === "categorical") return { ...common, type: "category", data: axis.choices, axisLabel: { formatter: (text) => cut(text, 14) } };
  const inverse = axis.objective != null && sign(study, axis.objective) > 0;
  const [low, high] = axis.low < axis.high ? [axis.low, axis.high] : [axis.low - 1, axis.high + 1];
  return { ...common, type: axis.log ? "log" : "value", min: low, max: high, inverse, axisLabel: { formatter: (x) => number(x, 3) } };
}

function lineStyle(trial, good, tint, best) {
  if (best) return { color: colour("best"), width: 3.5, opacity: 1 };
  if (!valued(trial)) return { color: colour("pruned"), width: 1, opacity: 0.35, type: "dashed" };
  const share = good.get(trial.number);
  return { color: tint(share), width: 1 + share, opacity: 0.35 + 0.5 * share };
}

function brushed(study, axes, event) {
  const axis = axes.find((one) => one.name === event.parallelAxisId);
  if (axis) setFilter(study, axis.name, event.intervals.map((ends) => [...ends].sort((a, b) => a - b)));
}

// Gives the chart what was set elsewhere; it draws the areas anew only when it is resized.
function showFilters(chart, axes) {
  for (const axis of axes) {
    chart.dispatchAction({ type: "axisAreaSelect", parallelAxisId: axis.name, intervals: view.filters[axis.name] ?? [] });
  }
  chart.resize();
}
