// What is used of a project's quotas, in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { quotaLines } from "../../app/page/static/library/quotas.js";

const FREE = { used_bytes: 5, limit_bytes: null };
const IDLE = { used_hours: 3, limit_hours: null };

test("without a quota nothing is said", () => {
  assert.deepEqual(quotaLines({ stored: FREE, queued: IDLE }), []);
});

test("each quota has a line, and stands out when it is nearly reached", () => {
  const stored = { used_bytes: 460e9, limit_bytes: 500e9 }, queued = { used_hours: 1.52, limit_hours: 40 };
  assert.deepEqual(quotaLines({ stored, queued }), [
    { words: "460 GB of 500 GB stored.", isNearly: true },
    { words: "1.5 of 40 hours wait for analysis.", isNearly: false },
  ]);
});
