// Chunks that the store of recordings does not have yet, in this browser's
// IndexedDB: sealed, so that whoever finds them there can open none of them.
// Each is written to disk before it counts as kept, and stays until the store
// has it: a reload, a crash or a flat battery loses what is not sealed yet, a
// few seconds, and no more.
//
// The key is not here, and none is needed to go on after a crash: a recording
// always ends in an empty chunk, and the one that would end it now is sealed
// with each chunk and lies beside it. It is the same whenever it is made, so no
// nonce ever seals two texts.

/**
 * @typedef {object} Kept a recording of which something is here
 * @property {string} id
 * @property {string} account whose it is: nobody else sends it
 * @property {string} mediaType
 * @property {number} startedAt ms since 1970, by this clock
 * @property {number} made chunks so far
 * @property {number} heldBytes of those that are here
 * @property {Chunk | null} end the chunk that ends it after those made
 * @property {number | null} total chunks in all, once it has ended
 * @property {number | null} durationS
 */

/**
 * @typedef {object} Chunk
 * @property {string} recording
 * @property {number} index
 * @property {Uint8Array<ArrayBuffer>} bytes sealed
 * @property {string} sha256 of them, in base64
 */

const NAME = 'epione-recordings';
/** The most that waits here, in bytes, and which part of what the browser has. */
const MOST_BYTES = 4 * 2 ** 30;
const SHARE = 0.5;

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** @param {IDBTransaction} tx @returns {Promise<void>} once it is on disk */
const settled = (tx) => new Promise((resolve, reject) => {
  tx.oncomplete = () => resolve();
  tx.onabort = () => reject(tx.error ?? new DOMException('', 'AbortError'));
});

/** @param {string} id @returns {IDBKeyRange} all chunks of a recording */
const of = (id) => IDBKeyRange.bound([id, 0], [id, Infinity]);

export class ChunkStore {
  /** @param {IDBDatabase} db */
  constructor(db) {
    this.db = db;
  }

  /** @returns {Promise<boolean>} whether anything was ever recorded here */
  static async exists() {
    return (await indexedDB.databases()).some(({ name }) => name === NAME);
  }

  /** @returns {Promise<ChunkStore>} */
  static async open() {
    const request = indexedDB.open(NAME, 1);

    request.onupgradeneeded = () => {
      request.result.createObjectStore('recording', { keyPath: 'id' });
      request.result.createObjectStore('chunk',
        { keyPath: ['recording', 'index'] });
    };
    const db = await done(request);
    db.onversionchange = () => db.close();
    return new ChunkStore(db);
  }

  #write() {
    const tx = this.db.transaction(['recording', 'chunk'], 'readwrite',
      { durability: 'strict' });
    return { tx, recordings: tx.objectStore('recording'),
      chunks: tx.objectStore('chunk'), settled: settled(tx) };
  }

  /** @param {Kept} recording */
  async begin(recording) {
    const { recordings, settled } = this.#write();

    recordings.add(recording);
    await settled;
  }

  /** @param {Chunk} chunk @param {Chunk} end what would end it after that */
  async keep(chunk, end) {
    const { recordings, chunks, settled } = this.#write();
    const kept = /** @type {Kept} */ (await done(
      recordings.get(chunk.recording)));

    chunks.add(chunk);
    recordings.put({ ...kept, made: chunk.index + 1, end,
      heldBytes: kept.heldBytes + chunk.bytes.length });
    await settled;
  }

  /**
   * Nothing comes after what is here. Once it was said it stays.
   * @param {string} id
   * @param {number | null} durationS null if nobody knows
   * @returns {Promise<Kept | null>} null: there was nothing to end, and is no more
   */
  async finish(id, durationS) {
    const { recordings, chunks, settled } = this.#write();
    /** @type {Kept | undefined} */
    const kept = await done(recordings.get(id));
    let now = kept ?? null;

    if (kept && !kept.end) {
      recordings.delete(id);
      now = null;
    } else if (kept?.end && kept.total === null) {
      now = { ...kept, total: kept.made + 1, durationS,
        heldBytes: kept.heldBytes + kept.end.bytes.length };
      chunks.put(kept.end);
      recordings.put(now);
    }
    await settled;
    return now;
  }

  /** @param {string} id @returns {Promise<Chunk | undefined>} the first left */
  async next(id) {
    const cursor = await done(this.db.transaction('chunk')
      .objectStore('chunk').openCursor(of(id)));

    return cursor?.value;
  }

  /** @param {Chunk} chunk that the store has */
  async sent({ recording, index, bytes }) {
    const { recordings, chunks, settled } = this.#write();
    /** @type {Kept | undefined} */
    const kept = await done(recordings.get(recording));

    chunks.delete([recording, index]);
    if (kept) recordings.put({ ...kept,
      heldBytes: kept.heldBytes - bytes.length });
    await settled;
  }

  /** @param {string} id of a recording that is not to be sent, or all sent */
  async forget(id) {
    const { recordings, chunks, settled } = this.#write();

    recordings.delete(id);
    chunks.delete(of(id));
    await settled;
  }

  /** @param {string} id @returns {Promise<Kept | undefined>} */
  get(id) {
    return done(this.db.transaction('recording').objectStore('recording')
      .get(id));
  }

  /** @param {string} id @returns {Promise<number>} chunks that are left */
  left(id) {
    return done(this.db.transaction('chunk').objectStore('chunk')
      .count(of(id)));
  }

  /** @param {string} account @returns {Promise<Kept[]>} oldest first */
  async all(account) {
    /** @type {Kept[]} */
    const every = await done(this.db.transaction('recording')
      .objectStore('recording').getAll());

    return every.filter((kept) => kept.account === account)
      .sort((a, b) => a.startedAt - b.startedAt);
  }

  /** @returns {Promise<{usedBytes: number, mostBytes: number}>} */
  async room() {
    /** @type {Kept[]} */
    const every = await done(this.db.transaction('recording')
      .objectStore('recording').getAll());
    const { quota = MOST_BYTES } = await navigator.storage.estimate();

    return { usedBytes: every.reduce((sum, { heldBytes }) => sum + heldBytes,
      0), mostBytes: Math.min(MOST_BYTES, quota * SHARE) };
  }
}
