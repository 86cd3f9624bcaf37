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
    axisLabel: { color: muted, hideOverlap: true, margin: 11 },
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
