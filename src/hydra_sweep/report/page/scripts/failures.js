// Why trials failed or were stopped, most frequent first, with what their logs say.

function failures(study) {
  if (!study.failures.length) return null;
  return section(
    "failures",
    "Failures",
    h(
      "p",
      { class: "how" },
      "Trials that gave no result, by reason. An excerpt of the log is of the first of them.",
    ),
    study.failures.map((one, i) => failure(study, one, i)),
  );
}

function failure(study, one, i) {
  const state = STATES[one.state] ?? STATES.failed;
  const summary = [
    h("span", { style: `color: var(--${state.colour})`, "aria-hidden": "true" }, state.mark),
    ` ${plural(one.trials.length, "trial")} ${state.word}: `,
    h("strong", {}, one.reason),
  ];
  const trials = one.trials.slice(0, 30).flatMap((n) => [trialButton(study, n, String(n)), " "]);
  const more = one.trials.length > 30 && `and ${one.trials.length - 30} more`;
  return h(
    "details",
    { id: `failure-${i}`, class: "failure", open: i === 0 && !study.best.length },
    h("summary", {}, summary),
    h("p", {}, "Trials ", trials, more),
    one.log && h("p", {}, "Log: ", link(one.log, one.log)),
    one.excerpt &&
      h(
        "pre",
        { tabindex: "0", role: "region", "aria-label": `Excerpt of the log: ${cut(one.reason, 80)}` },
        one.excerpt,
      ),
  );
}

// What was searched and how; the commands to do it again.
function setup(study) {
  const rows = study.params.map((param) => [h("span", { title: param.name }, param.name), param.words]);
  const commands = [
    study.command && { label: "The same sweep again, which goes on where it stopped", command: study.command },
    ...study.commands,
  ].filter(Boolean);
  return section(
    "setup",
    "What was searched, and how",
    h(
      "div",
      { class: "words" },
      pairs(
        [
          ...study.setup,
          study.folder && !study.setup.some(([name]) => name === "folder") && ["folder", study.folder],
        ].filter(Boolean),
      ),
    ),
    rows.length > 0 &&
      table({ words: true, label: "The search space", columns: ["parameter", "searched"], rows }),
    commands.map((one) => [h("h3", {}, one.label), command(one.command, one.label)]),
  );
}
