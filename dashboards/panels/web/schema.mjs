// Makes JSON Schemas from the types of @grafana/schema and writes them into one file: the dashboard, and the options
// and field settings of each type of panel that this project's dashboard has. `npm install && npm run schema`.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { createGenerator } from 'ts-json-schema-generator';

const here = path.dirname(fileURLToPath(import.meta.url));
const from = path.join(here, 'node_modules', '@grafana', 'schema');
const raw = path.join(from, 'dist', 'types', 'raw');
const WANTED = {
  dashboard: ['dashboard/x', 'Dashboard'],
  'timeseries options': ['composable/timeseries/panelcfg/x', 'Options'],
  'timeseries custom': ['composable/timeseries/panelcfg/x', 'FieldConfig'],
  'gauge options': ['composable/gauge/panelcfg/x', 'Options'],
  'heatmap options': ['composable/heatmap/panelcfg/x', 'Options'],
  'heatmap custom': ['composable/heatmap/panelcfg/x', 'FieldConfig'],
};

/** Without descriptions, and for a panel without what must be there: its plugin fills in what a file leaves out. */
function pruned(value, whole) {
  if (Array.isArray(value)) {
    return value.map((one) => pruned(one, whole));
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const isText = (key) => key === 'description' && typeof value[key] === 'string';
  const isNeed = (key) => key === 'required' && Array.isArray(value[key]) && !whole;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !isText(key) && !isNeed(key))
      .map(([key, one]) => [key, pruned(one, whole)])
  );
}

const schemas = Object.fromEntries(
  Object.entries(WANTED).map(([name, [folder, type]]) => {
    const generator = createGenerator({ path: path.join(raw, folder, 'types.gen.d.ts'), type, skipTypeCheck: true });
    return [name, pruned(generator.createSchema(type), name === 'dashboard')];
  })
);
const { version } = JSON.parse(readFileSync(path.join(from, 'package.json'), 'utf8'));
const made = { source: `@grafana/schema ${version}`, generator: `ts-json-schema-generator ${createRequire(import.meta.url)('ts-json-schema-generator/package.json').version}`, schemas };
writeFileSync(path.join(here, '..', '..', 'grafana.schema.json'), `${JSON.stringify(made, null, 1)}\n`);
