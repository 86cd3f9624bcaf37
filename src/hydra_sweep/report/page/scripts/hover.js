// The curve nearest to the pointer: emphasised, with what its trial reported there. A line has no marks to hit.

const REACH = 24; // px

function hoverCurves(study, chart) {
  const trials = drawnCurves(study);
  const range = chart.getOption().yAxis[0];
  const at = ([step, value]) =>
    chart.convertToPixel({ gridIndex: 0 }, [step, Math.min(range.max, Math.max(range.min, value))]);
  let paths = null;
  let over = null;
  const zr = chart.getZr();
  const leave = () => {
    if (over == null) return;
    over = null;
    zr.setCursorStyle("default");
    chart.dispatchAction({ type: "downplay" });
    chart.dispatchAction({ type: "hideTip" });
  };
  zr.on("mousemove", ({ offsetX, offsetY }) => {
    paths ??= trials.map((trial) => trial.curve.map(at));
    const found = nearest(paths, [offsetX, offsetY]);
    if (!found) return leave();
    const { series, point } = found;
    zr.setCursorStyle("pointer");
    if (over === `${series} ${point}`) return;
    over = `${series} ${point}`;
    chart.dispatchAction({ type: "downplay" });
    chart.dispatchAction({ type: "highlight", seriesIndex: series });
    const [step, value] = trials[series].curve[point];
    const formatter = () =>
      tip(study, trials[series], [[`at ${unit(study)} ${number(step)}`, metric(study, value)]]);
    const [x, y] = paths[series][point];
    chart.dispatchAction({ type: "showTip", x, y, tooltip: { formatter } });
  });
  zr.on("globalout", leave);
  zr.on("click", () => over != null && openTrial(study, trials[Number(over.split(" ")[0])].number));
}

// Which series' line is nearest, and which of its points.
function nearest(paths, [x, y]) {
  let [found, least] = [null, REACH];
  paths.forEach((path, series) => {
    for (let i = 1; i < path.length; i++) {
      const [[ax, ay], [bx, by]] = [path[i - 1], path[i]];
      const share = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2 || 1);
      const on = Math.min(1, Math.max(0, share));
      const distance = Math.hypot(ax + on * (bx - ax) - x, ay + on * (by - ay) - y);
      if (distance < least) [found, least] = [{ series, point: on < 0.5 ? i - 1 : i }, distance];
    }
  });
  return found;
}
