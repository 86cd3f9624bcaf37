// While the sweep runs the page loads itself anew, where it was, unless the reader is in the middle of something.

function isBusy() {
  const field = document.activeElement?.matches("input, select, textarea");
  return view.paused || byId("trial").open || field || !getSelection().isCollapsed || pressed;
}

let pressed = false;
addEventListener("pointerdown", () => (pressed = true));
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (pressed = false));

function refreshControl() {
  if (!facts.refresh_s) return null;
  const box = h("input", { type: "checkbox", id: "refresh" });
  box.checked = !view.paused;
  box.addEventListener("change", () => (view.paused = !box.checked));
  return h("label", { class: "control" }, box, ` refreshed every ${duration(facts.refresh_s)}`);
}

function refreshLater(seconds = facts.refresh_s) {
  if (!seconds) return;
  setTimeout(() => {
    if (isBusy()) return refreshLater(Math.min(5, seconds));
    location.reload();
  }, 1000 * seconds);
}

addEventListener("beforeunload", keepView);
