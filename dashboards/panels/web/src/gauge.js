// The arc of a gauge: Grafana's component lays it out and asks jQuery's flot for it, whose plugin for gauges is in no
// package. It is painted here.

import $ from 'jquery';

const FROM = Math.PI * 0.93;
const TO = Math.PI * 2.07;
const GAP = 2; // between the arc and the band of the thresholds

/** Give jQuery the one function that Grafana's gauge calls. */
export function installGauge() {
  $.plot = (element, [series], options) => paint(element, series.data[0][1], options.series.gauges);
}

function paint(element, value, { gauge, threshold, value: label }) {
  const [width, height] = [element.clientWidth, element.clientHeight];
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const text = document.createElement('div');
  text.textContent = label.formatter(label.label, value);
  element.replaceChildren(canvas, text);
  const outer = Math.min(width / 2, height / (1 + Math.sin(TO))) - 2;
  const [x, y] = [width / 2, outer + 2];
  const context = canvas.getContext('2d');
  const at = (number) => FROM + ((TO - FROM) * (Math.min(Math.max(number, gauge.min), gauge.max) - gauge.min)) / (gauge.max - gauge.min);
  const arc = (radius, thick, from, to, color) => {
    context.beginPath();
    context.arc(x, y, radius - thick / 2, from, to);
    context.lineWidth = thick;
    context.strokeStyle = color;
    context.stroke();
  };
  const band = threshold.show ? threshold.width : 0;
  let from = FROM;
  if (threshold.show) {
    for (const step of threshold.values) {
      arc(outer, band, from, Math.max(from, at(step.value)), step.color);
      from = Math.max(from, at(step.value));
    }
  }
  const inner = outer - band - (band ? GAP : 0);
  arc(inner, gauge.width, FROM, TO, gauge.background.color);
  arc(inner, gauge.width, FROM, at(value), label.color);
  Object.assign(text.style, {
    position: 'absolute',
    left: '0',
    width: '100%',
    top: `${y - label.font.size}px`,
    textAlign: 'center',
    color: label.color,
    font: `500 ${label.font.size}px/1.2 ${label.font.family}`,
  });
  element.style.position = 'relative';
}
