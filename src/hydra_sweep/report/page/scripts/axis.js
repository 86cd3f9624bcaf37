// Axes whose ticks are round numbers, each written with the digits that it has.

// Between ticks, of some `few`: 1, 2 or 5 times a power of ten.
function stepOf(low, high, { whole = false, few = 5 } = {}) {
  const rough = (high - low) / few;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9));
  return whole ? Math.max(1, step) : Number(step.toPrecision(1));
}

const times = (count, step) => Number((count * step).toPrecision(12));

// Outwards, to ends that are ticks.
function rounded(low, high) {
  const step = stepOf(low, high);
  return {
    low: times(Math.floor(low / step + 1e-9), step),
    high: times(Math.ceil(high / step - 1e-9), step),
    step,
  };
}

// A range that is more than a point.
function widened(low, high) {
  const margin = low < high ? 0 : Math.abs(low) / 20 || 1;
  return [low - margin, high + margin];
}

function multiples(low, high, step) {
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.max(0, Math.floor(high / step + 1e-9) - first + 1);
  return Array.from({ length: count }, (_, i) => times(first + i, step));
}

// Powers of ten; of few of them, their halves and fifths as well.
function powers(low, high) {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  if (b - a < 1) return multiples(low, high, stepOf(low, high));
  const digits = b - a < 2 ? [1, 2, 5] : [1];
  return multiples(Math.floor(a), b, Math.max(1, Math.round((b - a) / 5)))
    .flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
    .filter((x) => low <= x && x <= high);
}

// Round numbers, and the `ends` of what was searched where they are short; none touches another.
function ticks(low, high, step, { log = false, ends = false } = {}) {
  const at = log ? Math.log10 : (x) => x;
  const [a, b] = [at(low), at(high)];
  const round = log ? powers(low, high) : multiples(low, high, step);
  const kept = ends ? [low, high].filter((x) => Number(x.toPrecision(3)) === x) : [];
  const apart = (x) => kept.every((end) => Math.abs(at(x) - at(end)) > 0.1 * (b - a));
  return [...round.filter(apart), ...kept].sort((x, y) => x - y);
}

const decimals = (x) =>
  Math.max(
    0,
    ...[...String(x).matchAll(/\.(\d+)|e-(\d+)/g)].map((one) => one[1]?.length ?? Number(one[2])),
  );

// `edge` is the end that stands for all beyond it.
function scale(low, high, { edge = null, step = null, ...kind } = {}) {
  step ??= stepOf(low, high, kind);
  const values = ticks(low, high, step, kind);
  const beyond = edge === low ? "≤ " : "≥ ";
  const write = (x) => (kind.log || kind.ends ? number(x, 12) : fixed(x, decimals(step)));
  const formatter = (x) => (x === edge ? beyond + write(x) : write(x));
  return {
    type: kind.log ? "log" : "value",
    min: low,
    max: high,
    ...(kind.log ? {} : { interval: step }),
    axisLabel: { customValues: values, formatter, hideOverlap: true },
    axisTick: { customValues: values },
  };
}

const valueAxis = (range) =>
  range ? scale(range.low, range.high, { edge: range.edge, step: range.step }) : { type: "value" };

// As it was searched.
const numberAxis = ({ low, high, log, kind }) =>
  scale(...widened(low, high), { log, whole: kind === "int", ends: true });

// Of whole numbers: trials, or steps.
function countAxis(name, numbers) {
  const ends = numbers.length ? [Math.min(...numbers), Math.max(...numbers)] : [0, 1];
  return {
    ...scale(...(ends[0] < ends[1] ? ends : [ends[0] - 1, ends[0] + 1]), { whole: true, few: 10 }),
    name,
    nameLocation: "middle",
    nameGap: 26,
  };
}
