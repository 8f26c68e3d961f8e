// Takes out of package-lock.json what names a host (who asks for donations, where a
// licence lies): `npm run lock`, here or in tests/azurite.

import { readFile, writeFile } from "node:fs/promises";

const lock = JSON.parse(await readFile("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) {
  delete entry.funding;
  delete entry.resolved;
  if (entry.license?.includes("://")) delete entry.license;
}
await writeFile("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
