// Calls of the API: JSON in, JSON out; a problem becomes an Error in words.

const KEY = "touchline_key";

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
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: json && JSON.stringify(json) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The server cannot be reached. Is it running?" });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer.status === 204 ? null : answer.json();
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
