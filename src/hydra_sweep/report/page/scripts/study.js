// What is read of a study's facts by more than one part of the page.

const facts = JSON.parse(byId("facts").textContent);

// Each state's word, mark (for those who see no colours) and the chart library's symbol.
const STATES = {
  complete: { word: "complete", mark: "●", symbol: "circle", colour: "complete" },
  pruned: { word: "pruned", mark: "△", symbol: "triangle", hollow: true, colour: "pruned" },
  infeasible: { word: "infeasible", mark: "◇", symbol: "diamond", hollow: true, colour: "infeasible" },
  failed: {
    word: "failed",
    mark: "✕",
    symbol: "path://M0,1L1,0L5,4L9,0L10,1L6,5L10,9L9,10L5,6L1,10L0,9L4,5Z",
    colour: "failed",
  },
  running: { word: "running", mark: "▷", symbol: "circle", hollow: true, colour: "running" },
  paused: { word: "paused", mark: "◫", symbol: "rect", hollow: true, colour: "paused" },
  queued: { word: "queued", mark: "○", symbol: "circle", hollow: true, colour: "muted" },
};

const stateOf = (trial) => (trial.state === "complete" && !trial.feasible ? "infeasible" : trial.state);

const sign = (study, i = 0) => (study.objectives[i].direction === "minimize" ? 1 : -1);

const aim = (study, i = 0) => (sign(study, i) > 0 ? "lower is better" : "higher is better");

const single = (study) => study.objectives.length === 1;

const valued = (trial) => trial.state === "complete" && trial.values?.every((x) => x != null);

const begun = (study) => study.trials.filter((trial) => trial.state !== "queued");

const trialOf = (study, n) => study.trials.find((trial) => trial.number === n);

const bestOf = (study) => (study.best.length ? trialOf(study, study.best[0]) : null);

const labelOf = (study, name) => study.params.find((param) => param.name === name)?.label ?? name;

// The last value that is known: of a pruned trial that of its last step.
const lastValue = (trial) => (valued(trial) ? trial.values[0] : (trial.curve.at(-1)?.[1] ?? null));

// Best first; those that are no result after them, by their last value; those without any last, by number.
function ranked(study) {
  const place = new Map(study.best.map((n, i) => [n, i]));
  const key = (trial) => [
    place.get(trial.number) ?? study.trials.length,
    valued(trial) ? (trial.feasible ? 0 : 1) : 2,
    lastValue(trial) == null ? Infinity : sign(study) * lastValue(trial),
    trial.number,
  ];
  const keyed = study.trials.map((trial) => [key(trial), trial]);
  return keyed.sort(([a], [b]) => compareLists(a, b)).map(([, trial]) => trial);
}

function compareLists(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

// Parameters, most important first.
function paramsByImportance(study) {
  const rank = new Map(study.importance.map((one, i) => [one.name, i]));
  const place = (param) => rank.get(param.name) ?? study.params.length;
  return [...study.params].sort((a, b) => place(a) - place(b));
}

// Where the values of an axis lie, between round ends, without the few that are so bad (by `far` interquartile
// ranges worse than the third quartile of `typical` ones) that they would flatten all others: those are drawn
// at the `edge`, the end that stands for all beyond it.
function rangeOf(study, values, { objective = 0, far = 5, typical = values } = {}) {
  const way = sign(study, objective);
  const sort = (list) =>
    list
      .filter((x) => x != null)
      .map((x) => way * x)
      .sort((a, b) => a - b);
  const all = sort(values);
  if (!all.length) return null;
  const base = sort(typical).length > 4 ? sort(typical) : all;
  const at = (q) => base[Math.round(q * (base.length - 1))];
  const spread = at(0.75) - at(0.25) || at(0.75) - at(0);
  const fence = spread ? at(0.75) + far * spread : Infinity;
  const worst = all.at(-1) > fence ? fence : all.at(-1);
  const { low, high, step } = rounded(...widened(...[way * all[0], way * worst].sort((a, b) => a - b)));
  const isBeyond = (x) => x < low || x > high;
  const edge = values.some((x) => x != null && isBeyond(x)) ? (way > 0 ? high : low) : null;
  return { low, high, step, edge, isBeyond, clip: (x) => Math.min(high, Math.max(low, x)) };
}

const results = (study, objective = 0) =>
  study.trials.filter(valued).map((trial) => trial.values[objective]);

// `values` are those that are drawn.
function beyondNote(range, values) {
  const n = values.filter((x) => x != null && range?.isBeyond(x)).length;
  return n ? ` ${plural(n, "far worse value")} ${n === 1 ? "is" : "are"} drawn at the very edge.` : "";
}

// What a step counts.
const unit = (study) => study.unit;

// 1 for the best value, 0 for the worst: by rank, which no outlier spoils.
function goodness(study, trials) {
  const order = trials.filter(valued).sort((a, b) => sign(study) * (b.values[0] - a.values[0]));
  return new Map(order.map((trial, i) => [trial.number, order.length > 1 ? i / (order.length - 1) : 1]));
}
