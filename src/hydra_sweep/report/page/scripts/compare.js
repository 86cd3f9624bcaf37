// Several studies side by side: what differs, what came out, and how fast.

const STYLES = ["solid", "dashed", "dotted", [8, 3, 2, 3]];

function comparison() {
  const { studies, differences } = facts;
  const columns = ["", ...studies.map((study) => study.name)];
  const outcome = [
    ["state", ...studies.map((study) => study.state)],
    ["best", ...studies.map((study) => bestCell(study, studies))],
    [
      "trials",
      ...studies.map((study) =>
        Object.entries(study.counts)
          .filter(([, n]) => n)
          .map(([state, n]) => `${n} ${state}`)
          .join(", "),
      ),
    ],
    [
      "time",
      ...studies.map((study) => duration(study.begun && study.ended ? study.ended - study.begun : null)),
    ],
    ["trained", ...studies.map((study) => duration(study.compute?.trained_s))],
  ];
  const differs = differences.map((one) => [one.what, ...one.values.map((value) => value ?? NONE)]);
  return section(
    "compare",
    h("h1", { id: "compare-title" }, `${studies.length} studies side by side`),
    h("h3", {}, "What differs"),
    differs.length
      ? table({ words: true, label: "What differs", columns, rows: differs })
      : h("p", {}, "Nothing that the studies tell."),
    h("h3", {}, "What came out"),
    table({ words: true, label: "What came out", columns, rows: outcome }),
    overlay(studies),
  );
}

const comparable = (studies) =>
  studies.every((study) => single(study) && study.objectives[0].name === studies[0].objectives[0].name);

function bestCell(study, studies) {
  const best = bestOf(study);
  if (!best) return NONE;
  const text = best.values.map((x, i) => metric(study, x, i)).join(", ");
  const goal = (other) => sign(other) * bestOf(other).values[0];
  const first = comparable(studies) && studies.filter(bestOf).every((other) => goal(study) <= goal(other));
  return first ? h("strong", {}, `${text}, the best of all`) : text;
}

function overlay(studies) {
  if (!comparable(studies)) return null;
  return figure({
    id: "overlay",
    title: "Best so far, of each study",
    how: `The best value after so many trials (${aim(studies[0])}).`,
    summary: studies
      .map((study) => `${study.name}: ${bestOf(study) ? metric(study, bestOf(study).values[0]) : NONE}`)
      .join("; "),
    height: 340,
    option: () => ({
      grid: { left: 8, right: 16, top: 40, bottom: 28, containLabel: true },
      legend: { type: "scroll", top: 0, left: 0, itemWidth: 36 },
      tooltip: { trigger: "axis", formatter: overlayTip, position: placed },
      xAxis: countAxis(
        "trial",
        studies.flatMap(bestSoFar).map(([number]) => number),
      ),
      yAxis: { type: "value", scale: true },
      series: studies.map(overlayLine),
    }),
  });
}

function overlayLine(study, i) {
  const tone = colour(["complete", "failed", "running", "infeasible", "best", "pruned"][i % 6]);
  return {
    type: "line",
    step: "end",
    name: study.name,
    symbol: "none",
    itemStyle: { color: tone },
    lineStyle: { color: tone, width: 2.2, type: STYLES[i % STYLES.length] },
    data: bestSoFar(study),
  };
}

function overlayTip(points) {
  return h(
    "div",
    { class: "tip" },
    h("strong", {}, `After trial ${number(points[0]?.axisValue)}`),
    pairs(points.map((point) => [point.seriesName, metric(facts.studies[0], point.value[1])])),
  );
}

// Which of them the rest of the page shows.
function chooser() {
  const buttons = facts.studies.map((study, i) =>
    h(
      "button",
      { type: "button", "aria-pressed": String(i === view.study), onclick: () => chooseStudy(i) },
      study.name,
    ),
  );
  return h(
    "div",
    { id: "chooser", role: "group", "aria-label": "The study shown below" },
    h("span", {}, "Shown below: "),
    buttons,
  );
}
