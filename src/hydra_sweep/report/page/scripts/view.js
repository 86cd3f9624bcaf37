// What the reader has set: which study, filters, sorting, theme. Kept in the history entry, so that it
// outlives a reload, also of a file, where other storages are not to be relied on.

const view = {
  study: 0,
  filters: {}, // axis name → intervals [low, high], null for no end; of a categorical one in positions of its choices
  sort: null, // [column, "ascending" | "descending"]
  rows: 10,
  theme: "light dark",
  paused: false,
  open: [],
  scroll: 0,
  ...history.state,
};

function keepView() {
  view.open = [...document.querySelectorAll("details[open][id]")].map((one) => one.id);
  view.scroll = scrollY;
  history.replaceState({ ...view }, "");
}

// The axes that can be filtered: objectives, then parameters, most important first.
function axesOf(study) {
  const objectives = study.objectives.map((objective, i) => {
    const range = rangeOf(study, results(study, i), { objective: i });
    const read = (trial) => (valued(trial) ? trial.values[i] : null);
    return {
      name: `value ${i}`,
      label: objective.name,
      kind: "float",
      log: false,
      ...range,
      read,
      objective: i,
    };
  });
  const params = paramsByImportance(study).map((param) => ({
    ...param,
    ...(param.kind === "categorical" ? {} : ends(study, param)),
    read: (trial) => readParam(param, trial.params[param.name] ?? null),
  }));
  return [...objectives, ...params].filter((axis) => axis.kind === "categorical" || axis.low != null);
}

// Of a choice its text: 1e-05 may come as a number, which this language writes otherwise.
function readParam(param, value) {
  if (param.kind !== "categorical" || value == null) return value;
  return param.choices.find((choice) => choice === String(value) || Number(choice) === value) ?? null;
}

// The range that was searched, or the one that was seen where the study does not say.
function ends(study, param) {
  const seen = study.trials.map((trial) => trial.params[param.name]).filter((x) => typeof x === "number");
  const low = param.low ?? (seen.length ? Math.min(...seen) : null);
  const high = param.high ?? (seen.length ? Math.max(...seen) : null);
  return { low, high, log: param.log && low > 0 };
}

function passes(axis, trial) {
  const intervals = view.filters[axis.name];
  if (!intervals?.length) return true;
  const value = axis.read(trial);
  if (value == null) return false;
  const x = axis.kind === "categorical" ? axis.choices.indexOf(value) : value;
  return intervals.some(([low, high]) => (low ?? -Infinity) <= x && x <= (high ?? Infinity));
}

const filtered = () => Object.values(view.filters).some((intervals) => intervals.length);

let selected = null; // numbers of the trials that pass; null without filters

const isShown = (trial) => !selected || selected.has(trial.number);

const shownTrials = (study) => study.trials.filter(isShown);

const listeners = [];

function refilter(study, quietly = false) {
  const axes = axesOf(study);
  const passing = (trial) => axes.every((axis) => passes(axis, trial));
  selected = filtered() ? new Set(study.trials.filter(passing).map((trial) => trial.number)) : null;
  if (quietly) return;
  listeners.forEach((listener) => listener());
  say(countLine(study));
}

function setFilter(study, name, intervals) {
  if (JSON.stringify(view.filters[name] ?? []) === JSON.stringify(intervals)) return;
  view.filters[name] = intervals;
  refilter(study);
}

function clearFilters(study) {
  view.filters = {};
  refilter(study);
}

const countLine = (study) =>
  `Shown: ${(selected?.size ?? study.trials.length).toLocaleString("en")} of ${plural(study.trials.length, "trial")}`;
