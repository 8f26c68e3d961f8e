// Addresses of the service, whatever path of a site it is served under.

/** Where the page is, with a slash at the end: `/`, or `/touchline/` behind a proxy. */
const BASE = new URL(".", globalThis.document?.baseURI ?? "http://localhost/").pathname;

/**
 * Give the address to ask for a path of the API; one that the API told may have the base already.
 *
 * @param {string} path such as "/videos"
 * @param {string} [base]
 * @returns {string}
 */
export function addressOf(path, base = BASE) {
  const isOwn = path.startsWith("/") && !path.startsWith("//");
  return isOwn && !path.startsWith(base) ? base + path.slice(1) : path;
}

/**
 * Put parameters behind a path; none: the path alone. Not by `size`, which Safari's have since version 17 alone.
 *
 * @param {string} path
 * @param {URLSearchParams} query
 */
export function withQuery(path, query) {
  const words = query.toString();
  return words ? `${path}?${words}` : path;
}
