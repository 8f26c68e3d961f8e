import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeOf } from "../../app/page/static/settings/webhook_calls.js";

const at = "2026-11-27T10:00:00Z";

/** @param {Partial<import("../../app/page/static/settings/webhook_calls.js").Delivery>} facts */
const words = (facts) => outcomeOf({ id: "1", type: "ping", status: "pending", created_at: at, attempts: [], ...facts });

test("a message tells what its latest attempt came to", () => {
  const failed = { at, status_code: 500, error: null };
  const silent = { at, status_code: null, error: "no answer within 15 s" };

  assert.equal(words({ status: "delivered", attempts: [{ ...failed, status_code: 204 }] }), "delivered: answered 204");
  assert.equal(words({ attempts: [failed, silent] }), "pending: no answer within 15 s, attempt 2");
  assert.equal(words({ status: "failed", attempts: [failed] }), "failed: answered 500");
});

test("a message that was never tried says why", () => {
  assert.equal(words({}), "not sent yet");
  assert.equal(words({ status: "held" }), "held: the webhook is off");
});
