// A request that makes something, and whose answer is lost.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { IdempotentPost } from "../../app/page/static/core/idempotent.js";

/** @type {Map<string, string>} what was made, by key */
const made = new Map();
let lost = 0;

/** As the service does it: one thing for each key; the first answers may get lost. */
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const key = String(request.headers["idempotency-key"]);
  if (!made.has(key)) made.set(key, Buffer.concat(parts).toString());
  if (lost-- > 0) return request.socket.destroy();
  response.setHeader("content-type", "application/json");
  return response.end(JSON.stringify({ key }));
});
let address = "";

before(async () => {
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", () => resolve(undefined)); });
  address = `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/trainings`;
});
after(() => server.close());

test("what is asked for again after a lost answer is made once", async () => {
  made.clear();
  lost = 1;
  const post = new IdempotentPost();

  await assert.rejects(post.send(address, { name: "hall" }), { status: 0 });
  await post.send(address, { name: "hall" });

  assert.equal(made.size, 1);
});

test("what is asked for once more after its answer is made once more", async () => {
  made.clear();
  const post = new IdempotentPost();

  await post.send(address, { name: "hall" });
  await post.send(address, { name: "hall" });

  assert.equal(made.size, 2);
});

test("something else that is asked for after a lost answer is another thing", async () => {
  made.clear();
  lost = 1;
  const post = new IdempotentPost();

  await assert.rejects(post.send(address, { name: "hall" }), { status: 0 });
  await post.send(address, { name: "gym" });

  assert.deepEqual([...made.values()], ['{"name":"hall"}', '{"name":"gym"}']);
});

test("a file that is sent again after a lost answer is taken once", async () => {
  made.clear();
  lost = 1;
  const post = new IdempotentPost(), file = new File(["events"], "final.csv");

  await assert.rejects(post.sendFile(address, file), { status: 0 });
  await post.sendFile(address, file);

  assert.deepEqual([...made.values()], ["events"]);
});
