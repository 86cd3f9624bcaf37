// How much each parameter matters, with how sure that is.

function importanceFigure(study) {
  const all = study.importance;
  if (!all.length) {
    return h(
      "div",
      { class: "figure line" },
      h("h3", {}, "Importance"),
      h("p", { class: "how" }, study.importance_note),
    );
  }
  const first = all[0];
  return figure({
    id: "importance",
    title: "Importance",
    how:
      study.importance_note ||
      "How much of the difference between good and bad trials each parameter accounts for; the thin lines say how sure.",
    summary: `${labelOf(study, first.name)} matters most, ${percent(first.value)}.`,
    height: 40 + 28 * all.length,
    option: (width) => importanceOption(study, all, width),
    rows: () => ({
      columns: ["parameter", "importance", "from", "to"],
      rows: all.map((one) => [
        labelOf(study, one.name),
        percent(one.value),
        percent(one.low),
        percent(one.high),
      ]),
    }),
  });
}

function importanceOption(study, all, width) {
  const label = {
    show: true,
    position: "right",
    formatter: ({ dataIndex }) => percent(all[dataIndex].value),
    color: colour("ink"),
  };
  return {
    grid: { left: 8, right: 56, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value", min: 0, axisLabel: { formatter: (x) => `${Math.round(100 * x)} %` } },
    yAxis: {
      type: "category",
      inverse: true,
      data: all.map((one) => labelOf(study, one.name)),
      axisLabel: { width: width / 3, overflow: "truncate", interval: 0, color: colour("ink") },
    },
    series: [
      {
        type: "bar",
        barWidth: 12,
        itemStyle: { color: colour("complete"), opacity: 0.75 },
        data: all.map((one) => one.value),
      },
      {
        type: "custom",
        z: 5,
        encode: { x: [1, 2], y: 0 },
        data: all.map((one, i) => [i, one.low, one.high]),
        renderItem: (_, api) => whisker(api),
      },
      // the number stands beyond the whisker, not on it
      {
        type: "scatter",
        symbolSize: 0,
        label,
        data: all.map((one, i) => [Math.max(one.value, one.high ?? 0), i]),
      },
    ],
  };
}

function whisker(api) {
  if (Number.isNaN(api.value(1))) return null;
  const [[x0, y], [x1]] = [1, 2].map((i) => api.coord([api.value(i), api.value(0)]));
  const line = (a, b, c, d) => ({
    type: "line",
    shape: { x1: a, y1: b, x2: c, y2: d },
    style: { stroke: colour("ink"), lineWidth: 1.5 },
  });
  return {
    type: "group",
    children: [line(x0, y, x1, y), line(x0, y - 4, x0, y + 4), line(x1, y - 4, x1, y + 4)],
  };
}
