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
  fill(
    dialog,
    h(
      "header",
      {},
      h("h2", { id: "trial-title" }, `Trial ${n}`),
      h("button", { type: "button", onclick: () => dialog.close() }, "Close"),
    ),
    h("p", {}, stateMark(trial), trial.reason && trial.reason !== trial.state && `: ${trial.reason}`),
    pairs(
      [
        ...study.objectives.map((objective, i) => [objective.name, valueCell(study, trial, i)]),
        ["time", duration(trial.seconds)],
        ["begun", moment(trial.begun)],
        ["worker", trial.worker ?? NONE],
        trial.folder && ["folder", link(trial.folder, trial.folder)],
      ].filter(Boolean),
    ),
    attemptsTable(study, trial),
    h("h3", {}, "Configuration"),
    configuration(study, trial),
    trial.command && h("h3", {}, "Train it again"),
    trial.command && command(trial.command, `the command of trial ${n}, in full`),
    curveTable(study, trial),
  );
  hideTips();
  dialog.showModal();
}

// A click that began and ended on what is behind the dialog closes it: not one that selects text.
function closeFromOutside(dialog) {
  const isOutside = ({ clientX: x, clientY: y }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return x < left || x > right || y < top || y > bottom;
  };
  let began = false;
  dialog.addEventListener("pointerdown", (event) => (began = isOutside(event)));
  dialog.addEventListener("click", (event) => began && isOutside(event) && dialog.close());
}

// Of one that was put back or paused, and went on.
function attemptsTable(study, trial) {
  const own = study.timeline.filter((one) => one.trial === trial.number).sort((a, b) => a.begun - b.begun);
  if (own.length < 2) return null;
  const rows = own.map((one) => [
    one.attempt + 1,
    slotKey(one),
    moment(one.begun),
    duration(endOf(one) - one.begun),
    endWords(one),
  ]);
  return [
    h("h3", {}, "Attempts"),
    table({ words: true, label: "Attempts", columns: ["attempt", "where", "begun", "time", "end"], rows }),
  ];
}

function curveTable(study, trial) {
  if (!trial.curve.length) return null;
  const rows = trial.curve.map(([step, value]) => [number(step), metric(study, value)]);
  return h(
    "details",
    {},
    h("summary", {}, `Its ${plural(rows.length, "reported value")}`),
    table({ label: "Reported values", columns: [unit(study), study.objectives[0].name], rows }),
  );
}

// To a file beside the report; anything else stays text.
function link(path, text) {
  if (!path || /^([a-z][a-z\d+.-]*:|\/\/)/i.test(path)) return text;
  return h("a", { href: path.split("/").map(encodeURIComponent).join("/") }, text);
}
