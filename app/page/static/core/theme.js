// Light or dark: the system's choice, or the user's.

import { computed, effect, signal } from "@preact/signals";
import { persisted } from "./persisted.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const isSystemDark = signal(system.matches);
system.addEventListener("change", () => {
  isSystemDark.value = system.matches;
});

/** @type {import("@preact/signals").Signal<"system" | "light" | "dark">} */
export const themeChoice = persisted("touchline_theme", "system");

/** @type {import("@preact/signals").ReadonlySignal<"light" | "dark">} what is shown; a canvas draws anew when it changes */
export const theme = computed(() => {
  if (themeChoice.value !== "system") return themeChoice.value;
  return isSystemDark.value ? "dark" : "light";
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
