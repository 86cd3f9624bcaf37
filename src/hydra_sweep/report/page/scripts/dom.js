// Makes elements. Text becomes text nodes, never markup: names and reasons are whatever a user wrote.

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  return fill(element, children);
}

// What is null or false is left out: `condition && element`.
function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

const byId = (id) => document.getElementById(id);

// Told to those who do not see the page change.
function say(text) {
  byId("said").textContent = text;
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { "aria-hidden": "true" });
    area.value = text;
    button.after(area); // inside a dialog nothing outside it can be selected
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  say("Copied");
  setTimeout(() => (button.textContent = before), 1200);
}

function copyButton(text, what) {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", () => copy(text, button));
  return button;
}

// A line to copy. It scrolls sideways in its own box, which the keyboard reaches.
function command(line, what) {
  if (!line) return null;
  const code = h("code", { tabindex: "0", role: "region", "aria-label": what }, line);
  return h("div", { class: "command" }, code, copyButton(line, what));
}

// Of words, which begin at the left, or else of numbers.
function table({ columns, rows, label, words }) {
  const head = columns.map((column) => h("th", { scope: "col" }, column));
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      row.map((cell, i) => (i ? h("td", {}, cell) : h("th", { scope: "row" }, cell))),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    h("table", { class: words && "words" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)),
  );
}

function pairs(entries) {
  return h(
    "dl",
    { class: "pairs" },
    entries.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

function section(id, title, ...children) {
  const heading = typeof title === "string" ? h("h2", { id: `${id}-title` }, title) : title;
  return h("section", { id, "aria-labelledby": `${id}-title` }, heading, ...children);
}

// A fold whose content is made when it is first opened; `id` keeps it open over a reload.
function fold(id, summary, make) {
  const details = h("details", { id }, h("summary", {}, summary));
  const fill = () => details.open && details.children.length === 1 && details.append(make());
  details.addEventListener("toggle", fill);
  return details;
}
