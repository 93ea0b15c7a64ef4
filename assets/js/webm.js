// Where a WebM file can be cut: before a Cluster, which begins with a picture
// that needs none before it; and how long its pictures last. Reads as much of
// the format as that takes.

const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const CLUSTER = 0x1f43b675;
const TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const BLOCK_DURATION = 0x9b;
const REFERENCE_BLOCK = 0xfb;
/** Elements that hold others, as far as anybody looks into them. */
const HOLDERS = new Set([SEGMENT, TRACKS, TRACK_ENTRY, CLUSTER]);
/** A track of pictures, by its type. */
const PICTURES = 1;
/** A block's third byte of its head, and what it says of a picture that needs
 * none before it. */
const FLAGS_AT = 3;
const KEY = 0x80;
/** The head of a Cluster of which nobody knows how long it is. */
const ANY_CLUSTER = Uint8Array.from([0x1f, 0x43, 0xb6, 0x75, 0x01,
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
/** A picture that lasts no longer than that does so without being told, in ms. */
const LASTS_MS = 200;

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
 * @param {Uint8Array} bytes @param {number} body of an element
 * @param {number} size of it
 * @returns {number} that it is
 */
function numberAt(bytes, body, size) {
  let number = 0;

  for (let i = 0; i < size; i++) number = number * 256 + (bytes[body + i] ?? 0);
  return number;
}

/**
 * @param {Uint8Array} bytes that begin with an element
 * @param {(element: {id: number, at: number, body: number, size: number}) =>
 *   void} visit each of them, one after the other
 */
function walk(bytes, visit) {
  for (let at = 0; at < bytes.length;) {
    const head = headAt(bytes, at);
    if (!head) return;
    visit({ ...head, at });
    at = HOLDERS.has(head.id) ? head.body : head.body + head.size;
  }
}

/** @param {Uint8Array[]} parts @returns {Uint8Array<ArrayBuffer>} */
function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;

  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {number} id of one byte @param {Uint8Array[]} inside */
function element(id, ...inside) {
  const body = joined(inside);
  const head = new Uint8Array(5);

  head[0] = id;
  new DataView(head.buffer).setUint32(1, 0x10000000 | body.length);
  return joined([head, body]);
}

/**
 * A block that says how long its picture lasts.
 * @param {Uint8Array} simple what is in a SimpleBlock @param {number} ms
 */
function lastingBlock(simple, ms) {
  const block = new Uint8Array(simple);
  const time = new Uint8Array(4);
  const isKey = ((simple[FLAGS_AT] ?? 0) & KEY) !== 0;

  block[FLAGS_AT] = (simple[FLAGS_AT] ?? 0) & ~KEY;
  new DataView(time.buffer).setUint32(0, ms);
  return element(BLOCK_GROUP, element(BLOCK, block),
    element(BLOCK_DURATION, time),
    ...isKey ? [] : [element(REFERENCE_BLOCK, Uint8Array.of(0xff))]);
}

/**
 * @param {Uint8Array} bytes @param {number} body of a Cluster
 * @returns {number | null} its time in ms; null when that is not there yet
 */
function timeAt(bytes, body) {
  const head = headAt(bytes, body);

  if (!head || head.body + head.size > bytes.length) return null;
  if (head.id !== TIMESTAMP) throw new RangeError('a cluster without a time');
  return numberAt(bytes, head.body, head.size);
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

/**
 * The track of pictures.
 * @param {Uint8Array} bytes what the file begins with
 * @returns {number} 0 if there is none
 */
export function pictureTrack(bytes) {
  let number = 0;
  let found = 0;

  walk(bytes, ({ id, body, size }) => {
    if (id === TRACK_NUMBER) number = numberAt(bytes, body, size);
    else if (id === TRACK_TYPE && numberAt(bytes, body, size) === PICTURES)
      found ||= number;
  });
  return found;
}

/**
 * What a browser that had no time to draw wrote, so that it can be played. No
 * file says how long the last picture of a Cluster lasts: a player takes it for
 * as short as the others, and where it ends it plays nothing, though there is
 * sound. So it is said: until the next, or until the sound ends.
 * @param {Uint8Array<ArrayBuffer>} bytes of a chunk
 * @param {number} track of the pictures
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function lasting(bytes, track) {
  /** @type {{at: number, body: number, end: number, timeMs: number} | null} */
  let last = null;
  let [fromMs, endMs, done] = [0, 0, 0];
  let isChanged = false;
  /** @type {Uint8Array[]} */
  const parts = [];
  /** @param {number} at @param {Uint8Array} other @param {number} end */
  const put = (at, other, end) => {
    parts.push(bytes.subarray(done, at), other);
    done = end;
  };
  /** @type {{at: number, body: number}[]} Clusters since the last picture */
  let heads = [];
  /** @param {number} ms when the last picture is no longer seen */
  const ends = (ms) => {
    if (last && ms - last.timeMs > LASTS_MS) {
      isChanged = true;
      put(last.at, lastingBlock(bytes.subarray(last.body, last.end),
        ms - last.timeMs), last.end);
    }
    for (const { at, body } of heads) put(at, ANY_CLUSTER, body);
    heads = [];
  };

  walk(bytes, ({ id, at, body, size }) => {
    if (id === CLUSTER) heads.push({ at, body });
    else if (id === TIMESTAMP) fromMs = numberAt(bytes, body, size);
    else if (id === SIMPLE_BLOCK) {
      const timeMs = fromMs + new DataView(bytes.buffer, bytes.byteOffset +
        body + 1).getInt16(0);
      endMs = Math.max(endMs, timeMs);
      // A number of more than one byte is nobody's with two tracks.
      if (bytes[body] !== (0x80 | track)) return;
      ends(timeMs);
      last = { at, body, end: body + size, timeMs };
    }
  });
  ends(endMs);
  return isChanged ? joined([...parts, bytes.subarray(done)]) : bytes;
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
