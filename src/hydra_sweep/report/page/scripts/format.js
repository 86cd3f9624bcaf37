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
