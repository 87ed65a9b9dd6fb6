// What a Grafana server's page gives its libraries at the start: themes, registries, data sources, the way of a request.

import {
  EventBusSrv,
  LoadingState,
  createTheme,
  displayNameOverrideProcessor,
  getDefaultTimeRange,
  identityOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformersRegistry,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  FakeEchoSrv,
  config,
  setAppEvents,
  setDataSourceSrv,
  setEchoSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
  toDataQueryError,
} from '@grafana/runtime';
import { sceneGraph } from '@grafana/scenes';
import { catchError, from, map, of } from 'rxjs';
import { installGauge } from './gauge.js';
import { PrometheusDatasource } from './prometheus.js';

export const UID = 'recorded';
const NAME = 'Prometheus';

/** Fill in Grafana's registries. plugins: panel plugins by id. */
export async function start(scrapeIntervalMs, plugins) {
  config.theme2 = createTheme({ colors: { mode: 'dark' } });
  config.featureToggles = {};
  await initPluginTranslations('grafana');
  setEchoSrv(new FakeEchoSrv());
  setAppEvents(new EventBusSrv());
  standardFieldConfigEditorRegistry.setInit(standardFields);
  standardEditorsRegistry.setInit(() => []);
  standardTransformersRegistry.setInit(() => []);
  setPluginImportUtils({
    getPanelPluginFromCache: (id) => plugins[id],
    importPanelPlugin: async (id) => {
      if (!plugins[id]) {
        throw new Error(`this page draws no panel of type ${id}`);
      }
      return plugins[id];
    },
  });
  setDataSourceSrv(dataSources(scrapeIntervalMs));
  setTemplateSrv(templates());
  setRunRequest(runRequest);
  installGauge();
}

function standardFields() {
  const processors = {
    displayName: displayNameOverrideProcessor,
    unit: unitOverrideProcessor,
    thresholds: thresholdsOverrideProcessor,
    mappings: valueMappingsOverrideProcessor,
  };
  const defaults = { mappings: [], thresholds: { mode: 'absolute', steps: [{ value: -Infinity, color: 'green' }] } };
  return ['displayName', 'unit', 'min', 'max', 'decimals', 'noValue', 'color', 'mappings', 'thresholds', 'links'].map(
    (path) => ({
      id: path,
      path,
      name: path,
      description: '',
      editor: () => null,
      override: () => null,
      process: processors[path] ?? identityOverrideProcessor,
      defaultValue: defaults[path],
      shouldApply: () => true,
    })
  );
}

function dataSources(scrapeIntervalMs) {
  const settings = { uid: UID, name: NAME, type: 'prometheus', id: 1, isDefault: true, meta: { id: 'prometheus' }, jsonData: {} };
  const source = new PrometheusDatasource(settings, scrapeIntervalMs);
  const known = (ref, scopedVars) => {
    const uid = getUid(ref, scopedVars);
    if (uid !== UID) {
      throw new Error(`the data source ${uid} is not known here; there is ${NAME} only`);
    }
  };
  return {
    get: async (ref, scopedVars) => {
      known(ref, scopedVars);
      return source;
    },
    getInstanceSettings: (ref, scopedVars) => {
      known(ref, scopedVars);
      return settings;
    },
    getList: ({ pluginId } = {}) => (pluginId === undefined || pluginId === 'prometheus' ? [settings] : []),
    reload: () => {},
    registerRuntimeDataSource: () => {},
  };
}

function getUid(ref, scopedVars) {
  return replace(typeof ref === 'string' ? ref : ref?.uid ?? '', scopedVars);
}

function templates() {
  return { replace, getVariables: () => [], containsTemplate: (text) => text?.includes('$') ?? false, updateTimeRange: () => {} };
}

/** Variables are those of the scene that asks. */
function replace(text, scopedVars, format) {
  const scene = scopedVars?.__sceneObject?.value?.valueOf();
  return scene && text ? sceneGraph.interpolate(scene, text, scopedVars, format) : text ?? '';
}

function runRequest(source, request) {
  const timeRange = request.range ?? getDefaultTimeRange();
  return from(source.query(request)).pipe(
    map((answer) => ({ state: LoadingState.Done, series: answer.data, timeRange, request, annotations: [] })),
    catchError((error) => of({ state: LoadingState.Error, series: [], timeRange, request, errors: [toDataQueryError(error)] }))
  );
}
