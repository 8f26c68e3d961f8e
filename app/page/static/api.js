// Calls of the API: JSON in, JSON out; a problem becomes an Error in words.

const KEY = "touchline_key";
const PATIENCE_MS = 30000;

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.slug = body?.type?.split("/").pop();
    this.body = body;
  }
}

export function storedKey() {
  return localStorage.getItem(KEY) ?? "";
}

// A <video> element sends no header, so the key also goes into a cookie for its path.
export function storeKey(key) {
  localStorage.setItem(KEY, key);
  const age = key ? 31536000 : 0;
  document.cookie = `${KEY}=${encodeURIComponent(key)}; path=/videos; max-age=${age}; samesite=strict`;
}

export async function call(path, { method = "GET", json, signal } = {}) {
  const headers = authorization();
  if (json !== undefined) headers["content-type"] = "application/json";
  const patience = new AbortController();
  const stop = () => patience.abort();
  const timer = setTimeout(stop, PATIENCE_MS);
  signal?.addEventListener("abort", stop);
  try {
    signal?.throwIfAborted();
    const answer = await fetch(path, {
      method, headers, signal: patience.signal, body: json && JSON.stringify(json),
    });
    if (!answer.ok) throw await problemOf(answer);
    return answer.status === 204 ? null : await answer.json();
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    const detail = patience.signal.aborted ? "The server does not answer." : "The server cannot be reached.";
    throw new Problem(0, { detail });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

// Give every page of a list, one after the other.
export async function* pagesOf(path, query, { signal } = {}) {
  let cursor = null;
  do {
    const asked = new URLSearchParams(query);
    if (cursor) asked.set("cursor", cursor);
    const page = await call(`${path}?${asked}`, { signal });
    yield page.items;
    cursor = page.next_cursor;
  } while (cursor);
}

export async function download(path, filename) {
  const answer = await fetch(path, { headers: authorization() });
  if (!answer.ok) throw await problemOf(answer);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// fetch() cannot tell how much of a body has been sent; XMLHttpRequest can.
export function upload(form, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", "/videos");
    for (const [name, value] of Object.entries(authorization())) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => {
      let body = null;
      try { body = JSON.parse(request.responseText); } catch { /* no JSON: no words */ }
      if (request.status === 202) resolve(body);
      else reject(new Problem(request.status, body));
    };
    request.onerror = () => reject(new Problem(0, {
      detail: "The upload broke off; nothing was kept. Check the connection and send it again.",
    }));
    request.onabort = () => reject(new Problem(0, { detail: "The upload was stopped; nothing was kept." }));
    request.send(form);
  });
  return { done, abort: () => request.abort() };
}

function authorization() {
  const key = storedKey();
  return key ? { authorization: `Bearer ${key}` } : {};
}

async function problemOf(answer) {
  try { return new Problem(answer.status, await answer.json()); }
  catch { return new Problem(answer.status, null); }
}
