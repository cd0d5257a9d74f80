// SPDX-License-Identifier: Apache-2.0
//
// Bundles the page into the directory named.

import { cp, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

import * as esbuild from "esbuild";

const [target] = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

// Of these the bundle would take the module object for the component: their
// packages say that they are CommonJS made from a default export.
const defaultExports = {
  name: "default-exports",
  setup(build) {
    const names = /^(react-custom-scrollbars-2|react-virtualized-auto-sizer)$/;
    build.onResolve({ filter: names }, ({ path, importer, pluginData }) =>
      pluginData === "inner" ? undefined : { path, namespace: "default-exports", pluginData: importer });
    build.onLoad({ filter: /.*/, namespace: "default-exports" }, ({ path }) => ({
      contents:
        `import * as all from "${path}?inner";\n` +
        "const found = all.default?.default ?? all.default ?? all;\n" +
        "export default found;\nexport * from \"" + path + "?inner\";",
      resolveDir: here("."),
    }));
    build.onResolve({ filter: /\?inner$/ }, ({ path }) =>
      build.resolve(path.replace("?inner", ""), {
        resolveDir: here("."), kind: "import-statement", pluginData: "inner",
      }));
  },
};

// This one is written for React 19, where a context is its own provider; Grafana's
// components, which take it from a branch of their own, are for 18.
const providers = {
  name: "providers",
  setup(build) {
    build.onLoad({ filter: /react-data-grid\/lib\/index\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8"))
        .replace(/(\bjsxs?\(\w+Context),/g, "$1.Provider,"),
    }));
  },
};

await esbuild.build({
  entryPoints: [here("page/main.jsx")],
  outfile: join(target, "main.js"),
  bundle: true,
  minify: true,
  define: { "process.env.NODE_ENV": '"production"', global: "window" },
  loader: { ".svg": "dataurl", ".png": "dataurl", ".woff": "dataurl", ".woff2": "dataurl", ".ttf": "empty" },
  plugins: [defaultExports, providers],
  logLevel: "warning",
});
await cp(here("page/index.html"), join(target, "index.html"));
await cp(
  here("node_modules/@grafana/ui/dist/public/img"), join(target, "public/build/img"),
  { recursive: true });
