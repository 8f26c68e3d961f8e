// Addresses of the service under a path of a site.

import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf } from "../../app/page/static/core/address.js";

test("a path of the API is asked for under the page's own", () => {
  assert.equal(addressOf("/videos?limit=1", "/touchline/"), "/touchline/videos?limit=1");
  assert.equal(addressOf("/videos", "/"), "/videos");
});

test("what has the base, or is of another kind, stays as it is", () => {
  const others = ["/touchline/videos/1/file", "https://x/y", "//x/y", "#/videos/1", "blob:1", "", "page/icon.svg"];
  for (const address of others) assert.equal(addressOf(address, "/touchline/"), address);
});
