// A dashboard's file as a scene of Grafana's library: its variables, rows and panels, each in its place.

import {
  CustomVariable,
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
} from '@grafana/scenes';
import { UID } from './runtime.js';

/** The whole scene. from, to: Unix milliseconds. */
export function sceneOf(dashboard, { from, to }) {
  const variables = dashboard.templating?.list ?? [];
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), timeZone: 'utc' }),
    $variables: new SceneVariableSet({ variables: variables.map(variableOf) }),
    controls: [new VariableValueSelectors({})],
    body: new SceneGridLayout({ isLazy: false, isDraggable: false, isResizable: false, children: childrenOf(dashboard.panels) }),
  });
}

/** All panels that draw something: rows stand for the panels inside them. */
export function drawn(panels) {
  return panels.flatMap((panel) => (panel.type === 'row' ? panel.panels ?? [] : [panel]));
}

function variableOf(variable) {
  const common = { name: variable.name, label: variable.label, hide: variable.hide };
  const many = { isMulti: variable.multi, includeAll: variable.includeAll, allValue: variable.allValue ?? undefined };
  const chosen = variable.current?.value === undefined ? {} : { value: variable.current.value, text: variable.current.text };
  switch (variable.type) {
    case 'datasource':
      return new DataSourceVariable({ ...common, pluginId: variable.query, regex: variable.regex, value: UID });
    case 'query':
      return new QueryVariable({
        ...common,
        ...many,
        ...chosen,
        query: variable.query,
        datasource: variable.datasource,
        regex: variable.regex,
        sort: variable.sort,
        refresh: variable.refresh,
      });
    case 'custom':
      return new CustomVariable({ ...common, ...many, ...chosen, query: variable.query });
    default:
      throw new Error(`the variable ${variable.name} is of type ${variable.type}, which this page can't fill in`);
  }
}

function childrenOf(panels) {
  const children = [];
  let row;
  for (const panel of panels) {
    if (panel.type === 'row') {
      row = new SceneGridRow({ key: `row-${panel.id}`, title: panel.title, y: panel.gridPos.y, isCollapsed: false, children: [] });
      row.setState({ children: (panel.panels ?? []).map(itemOf) });
      children.push(row);
    } else if (row) {
      row.setState({ children: [...row.state.children, itemOf(panel)] });
    } else {
      children.push(itemOf(panel));
    }
  }
  return children;
}

function itemOf(panel) {
  const { x, y, w, h } = panel.gridPos;
  return new SceneGridItem({
    x,
    y,
    width: w,
    height: h,
    body: new VizPanel({
      key: `panel-${panel.id}`,
      title: panel.title,
      description: panel.description,
      pluginId: panel.type,
      pluginVersion: panel.pluginVersion,
      options: panel.options ?? {},
      fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
      $data: new SceneQueryRunner({
        datasource: panel.datasource,
        queries: panel.targets ?? [],
        maxDataPointsFromWidth: true,
      }),
    }),
  });
}
