// Puts the page together.

function topBar() {
  const choice = (scheme, word) => h("option", { value: scheme, selected: view.theme === scheme }, word);
  const select = h(
    "select",
    { id: "theme", onchange: (event) => setTheme(event.target.value) },
    choice("light dark", "as the system"),
    choice("light", "light"),
    choice("dark", "dark"),
  );
  byId("top").replaceChildren(
    h("nav", { "aria-label": "Parts of the report" }, links()),
    h("div", { class: "controls" }, refreshControl(), h("label", { class: "control" }, "Theme ", select)),
  );
}

function links() {
  const sections = [...byId("main").querySelectorAll("section[id]")];
  return h(
    "ul",
    {},
    sections.map((one) =>
      h("li", {}, h("a", { href: `#${one.id}` }, cut(one.querySelector("h1, h2").textContent, 24))),
    ),
  );
}

function build() {
  forgetFigures();
  listeners.length = 0;
  const study = facts.studies[view.study];
  const several = facts.studies.length > 1;
  if (!study) return byId("main").replaceChildren(h("p", { class: "lead" }, "No study to show."));
  refilter(study, true);
  listeners.push(redrawNear);
  const charts =
    begun(study).length > 0 &&
    section(
      "charts",
      "Charts",
      historyFigure(study),
      study.params.length > 0 && parallelFigure(study),
      h(
        "div",
        { class: study.importance.length ? "two" : null },
        importanceFigure(study),
        curvesFigure(study),
      ),
    );
  const timeline = timelineFigure(study);
  fill(
    byId("main"),
    several && comparison(),
    several && chooser(),
    head(study),
    hints(study),
    begun(study).length > 0 && trialsTable(study),
    charts,
    sliceFigures(study),
    pairFigures(study),
    timeline && section("workers", "Workers", timeline),
    failures(study),
    setup(study),
  );
  return topBar();
}

function chooseStudy(i) {
  Object.assign(view, { study: i, filters: {}, sort: null, rows: 10 });
  build();
  document.querySelector("#chooser [aria-pressed=true]").focus();
  say(`${facts.studies[i].name} is shown`);
}

document.documentElement.style.colorScheme = view.theme;
if (view.study >= facts.studies.length) view.study = 0;
history.scrollRestoration = "manual";
build();
byId("foot").append(
  `Made ${moment(facts.made)}. Charts by Apache ECharts ${echarts.version}, Apache License 2.0.`,
);
for (const id of view.open) if (byId(id)) byId(id).open = true;
scrollTo(0, view.scroll);
closeFromOutside(byId("trial"));
refreshLater();

// While it is as the system has it, the theme may change by itself.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

// Print has the light theme, and all charts, also where it is only emulated.
function toPrint() {
  if (document.documentElement.style.colorScheme === "light" && figures.every((one) => one.drawn)) return;
  document.documentElement.style.colorScheme = "light";
  redrawAll();
  drawAll();
}
const fromPrint = () => setTheme(view.theme);
addEventListener("beforeprint", toPrint);
addEventListener("afterprint", fromPrint);
matchMedia("print").addEventListener("change", ({ matches }) => (matches ? toPrint() : fromPrint()));
