// Hits that are played one after another.

import assert from "node:assert/strict";
import { test } from "node:test";

const { Reel } = await import("../../app/page/static/search/reel.js");

test("a hit that is chosen while more are looked for is played, not the next of before", async () => {
  const hit = (id) => ({ video: { id }, events: [], from_s: 1, to_s: 1 });
  const hits = [hit("a"), hit("b")];
  let found = () => {};
  const more = () => new Promise((resolve) => { found = () => { hits.push(hit("c")); resolve(undefined); }; });
  globalThis.fetch = async () => Response.json({ id: "v", count: 100, fps: 25, start_s: 0, times_s: null });
  const reel = new Reel({ hits: () => hits, margins: () => ({ lead: 0, lag: 0 }), more });
  await reel.show(1);

  const going = reel.go(1);
  await reel.show(0);
  found();
  await going;

  assert.equal(reel.index.peek(), 0);
});
