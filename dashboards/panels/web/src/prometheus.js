// A data source of Grafana's kind that asks a Prometheus over its HTTP API, as Grafana's own asks it through the server.

import { DataSourceApi, FieldType, createDataFrame, rangeUtil } from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';

const API = 'prometheus/api/v1';
const FEWEST_SCRAPES = 4; // in $__rate_interval
const MOST_POINTS = 11000; // that Prometheus gives of a series

export class PrometheusDatasource extends DataSourceApi {
  constructor(settings, scrapeIntervalMs) {
    super(settings);
    this.scrapeIntervalMs = scrapeIntervalMs;
  }

  async query(request) {
    const asked = request.targets.filter((target) => !target.hide && target.expr);
    const frames = await Promise.all(asked.map((target) => this.#ask(target, request)));
    return { data: frames.flat() };
  }

  /** The values that a query variable offers: `label_values(label)` and `label_values(series, label)`. */
  async metricFindQuery(query, options) {
    const text = typeof query === 'string' ? query : query?.query ?? '';
    const match = /^label_values\((?:(.+),)?\s*(\w+)\s*\)$/s.exec(text.trim());
    if (!match) {
      throw new Error(`the variable's query ${text} is no label_values(); this data source knows no other`);
    }
    const series = match[1] && getTemplateSrv().replace(match[1].trim(), options.scopedVars, writeValues);
    const words = new URLSearchParams({ start: seconds(options.range.from), end: seconds(options.range.to) });
    if (series) {
      words.set('match[]', series);
    }
    return (await get(`label/${match[2]}/values`, words)).map((value) => ({ text: value, value }));
  }

  async #ask(target, request) {
    const stepMs = this.#step(target, request);
    const rateMs = Math.max(stepMs + this.scrapeIntervalMs, FEWEST_SCRAPES * this.scrapeIntervalMs);
    const variables = {
      ...request.scopedVars,
      __interval: chosen(duration(stepMs)),
      __interval_ms: chosen(String(stepMs)),
      __rate_interval: chosen(duration(rateMs)),
    };
    const query = getTemplateSrv().replace(target.expr, variables, writeValues);
    const words = new URLSearchParams({ query });
    if (target.instant && !target.range) {
      words.set('time', seconds(request.range.to));
      const { result } = await get('query', words);
      return result.map((one) => frameOf(one.metric, [one.value], target, stepMs));
    }
    words.set('start', seconds(request.range.from));
    words.set('end', seconds(request.range.to));
    words.set('step', String(stepMs / 1000));
    const { result } = await get('query_range', words);
    const frames = result.map((one) => frameOf(one.metric, one.values, target, stepMs));
    return target.format === 'heatmap' ? buckets(frames) : frames;
  }

  #step(target, request) {
    const rangeMs = request.range.to.valueOf() - request.range.from.valueOf();
    const asked = target.interval ? rangeUtil.intervalToMs(target.interval) : this.scrapeIntervalMs;
    return Math.max(request.intervalMs ?? 0, asked, Math.ceil(rangeMs / MOST_POINTS));
  }

  async testDatasource() {
    return { status: 'success', message: '' };
  }
}

/** A variable's values as a PromQL query takes them: escaped, several of them as alternatives. */
function writeValues(value, variable) {
  const escaped = (text) => String(text).replace(/\\/g, '\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
  if (Array.isArray(value)) {
    return value.length === 1 ? escaped(value[0]) : `(${value.map(escaped).join('|')})`;
  }
  return variable?.multi || variable?.includeAll ? escaped(value) : String(value);
}

function frameOf(labels, values, target, stepMs) {
  const name = legend(labels, target);
  return createDataFrame({
    refId: target.refId,
    name,
    meta: { type: 'timeseries-multi' },
    fields: [
      {
        name: 'Time',
        type: FieldType.time,
        config: { interval: stepMs },
        values: values.map(([moment]) => moment * 1000),
      },
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        config: { displayNameFromDS: name },
        values: values.map(([, text]) => number(text)),
      },
    ],
  });
}

function legend(labels, target) {
  if (target.legendFormat && target.legendFormat !== '__auto') {
    return target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? '');
  }
  const inside = Object.entries(labels)
    .filter(([label]) => label !== '__name__')
    .map(([label, value]) => `${label}="${value}"`);
  return `${labels.__name__ ?? ''}{${inside.join(', ')}}`;
}

/** The series of a histogram, sorted by `le`, each less the one below: what fell into each bucket. */
function buckets(frames) {
  const bound = (frame) => number(frame.fields[1].labels.le ?? 'NaN');
  const sorted = [...frames].sort((one, other) => bound(one) - bound(other));
  return sorted.map((frame, index) => {
    const below = index > 0 ? at(sorted[index - 1]) : new Map();
    const [time, value] = frame.fields;
    const values = Array.from(value.values, (total, row) => Math.max(0, total - (below.get(time.values[row]) ?? 0)));
    return { ...frame, fields: [time, { ...value, values }] };
  });
}

function at(frame) {
  return new Map(Array.from(frame.fields[0].values, (moment, row) => [moment, frame.fields[1].values[row]]));
}

function number(text) {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

function chosen(value) {
  return { text: value, value };
}

function duration(ms) {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function seconds(moment) {
  return String(moment.valueOf() / 1000);
}

async function get(call, words) {
  const answer = await (await fetch(`${API}/${call}?${words}`)).json();
  if (answer.status !== 'success') {
    throw new Error(`Prometheus refused it: ${answer.error}`);
  }
  return answer.data;
}
