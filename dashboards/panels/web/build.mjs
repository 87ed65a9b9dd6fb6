// Bundles the page into the folder that is named: main.js and main.css.
import * as esbuild from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const here = path.dirname(fileURLToPath(import.meta.url));

/** @grafana/scenes is written for version 6 of react-router-dom, @grafana/runtime and @grafana/ui for version 5. */
const router = {
  name: 'router',
  setup(build) {
    build.onResolve({ filter: /^react-router-dom$/ }, (asked) => {
      if (asked.importer.includes(path.join('@grafana', 'scenes'))) {
        return build.resolve('react-router-dom-6', { kind: asked.kind, resolveDir: here });
      }
      return undefined;
    });
  },
};

/** Code editors, which are no part of a panel, are left out. */
const editors = {
  name: 'editors',
  setup(build) {
    build.onResolve({ filter: /^(monaco-editor|@monaco-editor\/|react-monaco-editor)/ }, () => ({ path: 'editor', namespace: 'none' }));
    build.onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** @grafana/scenes asks @grafana/schema for the table's default options, which this version no longer has. */
const table = {
  name: 'table',
  setup(build) {
    build.onLoad({ filter: /composable[/\\]table[/\\]panelcfg[/\\]x[/\\]types\.gen\.mjs$/ }, async ({ path: file }) => ({
      contents: `${await readFile(file, 'utf8')}\nexport const defaultOptions = {};\n`,
    }));
  },
};

await esbuild.build({
  entryPoints: [path.join(here, 'src', 'main.jsx')],
  absWorkingDir: here,
  outdir: process.argv[2],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2022',
  jsx: 'automatic',
  plugins: [router, editors, table],
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
  loader: { '.svg': 'text', '.woff': 'dataurl', '.woff2': 'dataurl', '.png': 'dataurl', '.ttf': 'dataurl' },
  logLevel: 'warning',
});
