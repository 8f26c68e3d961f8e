import assert from "node:assert/strict";
import { test } from "node:test";

test("a model's file is asked for below the path of the site that has the page", async () => {
  const { document } = globalThis;
  globalThis.document = /** @type {any} */ ({ baseURI: "http://club.example/touchline/" });
  try {
    const { fileOf } = await import("../../app/page/static/teach/model_actions.js");
    assert.equal(fileOf("hall@2"), "/touchline/models/hall%402/file");
  } finally {
    globalThis.document = document;
  }
});
