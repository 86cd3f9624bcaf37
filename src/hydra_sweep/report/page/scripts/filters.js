// The filters by keyboard: from and to of each axis, or its choices; how many trials pass; and their end.

function filterForm(study, axes) {
  const count = h("span", { class: "count" });
  const clear = h("button", { type: "button", onclick: () => clearFilters(study) }, "Clear filters");
  const fields = axes.map((axis) =>
    axis.kind === "categorical" ? choiceField(study, axis) : rangeField(study, axis),
  );
  const update = () => {
    count.textContent = countLine(study);
    clear.disabled = !filtered();
    fields.forEach((field) => field.update());
  };
  update();
  const inputs = h(
    "div",
    { class: "filters" },
    fields.map((field) => field.element),
  );
  const element = h(
    "div",
    {},
    h("p", { class: "selection" }, count, " ", clear),
    h("details", { id: "filters" }, h("summary", {}, "Filter by numbers and choices"), inputs),
  );
  return { element, update };
}

function rangeField(study, axis) {
  const input = (which, end) =>
    h("input", {
      type: "text",
      inputmode: "decimal",
      size: "7",
      placeholder: number(end, 6),
      "aria-label": `${axis.label} ${which}`,
    });
  const [from, to] = [input("from", axis.low), input("to", axis.high)];
  const read = (field) => {
    const x = Number(field.value.replace("−", "-"));
    field.setAttribute("aria-invalid", String(Number.isNaN(x)));
    return field.value.trim() === "" || Number.isNaN(x) ? null : x;
  };
  const change = () => {
    const [low, high] = [read(from), read(to)];
    const ends = low != null && high != null && low > high ? [high, low] : [low, high];
    setFilter(study, axis.name, ends.every((end) => end == null) ? [] : [ends]);
  };
  for (const field of [from, to]) field.addEventListener("change", change);
  const update = () => {
    const intervals = view.filters[axis.name] ?? [];
    const [low, high] = [
      Math.min(...intervals.map((one) => one[0] ?? -Infinity)),
      Math.max(...intervals.map((one) => one[1] ?? Infinity)),
    ];
    from.value = Number.isFinite(low) ? number(low, 6) : "";
    to.value = Number.isFinite(high) ? number(high, 6) : "";
  };
  const element = h(
    "fieldset",
    {},
    h("legend", { title: axis.name }, axis.label),
    from,
    h("span", { "aria-hidden": "true" }, " to "),
    to,
  );
  return { element, update };
}

function choiceField(study, axis) {
  const boxes = axis.choices.map((_, i) =>
    h("input", { type: "checkbox", value: i, onchange: () => change() }),
  );
  const change = () => {
    const taken = boxes.flatMap((box, i) => (box.checked ? [[i - 0.25, i + 0.25]] : []));
    setFilter(study, axis.name, taken.length === boxes.length ? [] : taken);
  };
  const update = () => {
    const intervals = view.filters[axis.name] ?? [];
    boxes.forEach(
      (box, i) =>
        (box.checked = !intervals.length || intervals.some(([low, high]) => low <= i && i <= high)),
    );
  };
  const labels = boxes.map((box, i) => h("label", {}, box, ` ${axis.choices[i]}`));
  return { element: h("fieldset", {}, h("legend", { title: axis.name }, axis.label), labels), update };
}
