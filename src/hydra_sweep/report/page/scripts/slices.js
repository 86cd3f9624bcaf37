// Each parameter against the value, and the pairs that matter most.

const FIRST_SLICES = 6;

function sliceFigures(study) {
  const axes = axesOf(study).filter((axis) => axis.objective == null);
  const range = rangeOf(study, study.trials.map(lastValue), { typical: results(study) });
  if (!range || !axes.length) return null;
  const order = study.importance.length ? ", most important first" : "";
  const pruned = study.trials.some((trial) => trial.state === "pruned" && lastValue(trial) != null)
    ? " Hollow triangles were pruned, and stand at their last value."
    : "";
  const how = h("p", { class: "how" });
  const explain = () =>
    (how.textContent = `Each parameter against ${study.objectives[0].name} (${aim(study)})${order}: where good values lie, and whether they end at the edge of what was searched.${pruned}${beyondNote(range, shownTrials(study).map(lastValue))}`);
  listeners.push(explain);
  explain();
  const grid = h(
    "div",
    { class: "small" },
    axes.slice(0, FIRST_SLICES).map((axis) => slice(study, axis, range)),
  );
  const rest = axes.slice(FIRST_SLICES);
  const more =
    rest.length > 0 &&
    fold("more-slices", `The other ${plural(rest.length, "parameter")}`, () =>
      h(
        "div",
        { class: "small" },
        rest.map((axis) => slice(study, axis, range)),
      ),
    );
  return section("slices", "Slices", how, grid, more);
}

function slice(study, axis, range) {
  const name = `slice-${study.params.findIndex((param) => param.name === axis.name)}`;
  const best = bestOf(study);
  return figure({
    id: name,
    title: cut(axis.label, 40),
    how: sliceWords(study, axis),
    summary: best ? `The best trial has ${shown(axis.read(best))}.` : "",
    height: 220,
    option: () => {
      const place = (trial) =>
        lastValue(trial) == null || axis.read(trial) == null
          ? null
          : [axis.read(trial), range.clip(lastValue(trial))];
      const offset = (trial) => [spread(axis, trial, 0), 0];
      return {
        grid: { left: 4, right: 12, top: 14, bottom: 4, containLabel: true },
        tooltip: tooltip(study),
        xAxis: paramAxis(axis),
        yAxis: valueAxis(range),
        series: [
          ...statesAsSeries(study, shownTrials(study), place, offset).map((series) => ({
            ...series,
            symbolSize: 6,
          })),
          star(study, place, offset),
        ],
      };
    },
  });
}

function sliceWords(study, axis) {
  const scale =
    axis.kind === "categorical"
      ? plural(axis.choices.length, "choice")
      : `${number(axis.low, 6)} to ${number(axis.high, 6)}${axis.log ? ", logarithmic" : ""}`;
  const having = study.trials.filter((trial) => axis.read(trial) != null).length;
  return having < begun(study).length && having ? `${scale}; ${plural(having, "trial")} had it` : scale;
}

// Trials of one choice are spread, or they would lie on one another: in px, each at the same place whenever it is
// drawn. The fractions of such multiples fill a square evenly (Roberts 2018, the R2 sequence).
function spread(axis, trial, dimension) {
  if (axis.kind !== "categorical") return 0;
  return 24 * (((trial.number * [0.7548776662, 0.569840291][dimension]) % 1) - 0.5);
}

function paramAxis(axis) {
  if (axis.kind === "categorical")
    return {
      type: "category",
      data: axis.choices,
      axisLabel: { formatter: (text) => cut(text, 12), hideOverlap: true },
    };
  return numberAxis(axis);
}

function pairFigures(study) {
  const axes = new Map(axesOf(study).map((axis) => [axis.name, axis]));
  const both = study.pairs.map((names) => names.map((name) => axes.get(name))).filter(([a, b]) => a && b);
  if (!both.length || !study.trials.some(valued)) return null;
  const how = `The parameters that matter most, two by two: the stronger and larger a mark, the better its ${study.objectives[0].name}; the star is the best.`;
  return section(
    "pairs",
    "Pairs",
    h("p", { class: "how" }, how),
    h(
      "div",
      { class: "small" },
      both.map(([a, b], i) => pair(study, a, b, i)),
    ),
  );
}

function pair(study, a, b, i) {
  return figure({
    id: `pair-${i}`,
    title: `${cut(a.label, 24)} and ${cut(b.label, 24)}`,
    how: `${cut(a.label, 24)} across, ${cut(b.label, 24)} upwards`,
    summary: bestOf(study)
      ? `The best trial has ${[a, b].map((axis) => `${axis.label} ${shown(axis.read(bestOf(study)))}`).join(" and ")}.`
      : "",
    height: 260,
    option: () => {
      const place = (trial) =>
        a.read(trial) == null || b.read(trial) == null ? null : [a.read(trial), b.read(trial)];
      const good = goodness(study, study.trials);
      const tint = ramps();
      const trials = shownTrials(study);
      const best = bestOf(study);
      const offset = (trial) => [spread(a, trial, 0), spread(b, trial, 1)];
      const data = trials
        .filter((trial) => trial !== best && good.has(trial.number) && place(trial))
        .sort((one, other) => good.get(one.number) - good.get(other.number))
        .map((trial) => {
          const share = good.get(trial.number);
          return {
            ...mark(trial, place, offset),
            symbolSize: (trials.length > FEW ? 0.6 : 1) * (4 + 9 * share ** 2),
            itemStyle: { color: tint(share) },
          };
        });
      return {
        grid: { left: 4, right: 16, top: 14, bottom: 4, containLabel: true },
        tooltip: tooltip(study),
        xAxis: paramAxis(a),
        yAxis: paramAxis(b),
        series: [{ type: "scatter", data }, star(study, place, offset)],
      };
    },
  });
}
