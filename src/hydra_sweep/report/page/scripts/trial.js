// All that is known of one trial, in a dialog.

function trialButton(study, n, text = `trial ${n}`) {
  return h(
    "button",
    {
      type: "button",
      class: "link",
      "aria-label": `Trial ${n}: details`,
      onclick: () => openTrial(study, n),
    },
    text,
  );
}

function openTrial(study, n) {
  const trial = trialOf(study, n);
  const dialog = byId("trial");
  dialog.replaceChildren(
    h(
      "header",
      {},
      h("h2", { id: "trial-title" }, `Trial ${n}`),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close"),
    ),
    h("p", {}, stateMark(trial), trial.reason && `: ${trial.reason}`),
    pairs(
      [
        ...study.objectives.map((objective, i) => [objective.name, valueCell(trial, i)]),
        ["time", duration(trial.seconds)],
        ["begun", moment(trial.begun)],
        ["worker", trial.worker ?? NONE],
        trial.attempts > 1 && ["attempts", `${trial.attempts}: it was put back and went on`],
        trial.folder && ["folder", link(trial.folder, trial.folder)],
      ].filter(Boolean),
    ),
    h("h3", {}, "Configuration"),
    configuration(study, trial),
    trial.command && h("h3", {}, "Run it alone"),
    trial.command && command(trial.command, `the command of trial ${n}, in full`),
    curveTable(study, trial),
  );
  dialog.showModal();
}

function curveTable(study, trial) {
  if (!trial.curve.length) return null;
  const rows = trial.curve.map(([step, value]) => [number(step), number(value, 6)]);
  return h(
    "details",
    {},
    h("summary", {}, `Its ${plural(rows.length, "reported value")}`),
    table({ label: "Reported values", columns: ["step", study.objectives[0].name], rows }),
  );
}

// To a file beside the report; anything else stays text.
function link(path, text) {
  if (!path || /^([a-z][a-z\d+.-]*:|\/\/)/i.test(path)) return text;
  return h("a", { href: path.split("/").map(encodeURIComponent).join("/") }, text);
}
