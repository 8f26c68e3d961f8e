import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ACTIONS, keyText } from "../../app/page/static/review/keymap.js";

test("the documents list every key", () => {
  const text = readFileSync(new URL("../../docs/review-page.md", import.meta.url), "utf8");
  const told = [...text.matchAll(/^\| (.+?) \| (`.+`) \|$/gm)].map(([, title, keys]) => [title, keys]);
  const own = ACTIONS.map(({ title, keys }) => [title, keys.map((key) => `\`${keyText(key)}\``).join(" ")]);

  assert.deepEqual(told, own);
});
