// Panel plugins: Grafana's own live in its server's source, and are thin covers of these components of its libraries.

import { FieldColorModeId, FieldConfigProperty, FieldType, PanelPlugin, colorManipulator, formattedValueToString, getFieldDisplayName, getFieldDisplayValues, getFieldSeriesColor } from '@grafana/data';
import { config } from '@grafana/runtime';
import { Gauge, TimeSeries, VizRepeater } from '@grafana/ui';
import { useEffect, useMemo } from 'react';
import { Heatmap } from './heatmap.jsx';
import { changed, counted, recordOf } from './record.js';

const GRAPH_DEFAULTS = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  lineStyle: { fill: 'solid' },
  fillOpacity: 0,
  gradientMode: 'none',
  showPoints: 'auto',
  pointSize: 5,
  spanNulls: false,
  stacking: { mode: 'none', group: 'A' },
  axisPlacement: 'auto',
  axisLabel: '',
  axisColorMode: 'text',
  axisCenteredZero: false,
  axisBorderShow: false,
  scaleDistribution: { type: 'linear' },
  thresholdsStyle: { mode: 'off' },
  hideFrom: { tooltip: false, viz: false, legend: false },
  barAlignment: 0,
  barWidthFactor: 0.6,
};

/** A plugin whose own field options are these, with these values where a dashboard has none. */
function plugin(id, component, own, standard = {}) {
  const made = new PanelPlugin(component).useFieldConfig({
    standardOptions: standard,
    useCustomConfig: (builder) => {
      for (const [path, defaultValue] of Object.entries(own)) {
        builder.addCustomEditor({
          id: path,
          path,
          name: path,
          defaultValue,
          editor: () => null,
          override: () => null,
          process: (value) => value,
          shouldApply: () => true,
        });
      }
    },
  });
  made.meta = { id, name: id, type: 'panel', info: { version: '' }, module: '', baseUrl: '', skipDataQuery: false };
  return made;
}

function numbersOf(frames) {
  return frames.flatMap((frame) =>
    frame.fields.filter((field) => field.type === FieldType.number).map((field) => ({ frame, field }))
  );
}

/** Counts, for each series, the pixels that its drawing changed. A line of zeros lies on the row below the plot. */
function inkCounter(record, frames) {
  let before;
  const read = (plot) => plot.ctx.getImageData(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height + 1);
  return {
    fieldMap: {},
    indicesOnly: [],
    init(builder) {
      builder.addHook('drawAxes', (plot) => {
        before = read(plot);
      });
      builder.addHook('drawSeries', (plot, index) => {
        const after = read(plot);
        const origin = builder.getSeries()[index - 1]?.props.dataFrameFieldIndex;
        const field = origin && frames[origin.frameIndex].fields[origin.fieldIndex];
        const series = record.series.find((one) => one.field === field);
        if (series) {
          series.ink = changed(before, after);
        }
        before = after;
      });
      builder.addHook('draw', () => {
        record.draws += 1;
      });
    },
  };
}

/** The same frames with a gap wherever a value is no finite number, as Grafana's own panel has them. */
function graphable(frames) {
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) =>
      field.type === FieldType.number
        ? { ...field, values: Array.from(field.values, (value) => (Number.isFinite(value) ? value : null)) }
        : field
    ),
  }));
}

function TimeSeriesPanel({ id, data, timeRange, timeZone, width, height, options }) {
  const record = recordOf(id);
  record.drawnBy = '@grafana/ui TimeSeries';
  const frames = useMemo(() => graphable(data.series), [data.series]);
  record.series = numbersOf(frames).map(({ frame, field }) => ({
    field,
    ref: frame.refId,
    name: getFieldDisplayName(field, frame, frames),
    ...counted(field),
    color: getFieldSeriesColor(field, config.theme2).color,
    ink: 0,
  }));
  if (frames.length === 0) {
    return <NoData />;
  }
  return (
    <TimeSeries
      frames={frames}
      structureRev={data.structureRev}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
      renderers={[inkCounter(record, frames)]}
    />
  );
}

function GaugePanel({ id, data, width, height, options, fieldConfig, replaceVariables, timeZone, renderCounter }) {
  const record = recordOf(id);
  const theme = config.theme2;
  record.drawnBy = '@grafana/ui Gauge, its arc painted here';
  const values = getFieldDisplayValues({
    fieldConfig,
    reduceOptions: options.reduceOptions,
    replaceVariables,
    theme,
    data: data.series,
    timeZone,
  });
  record.series = numbersOf(data.series).map(({ frame, field }, index) => ({
    ref: frame.refId,
    name: getFieldDisplayName(field, frame, data.series),
    ...counted(field),
    color: values[index]?.display.color ?? '',
    text: values[index] ? formattedValueToString(values[index].display) : '',
    ink: 0,
  }));
  useEffect(() => {
    const canvases = [...document.querySelectorAll(`[data-viz-panel-key="panel-${id}"] canvas`)];
    record.series.forEach((series, index) => {
      series.ink = canvases[index] ? ofColor(canvases[index], series.color) : 0;
    });
    record.draws += 1;
  });
  if (data.series.length === 0) {
    return <NoData />;
  }
  return (
    <VizRepeater
      getValues={() => values}
      renderValue={({ value, width: each, height: tall, orientation }) => (
        <Gauge
          value={value.display}
          field={value.field}
          width={each}
          height={tall}
          text={options.text}
          theme={theme}
          orientation={orientation}
          showThresholdLabels={options.showThresholdLabels}
          showThresholdMarkers={options.showThresholdMarkers}
        />
      )}
      width={width}
      height={height}
      source={data}
      autoGrid
      renderCounter={renderCounter}
      orientation={options.orientation}
    />
  );
}

/** How many pixels of a canvas have this colour. */
function ofColor(canvas, color) {
  const wanted = colorManipulator.decomposeColor(colorManipulator.asHexString(color)).values;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 200 && wanted.every((value, index) => Math.abs(value - data[at + index]) <= 8)) {
      count++;
    }
  }
  return count;
}

function NoData() {
  return (
    <div style={{ alignItems: 'center', color: config.theme2.colors.text.secondary, display: 'flex', height: '100%', justifyContent: 'center' }}>
      No data
    </div>
  );
}

export const PLUGINS = {
  timeseries: plugin('timeseries', TimeSeriesPanel, GRAPH_DEFAULTS, {
    [FieldConfigProperty.Color]: { settings: { byValueSupport: true, bySeriesSupport: true }, defaultValue: { mode: FieldColorModeId.PaletteClassic } },
  }),
  gauge: plugin('gauge', GaugePanel, { neutral: undefined }),
  heatmap: plugin('heatmap', Heatmap, {}),
};
