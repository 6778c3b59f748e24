// The packages hold no symbolic links: a list says where they belong. This makes them, as the packages' own
// install script would, which the installation does not run.
import { readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";

for (const home of process.argv.slice(2)) {
  for (const { source, target } of JSON.parse(readFileSync(join(home, "native/pg-symlinks.json"), "utf8"))) {
    try {
      symlinkSync(basename(source), join(home, target));
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
  }
}
