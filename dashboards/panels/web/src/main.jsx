// The page: reads dashboard.json and settings.json next to it, and draws each panel as a Grafana would.

import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import { LoadingState, ThemeContext } from '@grafana/data';
import { config } from '@grafana/runtime';
import { VizPanel, sceneGraph } from '@grafana/scenes';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { MemoryRouter } from 'react-router-dom-6';
import { PLUGINS } from './plugins.jsx';
import { recordOf } from './record.js';
import { start } from './runtime.js';
import { drawn, sceneOf } from './scene.js';

const FINISHED = [LoadingState.Done, LoadingState.Error];

async function read(name) {
  return (await fetch(name)).json();
}

async function draw() {
  const [dashboard, settings] = await Promise.all([read('dashboard.json'), read('settings.json')]);
  await Promise.all(['400 12px Inter', '500 12px Inter'].map((font) => document.fonts.load(font)));
  await start(settings.scrapeIntervalMs, PLUGINS);
  const scene = sceneOf(dashboard, settings);
  for (const panel of drawn(dashboard.panels)) {
    recordOf(panel.id);
  }
  createRoot(document.getElementById('root')).render(
    <MemoryRouter>
      <ThemeContext.Provider value={config.theme2}>
        <GlobalStyles />
        <scene.Component model={scene} />
        <PortalContainer />
      </ThemeContext.Provider>
    </MemoryRouter>
  );
  for (const panel of sceneGraph.findAllObjects(scene, (one) => one instanceof VizPanel && one.state.key.startsWith('panel-'))) {
    follow(panel, recordOf(panel.getLegacyPanelId()));
  }
}

/** Keep a panel's state: waiting for its data, done, or failed with a message. */
function follow(panel, record) {
  const data = panel.state.$data;
  const take = () => {
    const found = data.state.data;
    if (found && FINISHED.includes(found.state)) {
      record.error = panel.state._pluginLoadError ?? found.errors?.[0]?.message ?? found.error?.message ?? null;
      record.state = record.error ? 'failed' : 'done';
    }
  };
  data.subscribeToState(take);
  take();
}

draw().catch((error) => {
  window.failure = String(error?.stack ?? error);
});
