// node server.mjs PORT FOLDER ACCOUNT TOKEN COUNT: serves databases db-1 ... db-COUNT on loopback.
//
// The packages may be installed elsewhere: WHIMBREL_D1_MODULES names that node_modules folder.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import path from "node:path";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.WHIMBREL_D1_MODULES ?? path.join(here, "node_modules");
const { Miniflare } = createRequire(path.join(modules, "any.js"))("miniflare");

const [port, folder, account, token, count] = process.argv.slice(2);
const ids = Array.from({ length: Number(count) }, (_, index) => `db-${index + 1}`);

const server = new Miniflare({
  host: "127.0.0.1",
  port: Number(port),
  modules: true,
  scriptPath: path.join(here, "worker.mjs"),
  modulesRoot: here,
  compatibilityDate: "2026-01-01",
  cf: false,
  bindings: { ACCOUNT: account, TOKEN: token },
  d1Databases: Object.fromEntries(ids.map((id) => [id, id])),
  d1Persist: folder,
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await server.dispose();
    process.exit(0);
  });
}
await server.ready;
