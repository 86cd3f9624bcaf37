// How numbers, durations and times are written.

const NONE = "–";

function number(x, digits = 4) {
  if (x == null) return NONE;
  if (Number.isInteger(x) && Math.abs(x) < 1e7) return String(x);
  return String(Number(x.toPrecision(digits)))
    .replace("e+", "e")
    .replace("-", "−")
    .replace("e-", "e−");
}

// With all of its decimals; one that they cannot show as `number` does.
function fixed(x, decimals) {
  const text = x.toFixed(Math.min(decimals, 20));
  return Math.abs(x) >= 1e7 || (x !== 0 && Number(text) === 0) ? number(x) : text.replace("-", "−");
}

// A metric's values have the same decimals all over the page: four digits of a typical one, and up to two more
// where the best could not be told from the next; without zeros at the end of all.
function decimalsOf(name) {
  const better = (study, i) => (one, other) => sign(study, i) * (one - other);
  const lists = facts.studies.flatMap((study) =>
    study.objectives.flatMap((one, i) =>
      one.name === name ? [results(study, i).sort(better(study, i))] : [],
    ),
  );
  const seen = facts.studies.flatMap((study) =>
    study.objectives[0].name === name ? study.trials.map(lastValue) : [],
  );
  const values = [...new Set([...lists.flat(), ...seen])].filter((x) => x != null);
  const sizes = values
    .map(Math.abs)
    .filter((x) => x > 0)
    .sort((a, b) => a - b);
  if (!sizes.length) return 0;
  const least = Math.min(9, Math.max(0, 3 - Math.floor(Math.log10(sizes[Math.floor(sizes.length / 2)]))));
  let found = least;
  const tie = ([best, next]) => best !== next && best?.toFixed(found) === next?.toFixed(found);
  while (found < least + 2 && lists.some(tie)) found++;
  while (found > 0 && values.every((x) => x.toFixed(found).endsWith("0"))) found--;
  return found;
}

const known = new Map();

function metric(study, x, i = 0) {
  if (x == null) return NONE;
  const { name } = study.objectives[i];
  if (!known.has(name)) known.set(name, decimalsOf(name));
  return fixed(x, known.get(name));
}

// A parameter's value: a number, or the text of a choice; one that the trial does not have is absent.
const shown = (value) => (typeof value === "number" ? number(value) : value == null ? NONE : String(value));

function duration(seconds) {
  if (seconds == null) return NONE;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const [m, h, d] = [Math.floor(s / 60), Math.floor(s / 3600), Math.floor(s / 86400)];
  if (h < 1) return `${m} min ${s % 60} s`;
  return d < 1 ? `${h} h ${m % 60} min` : `${d} d ${h % 24} h`;
}

const two = (n) => String(n).padStart(2, "0");

// Local time, as 2026-11-26 11:33.
function moment(t) {
  if (t == null) return NONE;
  const at = new Date(t * 1000);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function percent(share) {
  if (share == null) return NONE;
  return share > 0 && share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`;
}

const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
