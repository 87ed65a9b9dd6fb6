"use strict";
// Draw each plot of the page again with Bokeh, to be zoomed and hovered, from the values of its static picture.
// Without this script the page is whole: the picture stays where a plot can't be drawn.
(async () => {
  const PIXELS_AN_INCH = 84, HEAD = 30, FOOT = 34, LABEL = 14, FONT = "11px", WIDE_BAND = 0.04, SAME = 1e-9;
  const MARKERS = { points: "circle", crosses: "x", ticks: "dash", diamonds: "diamond" };
  const plotting = Bokeh.Plotting, models = Bokeh;
  const drawings = JSON.parse(document.getElementById("plots-data").textContent);
  const byAxis = new Map();
  const narrow = matchMedia("(max-width: 40rem)").matches, coarse = matchMedia("(pointer: coarse)").matches;
  Bokeh.logger.set_level("error");
  for (const drawing of drawings) await show(drawing);
  document.documentElement.dataset.plots = "ready";

  async function show(drawing) {
    const place = document.getElementById(`zoomed-${drawing.name}`);
    const figure = place.closest("figure");
    figure.classList.add("live");
    place.classList.toggle("rows", drawing.panels.every((panel) => panel.categories.length > 0));
    try {
      const range = new models.Range1d({ start: drawing.x_range[0], end: drawing.x_range[1], name: drawing.axis });
      await plotting.show(plot(drawing, range), place);
      link(drawing.axis, range);
      keys(place, drawing, range);
    } catch (error) {
      figure.classList.remove("live");
      throw error;
    }
  }

  function plot(drawing, range) {
    const crosshair = new models.Span({ dimension: "height", line_color: "#888888" });
    const last = drawing.panels.length - 1;
    const rows = drawing.panels.map((panel, index) => [axes(drawing, panel, range, crosshair, index === 0, index === last)]);
    const grid = plotting.gridplot(rows, { toolbar_location: "above", merge_tools: true, sizing_mode: "stretch_width" });
    grid.setv({ name: drawing.name });
    // a finger scrolls the page, a mouse zooms
    const zoom = grid.toolbar.tools.find((tool) => tool.underlying instanceof models.BoxZoomTool);
    grid.toolbar.setv({ logo: null, active_drag: coarse ? null : zoom });
    return grid;
  }

  function axes(drawing, panel, range, crosshair, first, last) {
    const labels = panel.series.length + panel.rules.filter((rule) => rule.label).length;
    const made = plotting.figure({
      title: plain(panel.title), x_range: range, y_range: panel.y_range,
      x_axis_type: drawing.x_log ? "log" : "linear",
      y_axis_type: panel.log && !panel.categories.length ? "log" : "linear",
      height: Math.round(panel.height_in * PIXELS_AN_INCH) + HEAD + (last ? FOOT : 0) + (narrow ? labels * LABEL : 0),
      sizing_mode: "stretch_width",
      min_border_left: 60, min_border_right: 16, tools: [],
      background_fill_alpha: 0, border_fill_alpha: 0, outline_line_alpha: 0.2,
    });
    made.title.text_font_size = "12px";
    const look = { axis_label_text_font_size: FONT, major_label_text_font_size: FONT, axis_label_text_font_style: "normal" };
    for (const axis of made.axes) axis.setv(look);
    for (const grid of made.grids) grid.grid_line_alpha = 0.4;
    const numbers = { use_scientific: false };
    made.xaxes[0].setv({ axis_label: last ? drawing.x_label : null, formatter: new models.BasicTickFormatter(numbers) });
    if (panel.categories.length) {
      made.yaxes[0].ticker = new models.FixedTicker({ ticks: panel.categories.map((_, row) => row) });
      made.yaxes[0].major_label_overrides = new Map(panel.categories.map((name, row) => [row, plain(name)]));
    } else made.yaxes[0].setv({ axis_label: panel.unit, formatter: new models.BasicTickFormatter(numbers) });
    bands(made, panel, drawing.x_range, first);
    const hovered = panel.series.map((series) => draw(made, series));
    for (const rule of panel.rules) line(made, rule);
    tools(made, hovered, drawing, panel, crosshair);
    const legend = made.legend;
    legend.setv({
      orientation: narrow ? "vertical" : "horizontal", click_policy: "hide", label_text_font_size: FONT, padding: 0, margin: 0,
      spacing: narrow ? 2 : 12,
      border_line_alpha: 0, background_fill_alpha: 0, glyph_height: 12, label_height: 12,
    });
    made.center = made.center.filter((part) => part !== legend);
    made.add_layout(legend, "above");
    return made;
  }

  // shade every second phase; the first panel names those that are wide enough
  function bands(made, panel, [start, end], named) {
    panel.bands.forEach((band, index) => {
      if (index % 2 === 0)
        made.add_layout(new models.BoxAnnotation({
          left: band.start, right: band.end, fill_color: "#888888", fill_alpha: 0.12, line_alpha: 0,
        }));
    });
    const wide = panel.bands.filter((band) => named && (band.end - band.start) / (end - start) > WIDE_BAND);
    if (wide.length && !panel.categories.length)
      made.text(wide.map((band) => (band.start + band.end) / 2), wide.map(() => panel.y_range[1]),
        wide.map((band) => plain(band.name)),
        { text_font_size: "10px", text_align: "center", text_baseline: "top", text_color: "#444444" });
  }

  function draw(made, series) {
    const source = new models.ColumnDataSource({
      name: series.label, data: { x: series.xs, y: series.ys, end: series.ends.length ? series.ends : series.xs },
    });
    const [x, y] = [{ field: "x" }, { field: "y" }];
    const known = { source, legend_label: plain(series.label), name: series.label };
    const stroke = { line_color: series.colour, line_alpha: series.alpha, line_width: series.size * 1.2 };
    switch (series.kind) {
      case "line": return made.line(x, y, { ...stroke, ...known });
      case "spans": return made.segment(x, y, { field: "end" }, y, { ...stroke, ...known });
      case "area":
        made.varea_step(x, 0, y, "after", { fill_color: series.colour, fill_alpha: 0.5, source, legend_label: plain(series.label) });
      case "steps": return made.step(x, y, "after", { ...stroke, ...known });
      default:
        return made.scatter(x, y, {
          marker: MARKERS[series.kind], size: series.size * 1.6, color: series.colour, alpha: series.alpha,
          angle: series.kind === "ticks" ? Math.PI / 2 : 0, ...known,
        });
    }
  }

  function line(made, rule) {
    const look = { line_color: rule.colour, line_dash: rule.style, line_width: 1.2 };
    const known = rule.label ? { legend_label: plain(rule.label) } : {};
    if (rule.upright) made.vspan([rule.value], { ...look, ...known });
    else made.hspan([rule.value], { ...look, ...known });
  }

  // all tools act along x only, which the panels share
  function tools(made, hovered, drawing, panel, crosshair) {
    const along = { dimensions: "width" };
    made.add_tools(
      new models.BoxZoomTool(along), new models.PanTool(along), new models.WheelZoomTool(along), new models.ZoomInTool(along),
      new models.ZoomOutTool(along), new models.ResetTool(), new models.SaveTool(),
      new models.CrosshairTool({ overlay: crosshair, visible: false }),
    );
    panel.series.forEach((series, place) => made.add_tools(new models.HoverTool({
      renderers: [hovered[place]], visible: false, line_policy: "nearest",
      tooltips: (_source, at) => tooltip(series, at, drawing, panel),
    })));
    made.toolbar.setv({ active_drag: null, active_scroll: null });
  }

  function tooltip(series, at, drawing, panel) {
    const index = at.index ?? at.segment_index ?? at.indices?.[0] ?? 0;
    const [x, y, end] = [series.xs[index], series.ys[index], series.ends[index]].map(number);
    const unit = panel.unit ? ` ${panel.unit}` : "";
    const across = `${x}${end === undefined ? "" : ` to ${end}`}`;
    const time = panel.bands.length || !panel.unit ? " s" : unit;
    const value = panel.categories.length ? `${across}${time}`
      : `${y}${unit} at ${across}${panel.bands.length ? " s" : ` ${drawing.x_label}`}`;
    const box = document.createElement("div");
    box.className = "plot-value";
    for (const text of [`${series.label}: ${value}`, series.names[index]].filter(Boolean))
      box.appendChild(document.createElement("div")).textContent = text;
    return box;
  }

  function number(value) {
    return value?.toLocaleString("en", { maximumSignificantDigits: 6 });
  }

  // plots of one time axis show the same stretch of it
  function link(axis, range) {
    const others = byAxis.get(axis) ?? [];
    byAxis.set(axis, [...others, range]);
    range.change.connect(() => {
      for (const other of byAxis.get(axis))
        if (Math.abs(other.start - range.start) + Math.abs(other.end - range.end) > SAME)
          other.setv({ start: range.start, end: range.end });
    });
  }

  // plus and minus zoom around the middle, arrows move, 0 shows all
  function keys(place, drawing, range) {
    const [to, from] = drawing.x_log ? [Math.log10, (x) => 10 ** x] : [(x) => x, (x) => x];
    place.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const [start, end] = [to(range.start), to(range.end)];
      const part = end - start;
      const moved = {
        "+": [part / 4, -part / 4], "=": [part / 4, -part / 4], "-": [-part / 2, part / 2],
        ArrowLeft: [-part / 5, -part / 5], ArrowRight: [part / 5, part / 5],
      }[event.key];
      if (event.key === "0") range.setv({ start: drawing.x_range[0], end: drawing.x_range[1] });
      else if (moved) range.setv({ start: from(start + moved[0]), end: from(end + moved[1]) });
      else return;
      event.preventDefault();
    });
  }

  // nothing in a text is a formula
  function plain(text) {
    return text.replaceAll("$", "＄").replaceAll("\\", "＼");
  }
})();
