// The page's colours, as the chart library needs them. style.css has them all, each for light and dark.

const probe = h("span", { hidden: true });

function colour(name) {
  if (!probe.isConnected) document.body.append(probe);
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

// From weak to strong: 0 for the worst, 1 for the best value.
function ramp(share) {
  const [from, to] = ["weak", "strong"].map((name) =>
    colour(name)
      .match(/[\d.]+/g)
      .map(Number),
  );
  return `rgb(${[0, 1, 2].map((i) => Math.round(from[i] + (to[i] - from[i]) * share)).join(",")})`;
}

const RAMP_STEPS = 20;

function ramps() {
  const steps = Array.from({ length: RAMP_STEPS + 1 }, (_, i) => ramp(i / RAMP_STEPS));
  return (share) => steps[Math.round(share * RAMP_STEPS)];
}

function chartTheme() {
  const [ink, muted, line, grid, paper] = ["ink", "muted", "line", "grid", "paper"].map(colour);
  const axis = {
    axisLine: { show: true, lineStyle: { color: line } },
    axisTick: { lineStyle: { color: line } },
    axisLabel: { color: muted, hideOverlap: true },
    nameTextStyle: { color: muted },
    splitLine: { lineStyle: { color: grid } },
  };
  const font = getComputedStyle(document.body).fontFamily;
  return {
    backgroundColor: "transparent",
    textStyle: { color: ink, fontFamily: font, fontSize: 12 },
    legend: { textStyle: { color: ink } },
    tooltip: { backgroundColor: paper, borderColor: line, textStyle: { color: ink, fontSize: 12 } },
    valueAxis: axis,
    logAxis: axis,
    categoryAxis: { ...axis, splitLine: { show: false, lineStyle: { color: grid } } },
    timeAxis: axis,
  };
}

function setTheme(scheme) {
  view.theme = scheme;
  document.documentElement.style.colorScheme = scheme;
  redrawAll();
}

// The ends of an axis and round numbers between them, none of which touches another.
function ticks(low, high, log = false) {
  const [a, b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  const rough = (b - a) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = log
    ? Math.max(1, Math.round(rough))
    : unit * [1, 2, 5, 10].find((one) => one * unit >= rough);
  const count = Math.floor(b / step) - Math.ceil(a / step) + 1;
  const round = Array.from({ length: Math.max(0, count) }, (_, i) => (Math.ceil(a / step) + i) * step);
  const inner = round.filter((x) => x - a > 0.1 * (b - a) && b - x > 0.1 * (b - a));
  return [a, ...inner, b].map((x, i, all) =>
    i === 0 ? low : i === all.length - 1 ? high : log ? 10 ** x : Number(x.toPrecision(12)),
  );
}

// A range that is more than a point.
function widened(low, high) {
  const margin = low < high ? 0 : Math.abs(low) / 20 || 1;
  return [low - margin, high + margin];
}

function scale(low, high, log = false) {
  const values = ticks(low, high, log);
  const label = { customValues: values, formatter: (x) => number(x, 3), hideOverlap: true };
  return {
    type: log ? "log" : "value",
    min: low,
    max: high,
    axisLabel: label,
    axisTick: { customValues: values },
  };
}
