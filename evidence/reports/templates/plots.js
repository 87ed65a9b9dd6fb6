"use strict";
// Replace each static plot by the one that can be zoomed, once Bokeh has drawn it. Without this script the page is whole.
(async () => {
  const given = JSON.parse(document.getElementById("plots-data").textContent);
  const figures = Object.keys(given.roots).map((name) => document.getElementById(`figure-${name}`));
  Bokeh.set_log_level("error");
  figures.forEach((figure) => figure.classList.add("live"));
  try {
    const roots = {};
    for (const [name, id] of Object.entries(given.roots)) roots[id] = `live-${name}`;
    await Bokeh.embed.embed_items(
      { plots: given.document },
      [{ docid: "plots", roots, root_ids: Object.keys(roots) }],
    );
  } catch (error) {
    figures.forEach((figure) => figure.classList.remove("live"));
    throw error;
  }
  for (const [name, id] of Object.entries(given.roots)) {
    const root = Bokeh.index[id].model;
    const range = root.document.get_model_by_id(given.ranges[name]);
    const place = document.getElementById(`live-${name}`);
    if (matchMedia("(pointer: coarse)").matches) root.toolbar.gestures.pan.active = null; // a finger scrolls the page
    keys(place, range, root.toolbar.tools.length > 0 && isLogarithmic(root));
  }
  document.documentElement.dataset.plots = "ready";

  function isLogarithmic(root) {
    return root.children[0][0].x_scale.type === "LogScale";
  }

  // plus and minus zoom around the middle, arrows move, 0 shows all
  function keys(place, range, logarithmic) {
    const [to, from] = logarithmic ? [Math.log10, (x) => 10 ** x] : [(x) => x, (x) => x];
    const whole = [range.start, range.end];
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const [start, end] = [to(range.start), to(range.end)];
      const width = end - start;
      const change = {
        "+": [width / 4, -width / 4], "=": [width / 4, -width / 4], "-": [-width / 2, width / 2],
        ArrowLeft: [-width / 5, -width / 5], ArrowRight: [width / 5, width / 5],
      }[event.key];
      if (event.key === "0") range.setv({ start: whole[0], end: whole[1] });
      else if (change) range.setv({ start: from(start + change[0]), end: from(end + change[1]) });
      else return;
      event.preventDefault();
    });
  }
})();
