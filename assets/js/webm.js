// Where a WebM file can be cut: before a Cluster, which begins with a picture
// that needs none before it. Reads as much of the format as that takes.

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7;

/**
 * The head of an element.
 * @param {Uint8Array} bytes @param {number} at
 * @returns {{id: number, size: number, body: number} | null} size is Infinity
 *   where the writer did not know it; null when the head is not all there
 */
export function headAt(bytes, at) {
  const idBytes = Math.clz32(bytes[at] ?? 0) - 23;
  const first = bytes[at + idBytes] ?? 0;
  const sizeBytes = Math.clz32(first) - 23;
  const body = at + idBytes + sizeBytes;
  let id = 0;
  let size = first & (0xff >> sizeBytes);
  let unknown = size === 0xff >> sizeBytes;

  if (at >= bytes.length || at + idBytes >= bytes.length ||
      body > bytes.length) return null;
  if (idBytes > 4 || sizeBytes > 8) throw new RangeError('not WebM');
  for (let i = 0; i < idBytes; i++) id = id * 256 + (bytes[at + i] ?? 0);
  for (let i = 1; i < sizeBytes; i++) {
    const byte = bytes[at + idBytes + i] ?? 0;
    unknown &&= byte === 0xff;
    size = size * 256 + byte;
  }
  return { id, size: unknown ? Infinity : size, body };
}

/**
 * @param {Uint8Array} bytes @param {number} body of a Cluster
 * @returns {number | null} its time in ms; null when that is not there yet
 */
function timeAt(bytes, body) {
  const head = headAt(bytes, body);
  let time = 0;

  if (!head || head.body + head.size > bytes.length) return null;
  if (head.id !== TIMESTAMP) throw new RangeError('a cluster without a time');
  for (let i = 0; i < head.size; i++)
    time = time * 256 + (bytes[head.body + i] ?? 0);
  return time;
}

/**
 * The first Cluster in it.
 * @param {Uint8Array} bytes that begin with an element
 * @returns {{at: number, timeMs: number} | null}
 */
export function firstCluster(bytes) {
  for (let at = 0; ;) {
    const head = headAt(bytes, at);
    if (!head) return null;
    if (head.id === CLUSTER) {
      const timeMs = timeAt(bytes, head.body);
      return timeMs === null ? null : { at, timeMs };
    }
    at = head.id === SEGMENT ? head.body : head.body + head.size;
  }
}

/** Cuts what a recorder writes into pieces that begin with a Cluster; the first
 * begins with the file. Their sum is the file. */
export class Cutter {
  /** What no piece has yet; begins with an element. */
  #bytes = new Uint8Array(0);
  /** Where the next element begins, perhaps after all that is there. */
  #at = 0;
  /** @type {number | null} when what is held begins, in ms */
  #from = null;

  /** @param {number} lengthMs the least @param {number} mostBytes of a piece */
  constructor(lengthMs, mostBytes) {
    this.lengthMs = lengthMs;
    this.mostBytes = mostBytes;
  }

  /** @param {Uint8Array} more @returns {Uint8Array[]} pieces that are whole */
  push(more) {
    const bytes = new Uint8Array(this.#bytes.length + more.length);
    /** @type {Uint8Array[]} */
    const pieces = [];

    bytes.set(this.#bytes);
    bytes.set(more, this.#bytes.length);
    this.#bytes = bytes;
    while (this.#step(pieces));
    // No place to cut for so long: the file stays whole, seeking is coarser.
    if (this.#bytes.length > this.mostBytes) pieces.push(this.#cut(
      this.#bytes.length));
    return pieces;
  }

  /** @returns {Uint8Array} what is left at the end; may be empty */
  rest() {
    return this.#cut(this.#bytes.length);
  }

  /** @param {number} at @returns {Uint8Array} */
  #cut(at) {
    const piece = this.#bytes.slice(0, at);

    this.#bytes = this.#bytes.slice(at);
    this.#at -= at;
    this.#from = null;
    return piece;
  }

  /** @param {Uint8Array[]} pieces @returns {boolean} whether to go on */
  #step(pieces) {
    const head = this.#at < this.#bytes.length
      ? headAt(this.#bytes, this.#at) : null;

    if (!head) return false;
    if (head.id !== CLUSTER) {
      this.#at = head.id === SEGMENT ? head.body : head.body + head.size;
      return true;
    }
    const time = timeAt(this.#bytes, head.body);
    if (time === null) return false;
    const from = this.#from ?? time;
    this.#from = from;
    if (time - from >= this.lengthMs) {
      const length = this.#at;
      pieces.push(this.#cut(length));
      this.#from = time;
      this.#at = head.body - length;
    } else this.#at = head.body;
    return true;
  }
}
