// The answer in one glance: which configuration, by how much, how sure; and what it cost.

function head(study) {
  const best = bestOf(study);
  return section(
    "answer",
    facts.studies.length > 1 ? study.name : h("h1", { id: "answer-title" }, study.name),
    h("p", { class: "state" }, badge(study), study.why && ` ${study.why}`),
    best ? answer(study, best) : h("p", { class: "lead" }, noResult(study)),
    tiles(study),
  );
}

function badge(study) {
  const mark = { running: "▷", complete: "●", stopped: "■", unfinished: "◐" }[study.state] ?? "";
  return h("span", { class: `badge ${study.state}` }, `${mark} ${study.state}`);
}

function noResult(study) {
  const n = (state) => study.counts[state] ?? 0;
  if (!begun(study).length) return "No trial has begun yet.";
  if (n("failed") && !n("running") && !n("paused") && !n("queued"))
    return "No result: every trial failed or was stopped. The failures below say why.";
  if (study.trials.some((trial) => stateOf(trial) === "infeasible"))
    return "No trial keeps the constraints yet.";
  return "No result yet.";
}

// Of a trial that was run again with fresh seeds, what it is ranked by.
function confirmed(trial) {
  return trial.again && trial.again.reduce((sum, x) => sum + x, 0) / trial.again.length;
}

function answer(study, best) {
  const again = best.again ? `, mean of ${plural(best.again.length, "run")} with fresh seeds` : "";
  const values = study.objectives.map((objective, i) =>
    h(
      "p",
      { class: "value" },
      h(
        "span",
        { class: "name" },
        `${single(study) ? "Best " : ""}${objective.name}${again}, ${aim(study, i)}`,
      ),
      h("strong", {}, metric(study, confirmed(best) ?? best.values[i], i)),
    ),
  );
  const level = facts.studies.length > 1 ? "h3" : "h2"; // under the study's name
  return h(
    "div",
    { class: "answer" },
    h(
      "div",
      {},
      h("div", { class: "values" }, values),
      h(
        "p",
        { class: "by" },
        "Found by ",
        trialButton(study, best.number),
        study.verdict ? "." : `. ${leadOf(study, best)}`,
      ),
      study.verdict && h("p", { class: "verdict" }, study.verdict),
    ),
    h(
      "div",
      {},
      h(level, {}, single(study) ? "Its configuration" : `Configuration of trial ${best.number}`),
      configuration(study, best),
    ),
    best.command &&
      h(
        "div",
        { class: "all" },
        h(level, {}, "Train it again"),
        command(best.command, `the command of trial ${best.number}`),
      ),
  );
}

const FIRST_PARAMS = 12;

function configuration(study, trial) {
  const own = paramsByImportance(study).filter((param) => trial.params[param.name] != null);
  if (!own.length) return h("p", {}, "It has no parameters.");
  const list = (params) =>
    pairs(
      params.map((param) => [
        h("span", { title: param.name }, param.label),
        shown(trial.params[param.name]),
      ]),
    );
  if (own.length <= FIRST_PARAMS) return list(own);
  return [
    list(own.slice(0, FIRST_PARAMS)),
    fold(
      "more-params",
      `${own.length - FIRST_PARAMS} more${study.importance.length ? ", which matter less" : ""}`,
      () => list(own.slice(FIRST_PARAMS)),
    ),
  ];
}

function leadOf(study, best) {
  if (!single(study))
    return `${plural(study.best.length, "trial")} on the Pareto front: along it, more of one objective costs some of another.`;
  const values = ranked(study)
    .filter((trial) => valued(trial) && trial.feasible)
    .map((trial) => trial.values[0]);
  if (values.length < 2) return "It is the only result so far.";
  const lead = Math.abs(best.values[0] - values[1]);
  const by = lead
    ? `It leads the second by ${metric(study, lead)}`
    : "It shares the first place with the second";
  const few = Math.min(10, values.length);
  const spread = Math.abs(values[few - 1] - values[0]);
  return `${by}; the best ${few} of ${values.length} lie within ${metric(study, spread)}.`;
}

function tiles(study) {
  const counts = Object.keys(STATES).flatMap((state) =>
    study.counts[state] ? [[state, study.counts[state]]] : [],
  );
  const { trained_s, saved_s, saved_words, idle_s, busy } = study.compute ?? {};
  const done = begun(study).filter((trial) => !["running", "paused"].includes(trial.state)).length;
  const end = study.ended ?? (study.state === "running" ? facts.made : null);
  const all = [
    [
      "Trials",
      study.n_trials ? `${done} of ${study.n_trials}` : done,
      counts.map(([state, n]) => `${STATES[state].mark} ${n} ${state}`).join(" · "),
    ],
    [
      "Time",
      duration(study.begun && end ? end - study.begun : null),
      study.begun && `since ${moment(study.begun)}`,
    ],
    ["Trained", duration(trained_s), "all trials together"],
    ["Saved by pruning", duration(saved_s), saved_words],
    ["Slots busy", percent(busy), idle_s ? `${duration(idle_s)} idle` : null],
  ];
  return h(
    "dl",
    { class: "tiles" },
    all
      .filter(([, value]) => value !== NONE)
      .map(([name, value, more]) =>
        h(
          "div",
          {},
          h("dt", {}, name),
          h("dd", {}, String(value)),
          more && h("dd", { class: "more" }, more),
        ),
      ),
  );
}

function hints(study) {
  if (!study.hints.length) return null;
  const cards = study.hints.map((hint) =>
    h(
      "li",
      { class: "hint" },
      h("h3", {}, hint.title),
      h("p", {}, hint.text),
      hint.do && h("p", {}, "Add to the same command:"),
      command(hint.do, `what to do: ${hint.title}`),
    ),
  );
  return section("hints", "Hints: what next", h("ul", { class: "hints" }, cards));
}
