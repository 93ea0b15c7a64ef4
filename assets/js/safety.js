// A code that both ends of a call can compare. It is made of the fingerprints
// of both DTLS certificates and of a number that each end drew at random. A
// server that sat in between would have to show each side another certificate,
// and the codes would differ.
//
// Twenty digits would not be enough by themselves: whoever may choose both
// certificates could try 2^33 pairs until both ends show the same. So each end
// first says only the hash of its number (it commits), and tells the number
// once it has the other's hash. Whoever is in between has to commit towards
// both ends before it knows what they drew, and has one guess for each
// connection: 1 in 2^66.

/**
 * waiting: no code yet. agreed: there is a code to compare. broken: what the
 * other end said does not fit, or the keys changed: somebody may be in between.
 * @typedef {'waiting'|'agreed'|'broken'} SafetyState
 */

const NONCE_BYTES = 32;
const HEX = /^[0-9a-f]{64}$/;

/**
 * Every fingerprint, of whatever hash: one that we left out could be the one
 * that the browser goes by.
 * @param {string | undefined} sdp
 */
function fingerprints(sdp = '') {
  const found = [...sdp.matchAll(/^a=fingerprint:(\S+) ([0-9A-F:]+)\s*$/gim)]
    .map(([, hash = '', hex = '']) =>
      `${hash.toLowerCase()} ${hex.toUpperCase()}`);

  return [...new Set(found)].sort().join(',');
}

/** @param {string} text */
const sha256 = async (text) => new Uint8Array(await crypto.subtle.digest(
  'SHA-256', new TextEncoder().encode(text)));

/** @param {Uint8Array} bytes */
const hexOf = (bytes) =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {string} from @param {string} to @param {string} nonce */
const commitment = async (from, to, nonce) => hexOf(await sha256(
  ['epione safety commitment 1', from, to, nonce].join('\n')));

/** @param {Uint8Array<ArrayBuffer>} hash 66 of its bits, in four groups */
function digits(hash) {
  const view = new DataView(hash.buffer);

  return [0, 4, 8, 12].map((at) =>
    String(view.getUint32(at) % 100_000).padStart(5, '0')).join(' ');
}

export class Safety {
  /** @type {SafetyState} */
  state = 'waiting';
  /** Twenty digits in four groups once both ends agreed, else ''. */
  code = '';
  #nonce = hexOf(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  #ours = '';
  #theirs = '';
  #committed = false;
  #revealed = false;
  #heardReveal = false;
  /** What the other end committed to, or ''. */
  #promise = '';

  /**
   * @param {(text: string) => void} send to the other end, in order
   * @param {(state: SafetyState) => void} changed
   * @param {string} [pinned] the other's fingerprints that a code was shown for
   *   before: the code of a connection begun anew may have none but these
   */
  constructor(send, changed, pinned = '') {
    this.send = send;
    this.changed = changed;
    this.pinned = pinned;
  }

  /** The other's fingerprints that a code was shown for, or ''. */
  get shownFor() {
    return this.pinned || (this.state === 'waiting' ? '' : this.#theirs);
  }

  /** @param {SafetyState} state */
  #become(state) {
    if (this.state === state || this.state === 'broken') return;
    this.state = state;
    if (state === 'broken') this.code = '';
    this.changed(state);
  }

  /**
   * The other end can be spoken to. Does nothing while one of the descriptions
   * is not known, and when it has begun before.
   * @param {string | undefined} local SDP
   * @param {string | undefined} remote SDP
   */
  async begin(local, remote) {
    const [ours, theirs] = [fingerprints(local), fingerprints(remote)];

    if (this.#ours || !ours || !theirs) return;
    this.#ours = ours;
    this.#theirs = theirs;
    if (ours === theirs || (this.pinned && this.pinned !== theirs))
      return this.#become('broken');
    const commit = await commitment(this.#ours, this.#theirs, this.#nonce);
    this.send(JSON.stringify({ commit }));
    this.#committed = true;
    this.#reveal();
  }

  /** Our number is told only to who has committed to one. */
  #reveal() {
    if (!this.#committed || !this.#promise || this.#revealed) return;
    this.#revealed = true;
    this.send(JSON.stringify({ nonce: this.#nonce }));
  }

  /** @param {string} text what the other end says */
  async heard(text) {
    const { commit, nonce } = parse(text);

    if (commit && !this.#promise) {
      this.#promise = commit;
      return this.#reveal();
    }
    if (!nonce || !this.#revealed || this.#heardReveal)
      return this.#become('broken');
    this.#heardReveal = true;
    if (await commitment(this.#theirs, this.#ours, nonce) !== this.#promise)
      return this.#become('broken');
    const ends = [[this.#ours, this.#nonce].join('\n'),
      [this.#theirs, nonce].join('\n')].sort();
    const code = digits(await sha256(['epione safety code 1', ...ends]
      .join('\n')));
    if (this.state !== 'waiting') return;
    this.code = code;
    this.#become('agreed');
  }

  /**
   * Keys of a connection do not change; a description that brings others would
   * put somebody else in the place of who was compared with.
   * @param {string | undefined} local SDP
   * @param {string | undefined} remote SDP
   */
  check(local, remote) {
    const [ours, theirs] = [fingerprints(local), fingerprints(remote)];

    if (!this.#ours) return;
    if ((ours && ours !== this.#ours) || (theirs && theirs !== this.#theirs))
      this.#become('broken');
  }
}

/**
 * @param {string} text
 * @returns {{commit?: string, nonce?: string}} of 64 hex digits, or left out
 */
function parse(text) {
  try {
    const { commit, nonce } = JSON.parse(text.slice(0, 200));
    return HEX.test(commit) ? { commit } : HEX.test(nonce) ? { nonce } : {};
  } catch {
    return {};
  }
}
