// Sends what is kept of a recording to the store, a chunk after the other, for
// as long as it takes: a chunk goes from here when the store has it, and not
// before. It asks for an address right before each, so that it does not matter
// what this clock says, or how long the browser was away.

import { post, Problem } from './api.js';

/** @typedef {import('./chunk-store.js').ChunkStore} ChunkStore */
/** @typedef {import('./chunk-store.js').Chunk} Chunk */

/**
 * @typedef {'sending'|'waiting'|'offline'|'store'|'refused'|'signed-out'|'done'
 *   } Way how it goes: "waiting" leaves the line to the call, "store" means that
 *   the store takes nothing now, "refused" that the clinic takes it no longer
 */

/**
 * @typedef {object} UploaderOptions
 * @property {ChunkStore} store
 * @property {string} id of the recording
 * @property {() => boolean} [hurts] a call needs all of the line now
 * @property {(left: number, way: Way) => void} onChange
 */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** How often it looks whether there is more, or whether the line is free. */
const LOOK_MS = 1000;
/** How long a bad line keeps a chunk waiting at least, in ms, and how many times
 * as long as the one before took: what waits here is not safe yet, so it never
 * stops, and takes a tenth of the time at most. While the line is good, half. */
const SPARE_MS = 10_000;
const SPARE_TIMES = 8;
/** How long one chunk may take, in ms: as long as its address holds. */
const PUT_MS = 300_000;

/** The store answered something else than that it has the chunk. */
class StoreError extends Error {}

export class Uploader {
  #over = false;
  /** Since when the line was left to the call, or 0. */
  #sparedAt = 0;
  /** How long the store took the last chunk, or tried to, in ms. */
  #tookMs = 0;
  #waitMs = FIRST_WAIT_MS;
  /** Ends the wait that is going on. */
  #wake = () => {};
  /** @type {Way} */
  #way = 'sending';

  /** @param {UploaderOptions} options */
  constructor(options) {
    this.options = options;
    this.hurry = () => this.#wake();
    addEventListener('online', this.hurry);
  }

  /** No more of it, here. */
  stop() {
    this.#over = true;
    removeEventListener('online', this.hurry);
    this.#wake();
  }

  /** @param {number} ms */
  #wait(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);

      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /** @param {Way} way */
  async #say(way) {
    this.#way = way;
    this.options.onChange(await this.options.store.left(this.options.id), way);
  }

  /**
   * Until all of it is in the store, or the clinic refuses it.
   * @returns {Promise<boolean>} whether it is
   */
  async run() {
    while (!this.#over)
      try {
        if (await this.#step()) return true;
      } catch (error) {
        await this.#failed(error);
        if (this.#way === 'refused') break;
      }
    this.stop();
    return false;
  }

  /** @returns {Promise<boolean>} whether nothing is left to do */
  async #step() {
    const { store, id, hurts } = this.options;
    const chunk = await store.next(id);

    if (chunk && hurts?.() && this.#spare()) {
      await this.#say('waiting');
      await this.#wait(LOOK_MS);
    } else if (chunk) {
      this.#sparedAt = 0;
      // What went wrong last is said until something goes right again.
      if (this.#waitMs === FIRST_WAIT_MS) await this.#say('sending');
      await this.#send(chunk);
      await store.sent(chunk);
      this.#waitMs = FIRST_WAIT_MS;
      // Half of the time at most, while there is a call beside it.
      if (hurts) await this.#wait(this.#tookMs);
    } else return this.#end();
    return false;
  }

  /** May this chunk wait still, for the sake of the call? */
  #spare() {
    this.#sparedAt ||= performance.now();
    return performance.now() - this.#sparedAt <
      Math.max(SPARE_MS, SPARE_TIMES * this.#tookMs);
  }

  /** Nothing is left here for now: is that all of it? */
  async #end() {
    const { store, id } = this.options;
    const kept = await store.get(id);

    await this.#say('sending');
    if (!kept) return this.#done();
    if (kept.total === null) {
      await this.#wait(LOOK_MS);
      return false;
    }
    await post(`/v1/recordings/${id}/finish`, { chunks: kept.total,
      media_type: kept.mediaType, duration_s: kept.durationS },
    { background: true });
    await store.forget(id);
    return this.#done();
  }

  async #done() {
    await this.#say('done');
    this.stop();
    return true;
  }

  /** @param {Chunk} chunk */
  async #send({ recording, index, bytes, sha256 }) {
    const path = `/v1/recordings/${recording}/chunks`;
    this.#tookMs = 0;
    const { body } = await post(path, { index, bytes: bytes.length, sha256 },
      { background: true });
    const since = performance.now();
    const answer = await fetch(body.url, { method: 'PUT',
      headers: body.headers, body: bytes, credentials: 'omit',
      cache: 'no-store', redirect: 'error', referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(PUT_MS) }).catch(() => {
      throw new StoreError('no answer');
    }).finally(() => { this.#tookMs = performance.now() - since; });
    if (!answer.ok) throw new StoreError(String(answer.status));
    await post(`${path}/${index}/done`, {}, { background: true });
  }

  /** @param {unknown} error */
  async #failed(error) {
    const status = error instanceof Problem ? error.status : -1;
    const afterMs = error instanceof Problem ? error.retryAfterS * 1000 : 0;

    // What is there no more, or was never this person's, comes back no more.
    if ([403, 404, 409, 422].includes(status)) return this.#say('refused');
    if (status === 401) await this.#say('signed-out');
    else if (status === 0 || !navigator.onLine) await this.#say('offline');
    else await this.#say('store');
    // Not all in step, once the store is back; what failed took of the line, too.
    await this.#wait(Math.max(afterMs, this.options.hurts ? this.#tookMs : 0,
      this.#waitMs * (0.75 + Math.random() / 2)));
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }
}
