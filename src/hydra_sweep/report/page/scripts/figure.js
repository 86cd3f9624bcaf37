// A chart with its heading, the sentence that says how to read it, and its figures as a table. Drawn when it
// is scrolled near, or printed; again when the filters, the theme or its width change.

const FEW = 200; // trials: up to so many are drawn as SVG, which is sharp in print; more as canvas, which is fast

const NEAR = 400; // px from what is seen

const figures = [];

// `how` may be a function: what it says is then of the trials that are shown.
function figure({ id, title, how, summary, height, width, option, rows, after = [], ready }) {
  const chart = h("div", { class: "chart", role: "img", "aria-label": `${title}. ${summary}` });
  const words = h("p", { class: "how" });
  const box = h(
    "figure",
    { id, class: "figure", "aria-labelledby": `${id}-title` },
    h("h3", { id: `${id}-title` }, title),
    words,
    width
      ? h(
          "div",
          {
            class: "wide",
            tabindex: "0",
            role: "region",
            "aria-label": `${title}, which may be wider than the page`,
          },
          chart,
        )
      : chart,
    ...after,
    rows && fold(`${id}-rows`, "As a table", () => table({ label: `${title}, as a table`, ...rows() })),
  );
  const explain = () => (words.textContent = typeof how === "function" ? how() : how);
  const one = { id, chart, option, height, width, ready, drawn: null };
  explain();
  listeners.push(explain);
  measure(one);
  figures.push(one);
  near.observe(chart);
  return box;
}

const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries)
      if (entry.isIntersecting) draw(figures.find((one) => one.chart === entry.target));
  },
  { rootMargin: `${NEAR}px` },
);

const widths = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const one = figures.find((figure) => figure.chart === target);
    if (one?.drawn && Math.abs(one.drawn.getWidth() - contentRect.width) > 1) redraw(one);
  }
});

function draw(one) {
  if (!one || one.drawn) return;
  near.unobserve(one.chart);
  measure(one);
  const study = facts.studies[view.study];
  const renderer = study.trials.length <= FEW ? "svg" : "canvas";
  one.drawn = echarts.init(one.chart, chartTheme(), { renderer });
  one.drawn.on("click", ({ data }) => data?.trial != null && openTrial(study, data.trial));
  one.drawn.setOption({ animation: false, ...one.option(one.chart.clientWidth) });
  one.ready?.(one.drawn);
  widths.observe(one.chart);
}

// As new: what the library keeps of a chart, such as areas on its axes, does not outlive a change of all else.
function redraw(one) {
  if (!one.drawn) return;
  layAside(one);
  draw(one);
}

// px; `width` is the least, below which its box scrolls.
function measure({ chart, height, width }) {
  chart.style.height = `${typeof height === "function" ? height() : height}px`;
  if (width) chart.style.minWidth = `${width()}px`;
}

function redrawAll() {
  figures.forEach(redraw);
}

// After a change of the filters: what is far away is drawn anew when it is scrolled near.
function redrawNear() {
  for (const one of figures.filter((one) => one.drawn && one.id !== "parallel")) {
    const { top, bottom } = one.chart.getBoundingClientRect();
    if (bottom > -NEAR && top < innerHeight + NEAR) redraw(one);
    else layAside(one);
  }
}

function layAside(one) {
  one.drawn.dispose();
  one.drawn = null;
  near.observe(one.chart);
}

function hideTips() {
  for (const one of figures) one.drawn?.dispatchAction({ type: "hideTip" });
}

function drawAll() {
  figures.forEach(draw);
}

function forgetFigures() {
  for (const one of figures) {
    near.unobserve(one.chart);
    widths.unobserve(one.chart);
    one.drawn?.dispose();
  }
  figures.length = 0;
}

// What a pointer over a trial's mark shows.
function tip(study, trial, more = []) {
  const values = study.objectives.map((objective, i) => [
    objective.name,
    metric(study, trial.values?.[i] ?? (i ? null : lastValue(trial)), i),
  ]);
  const params = paramsByImportance(study)
    .filter((param) => trial.params[param.name] != null)
    .slice(0, 8)
    .map((param) => [param.label, shown(trial.params[param.name])]);
  return h(
    "div",
    { class: "tip" },
    h("strong", {}, `Trial ${trial.number}, ${STATES[stateOf(trial)].word}`),
    pairs([...values, ...more, ...params]),
  );
}

function tooltip(study, more) {
  const formatter = ({ data }) =>
    data?.trial == null ? "" : tip(study, trialOf(study, data.trial), more?.(data) ?? []);
  return { trigger: "item", formatter, position: placed };
}

// Beside the pointer, within the chart's width, and below the bar at the top of the page.
function placed([x, y], _, element, __, { contentSize, viewSize }) {
  const [[width, height], [wide, high]] = [contentSize, viewSize];
  const { top } = element.parentElement.getBoundingClientRect();
  const left = x + 16 + width > wide ? x - 16 - width : x + 16;
  const least = Math.max(0, byId("top").getBoundingClientRect().bottom - top);
  return [
    Math.max(0, Math.min(left, wide - width)),
    Math.max(least, Math.min(y - height / 2, high - height)),
  ];
}

// One series for each state that occurs, with its own mark. `place` gives a trial's [x, y], or null; `offset`
// the pixels by which its mark is moved. The best trial is the star's.
function statesAsSeries(study, trials, place, offset) {
  const best = bestOf(study);
  return Object.entries(STATES).flatMap(([state, { word, symbol, hollow, colour: name }]) => {
    const own = trials.filter((trial) => trial !== best && stateOf(trial) === state);
    const data = own.map((trial) => mark(trial, place, offset)).filter((one) => one.value);
    const style = hollow
      ? { color: "transparent", borderColor: colour(name), borderWidth: 1.5 }
      : { color: colour(name), opacity: 0.85 };
    const size = trials.length > FEW ? 6 : 9;
    return data.length
      ? [{ type: "scatter", name: word, symbol, symbolSize: size, itemStyle: style, data }]
      : [];
  });
}

const mark = (trial, place, offset = () => [0, 0]) => ({
  value: place(trial),
  trial: trial.number,
  symbolOffset: offset(trial),
});
