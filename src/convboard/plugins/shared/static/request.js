/** Requests to a plugin's backend. */

const TIMEOUT_MS = 20000;

/** What the server could not give; `kind` is `gone` (no answer), `missing` (it has none), `refused` or `unreadable`. */
export class ApiError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/**
 * @param {string} path Relative to the page, whose base is `data/plugin/<plugin>/`.
 * @param {Object<string, string>} [query]
 * @returns {Promise<Response>}
 * @throws {ApiError} The server does not answer, or answers with an error.
 */
export async function request(path, query = {}) {
  let response;
  try {
    response = await fetch(`${path}?${new URLSearchParams(query)}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new ApiError("gone", "TensorBoard does not answer. Start it again and reload the page.");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  const kind = { 400: "missing", 403: "refused", 404: "missing", 422: "unreadable" }[response.status] ?? "gone";
  throw new ApiError(kind, answer.error ?? `TensorBoard answered with status ${response.status}.`);
}
