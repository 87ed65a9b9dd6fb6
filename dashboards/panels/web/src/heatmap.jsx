// The heat map: Grafana's own painter is not in its open libraries. Its cells are painted here, on Grafana's plot.

import { formattedValueToString, getFieldDisplayName, getValueFormat } from '@grafana/data';
import { config } from '@grafana/runtime';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, VizLayout } from '@grafana/ui';
import { useMemo } from 'react';
import { changed, counted, recordOf } from './record.js';

const DARKEST = [255, 245, 235]; // of the scheme Oranges, whose light end is for small counts in a light theme
const PALEST = [127, 39, 4];
const EXPONENT = 0.5; // Grafana's default: small counts are seen too

export function Heatmap({ id, data, timeRange, timeZone, width, height, options }) {
  const record = recordOf(id);
  record.drawnBy = 'cells painted on @grafana/ui UPlotChart';
  const rows = rowsOf(data.series);
  record.series = rows.map((row) => ({ ref: row.ref, name: row.name, ...counted(row.value), color: '', ink: 0 }));
  const builder = useMemo(() => plotOf(rows, record, timeRange, timeZone, options), [data, timeRange]);
  const times = [...new Set(rows.flatMap((row) => Array.from(row.time.values)))].sort((one, other) => one - other);
  if (rows.length === 0) {
    return null;
  }
  return (
    <VizLayout width={width} height={height}>
      {(plotWidth, plotHeight) => (
        <UPlotChart config={builder} data={[times, times.map(() => null)]} width={plotWidth} height={plotHeight} />
      )}
    </VizLayout>
  );
}

function rowsOf(frames) {
  return frames.map((frame) => ({ ref: frame.refId, name: getFieldDisplayName(frame.fields[1], frame, frames), time: frame.fields[0], value: frame.fields[1] }));
}

function plotOf(rows, record, timeRange, timeZone, options) {
  const theme = config.theme2;
  const builder = new UPlotConfigBuilder(timeZone);
  builder.addScale({
    scaleKey: 'x',
    isTime: true,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
  });
  builder.addScale({
    scaleKey: 'y',
    isTime: false,
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    range: () => [0, rows.length],
  });
  builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme, grid: { show: false } });
  const unit = getValueFormat(options.yAxis?.unit ?? 'short');
  const bound = (index) => {
    const value = Number(rows[index - 1]?.name);
    return Number.isFinite(value) ? formattedValueToString(unit(value)) : rows[index - 1]?.name ?? '';
  };
  builder.addAxis({
    scaleKey: 'y',
    placement: AxisPlacement.Left,
    theme,
    grid: { show: false },
    splits: rows.map((_, index) => index + 1),
    formatValue: (value) => bound(value),
  });
  builder.addSeries({ scaleKey: 'y', theme, show: true, lineWidth: 0, pathBuilder: () => null, pointsBuilder: () => undefined });
  builder.addHook('draw', (plot) => {
    paint(plot, rows, record);
    record.draws += 1;
  });
  return builder;
}

function paint(plot, rows, record) {
  const highest = Math.max(0, ...rows.flatMap((row) => Array.from(row.value.values).filter(Number.isFinite)));
  const read = () => plot.ctx.getImageData(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  const inside = new Path2D();
  inside.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  plot.ctx.save();
  plot.ctx.clip(inside);
  rows.forEach((row, index) => {
    const before = read();
    const stepMs = row.time.config.interval;
    const [top, bottom] = [index + 1, index].map((place) => plot.valToPos(place, 'y', true));
    row.time.values.forEach((moment, column) => {
      const count = row.value.values[column];
      if (count > 0) {
        const [left, right] = [moment - stepMs, moment].map((at) => plot.valToPos(at, 'x', true));
        plot.ctx.fillStyle = shade((count / highest) ** EXPONENT);
        plot.ctx.fillRect(left, top, Math.max(1, right - left - 1), Math.max(1, bottom - top - 1));
      }
    });
    record.series[index].ink = changed(before, read());
  });
  plot.ctx.restore();
}

function shade(share) {
  return `rgb(${PALEST.map((pale, index) => Math.round(pale + (DARKEST[index] - pale) * share)).join(' ')})`;
}
