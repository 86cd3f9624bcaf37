// The trials as a table, best first, which its headings sort.

const MORE = 100; // rows at a time: thousands at once would make the page slow

function trialsTable(study) {
  const columns = columnsOf(study);
  const best = new Set(study.best);
  const body = h("tbody");
  const heads = h("tr");
  const more = h("p", { class: "more-rows" });
  const count = h("p", { class: "how", id: "trials-count" });

  const unranked =
    study.trials.some((trial) => !valued(trial) && lastValue(trial) != null) &&
    ` Those without a result come after those with one, by their last value, in brackets.`;

  const update = () => {
    const trials = sorted(ranked(study).filter(isShown), columns);
    const none = h(
      "tr",
      {},
      h("td", { colspan: columns.length, class: "none" }, "No trial passes the filters."),
    );
    const rows = trials.slice(0, view.rows).map((trial) => row(study, trial, columns, best));
    body.replaceChildren(...(rows.length ? rows : [none]));
    heads.replaceChildren(...columns.map((column) => heading(column, update)));
    const clear = h("button", { type: "button", onclick: () => clearFilters(study) }, "Clear filters");
    fill(
      count,
      `${countLine(study)}. `,
      selected ? clear : study.params.length ? filterLink() : "",
      unranked,
    );
    fill(more, moreButtons(trials.length, update));
  };
  listeners.push(update);
  update();
  return section(
    "trials",
    single(study) ? "Best trials" : "Trials, the front first",
    count,
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Trials" },
      h(
        "table",
        { class: "trials" },
        h("caption", { class: "unseen" }, "Trials, best first unless sorted otherwise"),
        h("thead", {}, heads),
        body,
      ),
    ),
    more,
  );
}

function columnsOf(study) {
  const states = Object.keys(STATES);
  const place = new Map(ranked(study).map((trial, i) => [trial.number, i + 1]));
  return [
    { id: "place", label: "#", key: (t) => place.get(t.number), cell: (t) => place.get(t.number) },
    {
      id: "number",
      label: "trial",
      key: (t) => t.number,
      cell: (t) => trialButton(study, t.number, String(t.number)),
    },
    ...study.objectives.map((objective, i) => ({
      id: `value ${i}`,
      label: objective.name,
      key: (t) => t.values?.[i] ?? (i ? null : lastValue(t)),
      cell: (t) => valueCell(study, t, i),
      first: sign(study, i) > 0 ? "ascending" : "descending",
    })),
    { id: "state", label: "state", key: (t) => states.indexOf(stateOf(t)), cell: (t) => stateMark(t) },
    {
      id: "seconds",
      label: "time",
      class: "roomy",
      key: (t) => t.seconds,
      cell: (t) => duration(t.seconds),
    },
    ...paramsByImportance(study).map((param) => ({
      id: param.name,
      label: param.label,
      title: param.name,
      key: (t) => t.params[param.name] ?? null,
      cell: (t) => cut(shown(t.params[param.name]), 40),
    })),
    study.trials.some((trial) => trial.command) && {
      id: "copy",
      label: "command",
      cell: (t) => t.command && copyButton(t.command, `the command of trial ${t.number}`),
    },
  ].filter(Boolean);
}

// A pruned trial's last value is set apart: it is no result.
function valueCell(study, trial, i) {
  if (valued(trial)) return metric(study, trial.values[i], i);
  const last = i ? null : lastValue(trial);
  return last == null
    ? NONE
    : h("i", { title: `its last ${unit(study)}'s value` }, `(${metric(study, last)})`);
}

function stateMark(trial) {
  const { mark, word, colour } = STATES[stateOf(trial)];
  return h(
    "span",
    { class: "mark" },
    h("span", { "aria-hidden": "true", style: `color: var(--${colour})` }, mark),
    h("span", { class: "word" }, ` ${word}`),
  );
}

// To the filters, which it opens.
function filterLink() {
  const onclick = (event) => {
    event.preventDefault();
    byId("filters").open = true;
    const field = byId("filters").querySelector("input");
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  };
  return h("a", { href: "#filters", onclick }, "Filter them");
}

function heading(column, update) {
  if (!column.key) return h("th", { scope: "col" }, column.label);
  const [by, way] = view.sort ?? ["place", "ascending"];
  const order = by === column.id ? way : null;
  const arrow = { ascending: " ↑", descending: " ↓" }[order] ?? "";
  const onclick = () => {
    const other = order === "ascending" ? "descending" : "ascending";
    view.sort = [column.id, order ? other : (column.first ?? "ascending")];
    update();
    document.querySelector(`[data-column="${CSS.escape(column.id)}"]`).focus();
    say(`Sorted by ${column.label}, ${view.sort[1]}`);
  };
  const button = h(
    "button",
    { type: "button", onclick, title: column.title, "data-column": column.id },
    `${cut(column.label, 28)}${arrow}`,
  );
  return h("th", { scope: "col", class: column.class, "aria-sort": order }, button);
}

// What a trial does not have comes last in both orders.
function sorted(trials, columns) {
  const column = columns.find((one) => one.id === view.sort?.[0]);
  if (!column) return trials;
  const way = view.sort[1] === "ascending" ? 1 : -1;
  const keyed = trials.map((trial) => [column.key(trial), trial]);
  keyed.sort(([a], [b]) =>
    a == null || b == null ? (a == null) - (b == null) : a === b ? 0 : way * (a < b ? -1 : 1),
  );
  return keyed.map(([, trial]) => trial);
}

function row(study, trial, columns, best) {
  const first = trial.number === study.best[0];
  const classes = first ? "first" : best.has(trial.number) && !single(study) ? "front" : null;
  return h(
    "tr",
    { class: classes },
    columns.map((column, i) =>
      i === 1
        ? h("th", { scope: "row" }, column.cell(trial))
        : h("td", { class: column.class }, column.cell(trial)),
    ),
  );
}

function moreButtons(n, update) {
  const set = (rows) => () => {
    view.rows = rows;
    update();
    document.querySelector("#trials .more-rows button")?.focus();
  };
  const hidden = n - view.rows;
  const button = (text, rows) => h("button", { type: "button", onclick: set(rows) }, text);
  return [
    hidden > 0 &&
      button(
        hidden > MORE ? `Show ${MORE} more of ${n.toLocaleString("en")}` : `Show all ${n}`,
        view.rows + Math.min(hidden, MORE),
      ),
    view.rows > 10 && button("Show the first 10", 10),
  ];
}
