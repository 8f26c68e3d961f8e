// A file of events of another program: looked at first, then taken over as one step of undo.

import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api.js";
import { counted } from "../core/format.js";
import { html } from "../core/html.js";
import { IdempotentPost } from "../core/idempotent.js";
import { announce, attempt } from "../core/notices.js";
import { Problem } from "../core/problem.js";
import { Dialog } from "../ui/dialog.js";
import { useReview } from "./context.js";
import { importAddress, leftOut, NO_WISHES, rowsOf } from "./importing.js";
import { timecode } from "./timecode.js";

/**
 * @typedef {import("./importing.js").ImportReport} ImportReport
 * @typedef {import("./importing.js").Wishes} Wishes
 *
 * @typedef {{option: string, choices: string[], detail: string, offered: string}} Question
 */

const MOST_LISTED = 10;

/** @param {{onClose: () => void}} props */
export function ImportDialog({ onClose }) {
  const { model, loader } = useReview();
  const [file, setFile] = useState(/** @type {File | null} */ (null));
  const [wishes, setWishes] = useState(/** @type {Wishes} */ (NO_WISHES));
  const [report, setReport] = useState(/** @type {ImportReport | null} */ (null));
  const [question, setQuestion] = useState(/** @type {Question | null} */ (null));
  const [problem, setProblem] = useState("");
  const isSending = useRef(false);
  const [post] = useState(() => new IdempotentPost());
  /** @param {unknown} error */
  const fail = (error) => {
    const asked = error instanceof Problem && error.slug === "ambiguous-events" ? error.body : null;
    setReport(null);
    setQuestion(asked ? questionOf(asked) : null);
    setProblem(asked ? "" : error instanceof Error ? error.message : String(error));
  };
  useEffect(() => {
    if (!file) return undefined;
    const asked = importAddress(model.path, wishes, { isPreview: true });
    if ("problem" in asked) {
      setProblem(asked.problem);
      return undefined;
    }
    const leaving = new AbortController();
    call(asked.address, { method: "POST", file, signal: leaving.signal }).then((found) => {
      setProblem("");
      setQuestion(null);
      setReport(found);
    }).catch((error) => { if (!leaving.signal.aborted) fail(error); });
    return () => leaving.abort();
  }, [file, wishes]);
  const apply = async () => {
    const asked = importAddress(model.path, wishes, { skipsBad: report !== null && leftOut(report) > 0 });
    if (!file || "problem" in asked || isSending.current) return;
    isSending.current = true;
    try {
      const done = await post.sendFile(asked.address, file);
      await attempt(() => loader.readEvents()); // They are imported, whether or not they can be read just now.
      announce(`${counted(done.added_count, "event")} imported. Undo takes them back, all at once.`);
      onClose();
    } catch (error) {
      fail(error);
    } finally {
      isSending.current = false;
    }
  };
  /** @param {File | undefined} chosen */
  const choose = (chosen) => {
    setReport(null);
    setQuestion(null);
    setProblem("");
    setWishes(NO_WISHES);
    setFile(chosen ?? null);
  };
  return html`<${Dialog} id="import-dialog" title="Import events" onClose=${onClose} className="wide">
    <p class="hint">A file of another program: SoccerNet, CSV, Sportscode, OSL, OpenTimelineIO, EDL, WebVTT, BORIS, ELAN. Nothing is changed before “Import”.</p>
    ${problem && html`<p class="trouble inline" role="alert">${problem}</p>`}
    <label>File <input type="file" name="events-file" onChange=${(/** @type {any} */ event) => choose(event.target.files[0])} /></label>
    ${question && html`<${Ask} key=${question.option} question=${question} onAnswer=${(/** @type {string} */ answer) => setWishes(
      { ...wishes, answers: { ...wishes.answers, [question.option]: answer } })} />`}
    ${report && html`<${Preview} report=${report} wishes=${wishes} onChange=${setWishes} />`}
    <div class="row end">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="main" data-is="apply-import" disabled=${!report?.added_count} onClick=${apply}>${
        report ? `Import ${counted(report.added_count, "event")}` : "Import"}</button>
    </div>
  <//>`;
}

/** @param {Record<string, any>} body of the problem @returns {Question} */
function questionOf({ option, choices = [], detail, halves_of_the_video: halves }) {
  return { option, choices, detail, offered: option === "halves" ? halves ?? "" : "" };
}

/** What the file leaves open. @param {{question: Question, onAnswer: (answer: string) => void}} props */
function Ask({ question, onAnswer }) {
  const [answer, setAnswer] = useState(question.offered || question.choices[0] || "");
  const give = (/** @type {any} */ event) => setAnswer(event.target.value);
  return html`<form class="import-question" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); onAnswer(answer); }}>
    <p role="status">${question.detail}</p>
    <label>${question.option} ${question.choices.length > 0
      ? html`<select name="answer" value=${answer} onChange=${give}>${question.choices.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select>`
      : html`<input name="answer" value=${answer} onInput=${give} />`}</label>
    <div class="row end"><button type="submit" disabled=${!answer.trim()}>Answer</button></div>
  </form>`;
}

/** @param {{report: ImportReport, wishes: Wishes, onChange: (wishes: Wishes) => void}} props */
function Preview({ report, wishes, onChange }) {
  const mapped = [...new Set([...report.unknown_types.map(({ type }) => type), ...Object.keys(wishes.rename)])];
  const left = leftOut(report);
  const span = report.first_s === null || report.last_s === null ? "" : `, from ${timecode(report.first_s, 2)} to ${timecode(report.last_s, 2)}`;
  return html`<p role="status">Read as ${report.format}${span}: ${counted(report.added_count, "event")} new, ${report.duplicate_count} there already${
      left > 0 ? `, ${left} left out` : ""}.</p>
    <label>Offset in seconds <input name="offset" inputmode="decimal" size="8" value=${wishes.offset}
      onChange=${(/** @type {any} */ event) => onChange({ ...wishes, offset: event.target.value })} /></label>
    <table class="import-table"><thead><tr><th scope="col">Type</th><th scope="col">In the file</th><th scope="col">New</th></tr></thead>
      <tbody>${rowsOf(report).map(({ type, count, added, isKnown }) => html`<tr key=${type}>
        <th scope="row">${type}</th><td>${count}</td><td>${isKnown ? added : "not a type here"}</td></tr>`)}</tbody></table>
    ${mapped.length > 0 && html`<fieldset><legend>Types that this video does not have</legend>
      ${mapped.map((type) => html`<label key=${type}>${type} is <select name=${`rename-${type}`} value=${wishes.rename[type] ?? ""}
        onChange=${(/** @type {any} */ event) => onChange({ ...wishes, rename: { ...wishes.rename, [type]: event.target.value } })}>
        <option value="">left out</option>${report.known_types.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>`)}</fieldset>`}
    ${report.problem_count > 0 && html`<p>Cannot be taken over: ${counted(report.problem_count, "event")}.</p>
      <ul class="hint">${report.problems.slice(0, MOST_LISTED).map(({ where, detail }) => html`<li key=${where}>${where} ${detail}</li>`)}
        ${report.problem_count > MOST_LISTED && html`<li>and more</li>`}</ul>`}
    ${report.notes.map((note) => html`<p class="hint" key=${note}>${note}</p>`)}`;
}
