// Rules for the page's modules, its tests and the scripts around it.

import js from "@eslint/js";
import globals from "globals";

const strict = {
  "eqeqeq": "error",
  "no-var": "error",
  "prefer-const": "error",
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-implicit-globals": "error",
  "no-shadow": "error",
  "no-throw-literal": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
  "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
  "object-shorthand": "error",
  "max-lines": ["error", { max: 300 }],
  "max-lines-per-function": ["error", { max: 90, skipBlankLines: true, skipComments: true }],
  "complexity": ["error", 15],
};

export default [
  { ignores: ["**/vendor/**", "**/.venv*/**", "data/**", "runs/**", "store/**", "build/**", "dist/**"] },
  js.configs.recommended,
  { rules: strict },
  { files: ["app/page/static/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["app/page/static/**/*.js"], rules: { "no-console": "error" } },
  {
    files: ["scripts/*.mjs", "tests/**/*.mjs", "tests/**/*.cjs", "*.config.js"],
    languageOptions: { globals: globals.node },
  },
];
