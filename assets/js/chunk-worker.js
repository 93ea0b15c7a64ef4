// The worker of one recording: cuts what the recorder writes, seals each chunk
// and keeps it. The key comes in here once and cannot be taken out again. It
// also beats the time, as the timers of a page that nobody looks at are slowed;
// a page that has not drawn yet is not asked again, or a slow one would do
// nothing else.

import { fromBase64, keyOf, seal, sha256, toBase64 } from './chunk.js';
import { ChunkStore } from './chunk-store.js';
import { Cutter } from './webm.js';

/**
 * @typedef {{act: 'begin', id: string, account: string, mediaType: string,
 *            startedAt: number, key: string, prefix: string, tickMs: number}
 *         | {act: 'data', bytes: ArrayBuffer}
 *         | {act: 'drawn'}
 *         | {act: 'finish', durationS: number}} Order
 */

/**
 * @typedef {{did: 'begin'} | {did: 'tick'}
 *         | {did: 'keep', usedBytes: number, mostBytes: number}
 *         | {did: 'finish'}
 *         | {did: 'fail', full: boolean}} Report
 */

/** How long a chunk is at least, in ms, and at most, in bytes. */
const CHUNK_MS = 5000;
const CHUNK_BYTES = 8 * 2 ** 20;

/** @type {{store: ChunkStore, key: CryptoKey, id: string, prefix: Uint8Array}
 *   | null} */
let work = null;
let made = 0;
let failed = false;
/** The page has not answered the last tick yet. */
let drawing = false;
const cutter = new Cutter(CHUNK_MS - 500, CHUNK_BYTES);

/** @param {Report} report */
const tell = (report) => self.postMessage(report);

/**
 * @param {NonNullable<typeof work>} to
 * @param {number} index @param {boolean} last
 * @param {Uint8Array<ArrayBuffer>} text
 */
async function sealed({ key, id, prefix }, index, last, text) {
  const bytes = await seal(key, { recording: id, prefix, index, last }, text);

  return { recording: id, index, bytes, sha256: toBase64(await sha256(bytes)) };
}

/** @param {Uint8Array} piece */
async function keep(piece) {
  if (!work || !piece.length) return;
  const chunk = await sealed(work, made, false, new Uint8Array(piece));
  const end = await sealed(work, made + 1, true, new Uint8Array(0));
  const { usedBytes, mostBytes } = await work.store.room();

  if (usedBytes + chunk.bytes.length > mostBytes)
    throw new DOMException('', 'QuotaExceededError');
  await work.store.keep(chunk, end);
  made++;
  tell({ did: 'keep', usedBytes: usedBytes + chunk.bytes.length, mostBytes });
}

function tick() {
  if (drawing) return;
  drawing = true;
  tell({ did: 'tick' });
}

/** @param {Order} order */
async function obey(order) {
  if (order.act === 'begin') {
    const { id, account, mediaType, startedAt } = order;
    const store = await ChunkStore.open();
    work = { store, id, key: await keyOf(order.key, 'encrypt'),
      prefix: fromBase64(order.prefix) };
    await store.begin({ id, account, mediaType, startedAt, made: 0,
      heldBytes: 0, end: null, total: null, durationS: null });
    setInterval(tick, order.tickMs);
    tell({ did: 'begin' });
  } else if (order.act === 'data') {
    for (const piece of cutter.push(new Uint8Array(order.bytes)))
      await keep(piece);
  } else if (order.act === 'finish') {
    // After a gap there is nothing to keep: what was kept before ends there.
    if (!failed) await keep(cutter.rest()).catch(fail);
    // A disk that takes not even that: the next page ends what is there.
    await work?.store.finish(work.id, order.durationS).catch(fail);
    tell({ did: 'finish' });
    self.close();
  }
}

/** @param {unknown} error */
function fail(error) {
  failed = true;
  tell({ did: 'fail', full: error instanceof DOMException &&
    error.name === 'QuotaExceededError' });
}

/** What came before is done first. */
let turn = Promise.resolve();
self.addEventListener('message', ({ data }) => {
  const order = /** @type {Order} */ (data);

  if (order.act === 'drawn') drawing = false;
  else turn = turn.then(() => failed && order.act === 'data' ? undefined
    : obey(order)).catch(fail);
});
