// A chunk of a recording, as docs/RECORDINGS.md says it byte by byte: sealed
// so that one that is changed, swapped, left out or cut off does not open.
//= RC-02: STREAM (Hoang et al. 2015) over AES-256-GCM, a key for each recording

/** How long what is before the index in a nonce is, in bytes. */
const PREFIX_BYTES = 7;
export const TAG_BYTES = 16;

/** @param {string} text base64 @returns {Uint8Array<ArrayBuffer>} */
export const fromBase64 = (text) =>
  Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** @param {Uint8Array} bytes a few @returns {string} */
export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** @param {number} index @returns {number[]} four bytes, the highest first */
const big = (index) => [24, 16, 8, 0].map((shift) => (index >>> shift) & 0xff);

/**
 * @param {string} recording its id
 * @param {number} index @returns {Uint8Array<ArrayBuffer>}
 */
function about(recording, index) {
  const id = recording.replaceAll('-', '').match(/../g) ?? [];

  return Uint8Array.from([...id.map((two) => parseInt(two, 16)),
    ...big(index)]);
}

/**
 * @typedef {object} Place where a chunk stands in its recording
 * @property {string} recording id
 * @property {Uint8Array} prefix 7 random bytes, once for each recording
 * @property {number} index from 0
 * @property {boolean} last nothing comes after it
 */

/** @param {Place} place @returns {AesGcmParams} */
function params({ recording, prefix, index, last }) {
  if (prefix.length !== PREFIX_BYTES) throw new RangeError('nonce prefix');
  return { name: 'AES-GCM', tagLength: TAG_BYTES * 8,
    iv: Uint8Array.from([...prefix, ...big(index), last ? 1 : 0]),
    additionalData: about(recording, index) };
}

/**
 * @param {string} base64 of 32 bytes
 * @param {'encrypt'|'decrypt'} use
 */
export const keyOf = (base64, use) => crypto.subtle.importKey('raw',
  fromBase64(base64), 'AES-GCM', false, [use]);

/**
 * @param {CryptoKey} key @param {Place} place
 * @param {Uint8Array<ArrayBuffer>} text
 * @returns {Promise<Uint8Array<ArrayBuffer>>} text and tag
 */
export const seal = async (key, place, text) =>
  new Uint8Array(await crypto.subtle.encrypt(params(place), key, text));

/**
 * Throws unless it is the very chunk of that place.
 * @param {CryptoKey} key @param {Place} place
 * @param {Uint8Array<ArrayBuffer>} sealed
 */
export const open = async (key, place, sealed) =>
  new Uint8Array(await crypto.subtle.decrypt(params(place), key, sealed));

/** @param {Uint8Array<ArrayBuffer>} bytes */
export const sha256 = async (bytes) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
