// Makes ../vendor/regl.js: `npm install && npm run build`. As a script with one global, because the parts of
// the map are joined into one module.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

await build({
  stdin: { contents: 'export { default } from "regl/dist/regl.unchecked.js";', resolveDir: "." },
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "regl",
  footer: { js: "const createRegl = regl.default;" },
  banner: { js: "/* regl, MIT licence: see regl.LICENSE.txt */" },
  outfile: "../vendor/regl.js",
});
await copyFile("node_modules/regl/LICENSE", "../vendor/regl.LICENSE.txt");
