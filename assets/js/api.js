// Talks to the API of our own origin; contract: problem details (RFC 9457),
// ETag and If-Match, Idempotency-Key. Knows nothing of pages or of the DOM.

/** How long one request may take before it counts as lost, in ms. */
const PATIENCE_MS = 20_000;
/** The same where the server has half a minute: it hashes a password. */
export const HASH_PATIENCE_MS = 35_000;

/**
 * What the server, or the lack of one, answered instead of a result.
 * `status` is 0 and `code` is "offline" when no answer came at all.
 */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{code?: string, title?: string, field?: string,
   *          request_id?: string, opens_at?: string}} details
   * @param {number} retryAfterS 0 when the server named none
   */
  constructor(status, details, retryAfterS = 0) {
    super(details.title ?? 'Something went wrong. Please try again.');
    this.name = 'Problem';
    this.status = status;
    this.code = details.code ?? 'unknown';
    this.field = details.field ?? '';
    this.requestId = details.request_id ?? '';
    /** When a visit opens, where it is too early for it. */
    this.opensAt = details.opens_at ?? '';
    this.retryAfterS = retryAfterS;
  }
}

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON
 * @property {string} [etag] sent as If-Match
 * @property {string} [key] Idempotency-Key; keep one key for one intention
 * @property {boolean} [background] not a sign of life of the user
 * @property {number} [patienceMs] in place of the usual
 * @property {boolean} [keep] the browser may keep it, and asks if it changed
 */

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {any} body null when there is none
 * @property {string} etag empty when there is none
 */

/** Milliseconds that the server's clock is ahead of ours. */
let clockAheadMs = 0;

/** @returns {number} the time on the server, in ms since 1970 */
export function serverNow() {
  return Date.now() + clockAheadMs;
}

/** @type {(problem: Problem) => void} */
let onSignedOut = () => {};

/**
 * Says what to do when a request finds that the session is over.
 * @param {(problem: Problem) => void} handler
 */
export function whenSignedOut(handler) {
  onSignedOut = handler;
}

/**
 * @param {Options} options
 * @returns {Record<string, string>}
 */
function headersFor(options) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json, application/problem+json' };

  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.etag) headers['If-Match'] = options.etag;
  if (options.key) headers['Idempotency-Key'] = options.key;
  //= SE-02: what a page asks by itself must not keep a session alive
  if (options.background) headers['X-Background'] = '1';
  return headers;
}

/** @param {Response} response */
function noteClock(response) {
  const date = Date.parse(response.headers.get('Date') ?? '');

  // The header has whole seconds: correct only what they can show.
  if (Number.isFinite(date) && Math.abs(date - Date.now()) > 2000)
    clockAheadMs = date - Date.now();
  else clockAheadMs = 0;
}

function unreached() {
  return new Problem(0, { code: 'offline', title:
    'We cannot reach the clinic. Check your internet and try again.' });
}

/**
 * @param {Response} response
 * @returns {Promise<any>} the JSON body, or null when there is none; of a
 *   success that did not come whole nothing is known, as if it had not come
 */
async function bodyOf(response) {
  if (!(response.headers.get('Content-Type') ?? '').includes('json'))
    return null;
  try {
    return await response.json();
  } catch {
    if (response.ok) throw unreached();
    return null;
  }
}

/** @param {Response} response @param {any} body */
function problemOf(response, body) {
  const wait = Number(response.headers.get('Retry-After') ?? 0) || 0;

  return new Problem(response.status, body ?? {}, wait);
}

/**
 * One request. Throws a Problem unless the answer is a success.
 * @param {string} method
 * @param {string} path begins with /v1/
 * @param {Options} [options]
 * @returns {Promise<Answer>}
 */
export async function call(method, path, options = {}) {
  /** @type {Response} */
  let response;

  try {
    response = await fetch(path, {
      method,
      headers: headersFor(options),
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: 'same-origin',
      cache: options.keep ? 'no-cache' : 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(options.patienceMs ?? PATIENCE_MS),
    });
  } catch {
    throw unreached();
  }
  noteClock(response);
  const body = await bodyOf(response);
  if (response.ok)
    return { status: response.status, body,
      etag: response.headers.get('ETag') ?? '' };
  const problem = problemOf(response, body);
  if (problem.code === 'not_signed_in') onSignedOut(problem);
  throw problem;
}

/**
 * A file, however long it takes. Throws a Problem unless all of it came.
 * @param {string} path begins with /v1/
 * @param {string} [accept] the form, where there are several
 * @returns {Promise<Blob>}
 */
export async function file(path, accept = '*/*') {
  /** @type {Response} */
  let response;

  try {
    response = await fetch(path, { headers: { Accept: accept },
      credentials: 'same-origin', cache: 'no-store', redirect: 'error' });
    if (response.ok) return await response.blob();
  } catch {
    throw unreached();
  }
  const problem = problemOf(response, await bodyOf(response));
  if (problem.code === 'not_signed_in') onSignedOut(problem);
  throw problem;
}

/** @param {string} path @param {Options} [options] */
export const get = (path, options) => call('GET', path, options);

/** @param {string} path @param {unknown} [body] @param {Options} [options] */
export const post = (path, body, options) =>
  call('POST', path, { ...options, body: body ?? {} });

/** @param {string} path @param {unknown} body @param {Options} [options] */
export const put = (path, body, options) =>
  call('PUT', path, { ...options, body });

/** @param {string} path @param {unknown} body @param {string} etag */
export const patch = (path, body, etag) =>
  call('PATCH', path, { body, etag });

/** @param {string} path */
export const del = (path) => call('DELETE', path);

/**
 * A query string of those parameters that have a value.
 * @param {Record<string, string | number | null | undefined>} params
 */
export function query(params) {
  const used = new URLSearchParams();

  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== '')
      used.set(name, String(value));
  const text = used.toString();
  return text ? `?${text}` : '';
}

/**
 * All items of a list, page after page, up to a bound.
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} params
 * @param {Options & {most?: number}} [options]
 * @returns {Promise<any[]>}
 */
export async function all(path, params, options = {}) {
  const { most = 500, ...rest } = options;
  /** @type {any[]} */
  const items = [];
  /** @type {string | null} */
  let cursor = null;

  do {
    const page = await get(path + query({ ...params, limit: 100, cursor }),
      rest);
    items.push(...page.body.items);
    cursor = page.body.next_cursor;
  } while (cursor && items.length < most);
  return items;
}
