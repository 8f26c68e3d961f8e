import assert from "node:assert/strict";
import { test } from "node:test";
import { added, changed, COLOURS, KEYS, moved, problemOf } from "../../app/page/static/settings/types_list.js";

test("a new type takes the first free key and colour", () => {
  const types = [{ name: "PASS", key: "1", colour: COLOURS[0] }, { name: "SHOT", key: "3", colour: COLOURS[2] }];

  assert.deepEqual(added(types, "FOUL").at(-1), { name: "FOUL", key: "2", colour: COLOURS[1] });
});

test("the tenth type has no key", () => {
  const types = KEYS.reduce((all, key) => added(all, `TYPE ${key}`), []);

  assert.equal(added(types, "TYPE 10").at(-1).key, null);
  assert.deepEqual(types.map(({ key }) => key), KEYS);
});

test("a key belongs to one type: who takes it has it", () => {
  const types = [{ name: "PASS", key: "1", colour: null }, { name: "SHOT", key: "2", colour: null }];

  assert.deepEqual(changed(types, 1, { key: "1" }).map(({ key }) => key), [null, "1"]);
  assert.deepEqual(changed(types, 1, { key: null }).map(({ key }) => key), ["1", null]);
});

test("types move within the list and not beyond", () => {
  const types = added(added([], "PASS"), "SHOT");

  assert.deepEqual(moved(types, 0, 1).map(({ name }) => name), ["SHOT", "PASS"]);
  assert.equal(moved(types, 0, -1), types);
  assert.equal(moved(types, 1, 1), types);
});

test("names must be there and differ", () => {
  assert.equal(problemOf([]), "");
  assert.equal(problemOf([{ name: " ", key: null, colour: null }]), "Every type needs a name.");
  assert.equal(problemOf(["Pass", "PASS "].map((name) => ({ name, key: null, colour: null }))), "Two types are called PASS.");
});
