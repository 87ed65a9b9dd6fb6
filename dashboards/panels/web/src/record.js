// What the page tells about each panel: `window.panels()` by the panel's id, `window.measured(id)` once it is drawn.

const panels = new Map();

/** The record of one panel; made at the first call. */
export function recordOf(id) {
  if (!panels.has(id)) {
    panels.set(id, { state: 'waiting', error: null, series: [], drawnBy: '', draws: 0 });
  }
  return panels.get(id);
}

/** How many pixels differ between two readings of the same part of a canvas. */
export function changed(before, after) {
  const one = new Uint32Array(before.data.buffer);
  const other = new Uint32Array(after.data.buffer);
  let count = 0;
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) {
      count++;
    }
  }
  return count;
}

/** How many values of a field there are, and how many of them are finite numbers. */
export function counted(field) {
  const values = Array.from(field.values);
  return { points: values.length, finite: values.filter((value) => Number.isFinite(value)).length };
}

function boxOf(rects) {
  const left = Math.min(...rects.map((rect) => rect.left));
  const top = Math.min(...rects.map((rect) => rect.top));
  const right = Math.max(...rects.map((rect) => rect.right));
  const bottom = Math.max(...rects.map((rect) => rect.bottom));
  return { left, top, width: right - left, height: bottom - top };
}

window.panels = () =>
  Object.fromEntries(
    [...panels].map(([id, record]) => [id, { ...record, series: record.series.map(({ field, ...rest }) => rest) }])
  );

/** Where the panel and its plot are on the page, in CSS pixels, and all the text in it. */
window.measured = (id) => {
  const panel = document.querySelector(`[data-viz-panel-key="panel-${id}"]`);
  const canvases = [...panel.querySelectorAll('canvas')].map((canvas) => canvas.getBoundingClientRect());
  const areas = [...panel.querySelectorAll('.u-over')].map((area) => area.getBoundingClientRect());
  return {
    panel: boxOf([panel.getBoundingClientRect()]),
    canvas: canvases.length ? boxOf(canvases) : null,
    plot: areas.length || canvases.length ? boxOf(areas.length ? areas : canvases) : null,
    text: panel.innerText,
  };
};
