// What the form asks the API for. No calls, no elements.

/** @typedef {"address" | "listen" | "srt" | "camera"} Way */

/**
 * @param {object} form
 * @param {Way} form.way
 * @param {string} form.address
 * @param {string} form.name
 * @param {string} form.model empty: the default
 * @param {boolean} form.record
 * @param {boolean} form.analyses whether the recording is analysed afterwards
 * @returns {Record<string, unknown>} as `POST /live` takes it
 */
export function wantedOf({ way, address, name, model, record, analyses }) {
  const source = { address: address.trim(), listen: "listen", srt: "srt", camera: "push" }[way];
  return {
    source, record, analyse_after: record && analyses,
    ...(name.trim() && { name: name.trim() }), ...(model && { model }),
  };
}

/** What is missing; empty: nothing. @param {{way: Way, address: string}} form */
export function missingOf({ way, address }) {
  if (way !== "address") return "";
  if (!address.trim()) return "Give the address of the stream.";
  return /^(import:|[a-z]+:\/\/)\S+$/i.test(address.trim()) ? "" : "An address begins with rtmp://, rtsp://, https:// or udp://.";
}
