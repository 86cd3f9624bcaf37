// What each trial reported, step by step.

const DRAWN = 80; // lines: more are a smear

function curvesFigure(study) {
  const own = study.trials.filter((trial) => trial.curve.length > 1);
  if (!own.length) return null;
  const range = rangeOf(
    study,
    own.flatMap((trial) => trial.curve.map((point) => point[1])),
    { far: 30 },
  );
  const how = () => {
    const shown = own.filter(isShown);
    const thinned =
      shown.length > DRAWN
        ? ` Of ${shown.length}, ${DRAWN} are drawn: the best ten, and of the others every so many.`
        : "";
    const values = shown.flatMap((trial) => trial.curve.map((point) => point[1]));
    return `What each trial reported at its ${unit(study)}s. The thick line is the best trial; dashed ones were pruned.${thinned}${beyondNote(range, values)}`;
  };
  return figure({
    id: "curves",
    title: "Curves",
    how,
    summary: `${plural(own.length, "trial")} reported values.`,
    height: 360,
    option: () => curvesOption(study, range),
    ready: (chart) => hoverCurves(study, chart),
    rows: () => ({
      columns: ["trial", "state", `${unit(study)}s`, "first", "last"],
      rows: shownTrials(study)
        .filter((trial) => trial.curve.length)
        .slice(0, 200)
        .map((t) => [
          t.number,
          STATES[stateOf(t)].word,
          number(t.curve.at(-1)[0]),
          metric(study, t.curve[0][1]),
          metric(study, t.curve.at(-1)[1]),
        ]),
    }),
  });
}

function thinnedOut(trials) {
  if (trials.length <= DRAWN) return trials;
  const rest = trials.slice(10);
  const every = rest.length / (DRAWN - 10);
  return [
    ...trials.slice(0, 10),
    ...Array.from({ length: DRAWN - 10 }, (_, i) => rest[Math.floor(i * every)]),
  ];
}

const drawnCurves = (study) =>
  thinnedOut(ranked(study).filter((trial) => isShown(trial) && trial.curve.length > 1));

function curvesOption(study, range) {
  const trials = drawnCurves(study);
  const best = bestOf(study)?.number;
  const good = goodness(study, trials);
  const tint = ramps();
  const line = (trial) => {
    const first = trial.number === best;
    const ended = trial.state === "complete";
    const tone = first
      ? colour("best")
      : ended
        ? tint(good.get(trial.number) ?? 0)
        : colour(STATES[trial.state].colour);
    return {
      type: "line",
      name: String(trial.number),
      data: trial.curve.map(([step, value]) => [step, range.clip(value)]),
      symbol: "none",
      z: first ? 5 : 2,
      emphasis: { focus: "series", lineStyle: { width: 3.5, opacity: 1 } },
      itemStyle: { color: tone },
      lineStyle: {
        color: tone,
        width: first ? 3.5 : 1.2,
        opacity: first ? 1 : 0.65,
        type: trial.state === "pruned" ? "dashed" : "solid",
      },
      endLabel: { show: first, formatter: `trial ${trial.number}`, color: colour("ink") },
    };
  };
  return {
    grid: { left: 8, right: 64, top: 16, bottom: 28, containLabel: true },
    tooltip: { triggerOn: "none", position: placed },
    xAxis: countAxis(
      unit(study),
      study.trials.flatMap((trial) => (trial.curve.length > 1 ? trial.curve.map(([step]) => step) : [])),
    ),
    yAxis: valueAxis(range),
    series: trials.map(line),
  };
}
