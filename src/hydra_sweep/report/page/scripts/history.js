// Values over the trials, in the order of their numbers; of two objectives the one against the other.

function historyFigure(study) {
  return single(study) ? valuesFigure(study) : frontFigure(study);
}

// The best value up to each trial: [[number, value], …], where it changes, and at the end.
function bestSoFar(study) {
  const steps = [];
  let best = null;
  for (const trial of [...study.trials].sort((a, b) => a.number - b.number)) {
    if (!valued(trial) || !trial.feasible) continue;
    const value = trial.values[0];
    if (best == null || sign(study) * (value - best) < 0) steps.push([trial.number, (best = value)]);
  }
  if (steps.length) steps.push([Math.max(...begun(study).map((trial) => trial.number)), best]);
  return steps;
}

function valuesFigure(study) {
  const range = rangeOf(study, study.trials.map(lastValue), { typical: results(study) });
  const improved = Math.max(0, bestSoFar(study).length - 1);
  return figure({
    id: "history",
    title: "Value over trials",
    how: () =>
      `Each mark is a trial; the line is the best so far (${aim(study)}), the star the best of all. Pruned trials stand at their last value, failed ones at the foot.${beyondNote(range, shownTrials(study).map(lastValue))}`,
    summary: `${plural(study.trials.length, "trial")}, the best value improved ${plural(improved, "time")}.`,
    height: 360,
    option: () => valuesOption(study, range),
    rows: () => ({
      columns: ["trial", "state", study.objectives[0].name],
      rows: shownTrials(study)
        .slice(0, 200)
        .map((t) => [t.number, STATES[stateOf(t)].word, metric(study, lastValue(t))]),
    }),
  });
}

function valuesOption(study, range) {
  const trials = shownTrials(study);
  const place = (trial) => (lastValue(trial) == null ? null : [trial.number, range.clip(lastValue(trial))]);
  const [with_, without] = [
    trials.filter(place),
    trials.filter((trial) => trial.state === "failed" && !place(trial)),
  ];
  const foot = statesAsSeries(study, without, (trial) => [trial.number, 0]).map((series) => ({
    ...series,
    yAxisIndex: 1,
  }));
  const line = {
    type: "line",
    name: "best so far",
    step: "end",
    symbol: "none",
    lineStyle: { color: colour("best"), width: 2 },
    itemStyle: { color: colour("best") },
    data: bestSoFar(study).map(([number, value]) => [number, range.clip(value)]),
  };
  return {
    grid: { left: 8, right: 16, top: 40, bottom: 28, containLabel: true },
    legend: legend(study),
    tooltip: tooltip(study),
    xAxis: countAxis(
      "trial",
      begun(study).map((trial) => trial.number),
    ),
    yAxis: [valueAxis(range), { type: "value", min: 0, max: 1, show: false }],
    series: [
      ...statesAsSeries(study, with_, place),
      ...foot,
      line,
      star(study, (trial) => [trial.number, trial.values[0]]),
    ],
  };
}

function legend(study, more = ["best so far"]) {
  const words = Object.values(STATES).map((state) => state.word);
  return { type: "scroll", top: 0, left: 0, itemWidth: 14, itemHeight: 10, data: [...words, ...more] };
}

// The best trial, over all others.
function star(study, place, offset) {
  const best = bestOf(study);
  if (!best || !isShown(best) || !place(best)) return { type: "scatter", data: [] };
  return {
    type: "scatter",
    symbol: STAR,
    symbolSize: 18,
    z: 5,
    itemStyle: { color: colour("best"), borderColor: colour("paper"), borderWidth: 1 },
    data: [mark(best, place, offset)],
  };
}

const STAR = "path://M50,0L61,36L98,36L68,58L79,95L50,72L21,95L32,58L2,36L39,36Z";

function frontFigure(study) {
  const [x, y] = study.objectives;
  const ranges = [0, 1].map((i) => rangeOf(study, results(study, i), { objective: i }));
  const isBeyond = (trial) => ranges.some((range, i) => range.isBeyond(trial.values[i]));
  const more =
    study.objectives.length > 2
      ? ` The other ${study.objectives.length - 2} are in the table and in parallel coordinates.`
      : "";
  return figure({
    id: "front",
    title: "Pareto front",
    how: () =>
      `Each mark is a trial: ${x.name} (${aim(study, 0)}) against ${y.name} (${aim(study, 1)}). The ringed ones are the front: along it, more of one objective costs some of another. The star is the one preferred.${more}${beyondNote({ isBeyond }, shownTrials(study).filter(valued))}`,
    summary: `${plural(study.best.length, "trial")} on the front of ${plural(study.trials.filter(valued).length, "result")}.`,
    height: 400,
    option: () => frontOption(study, ranges),
    rows: () => ({
      columns: ["trial", ...study.objectives.map((one) => one.name)],
      rows: study.best
        .filter((n) => isShown(trialOf(study, n)))
        .map((n) => [n, ...trialOf(study, n).values.map((v, i) => metric(study, v, i))]),
    }),
  });
}

function frontOption(study, ranges) {
  const at = (trial) => (valued(trial) ? ranges.map((range, i) => range.clip(trial.values[i])) : null);
  const trials = shownTrials(study);
  const front = study.best.map((n) => trialOf(study, n)).filter(isShown);
  const style = { color: "transparent", borderColor: colour("best"), borderWidth: 2 };
  const data = front.map((trial) => ({ value: at(trial), trial: trial.number }));
  const axis = (i) => ({
    ...valueAxis(ranges[i]),
    name: study.objectives[i].name,
    nameLocation: "middle",
    nameGap: i ? 48 : 28,
  });
  return {
    grid: { left: 40, right: 16, top: 40, bottom: 32, containLabel: true },
    legend: legend(study, ["front"]),
    tooltip: tooltip(study),
    xAxis: axis(0),
    yAxis: axis(1),
    series: [
      ...statesAsSeries(study, trials, at),
      { type: "scatter", name: "front", symbol: "circle", symbolSize: 16, itemStyle: style, data },
      star(study, at),
    ],
  };
}
