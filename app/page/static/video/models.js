// The models that can analyse a video, read once and again when the key changes.

import { signal } from "@preact/signals";
import { call } from "../core/api.js";

/** @type {import("@preact/signals").Signal<import("./types.js").Model[]>} */
export const models = signal([]);

export async function loadModels() {
  const { items } = await call("/models");
  models.value = items.filter((/** @type {import("./types.js").Model} */ model) => !model.problem);
}
