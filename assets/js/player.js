// Plays a recording while it is fetched and opened, a chunk at a time: each is
// looked at (length, SHA-256, seal, place) before a part of it is shown, and one
// that is not what was recorded ends the playing, with the reason.
//= RC-02, RC-06: what was changed, swapped, left out or cut off is not played

import { post, Problem } from './api.js';
import { fromBase64, keyOf, open, sha256, toBase64 } from './chunk.js';
import { firstCluster, lasting, pictureTrack } from './webm.js';

/** @typedef {'missing'|'size'|'checksum'|'seal'} Fault as the API says it */

/**
 * @typedef {object} Piece where a chunk is, for a while
 * @property {number} index
 * @property {string} url
 * @property {number} bytes
 * @property {string} sha256 base64
 */

/** Addresses that are asked for at a time, and how long they are used, in ms. */
const WINDOW = 48;
const FRESH_MS = 240_000;
/** How long a chunk may take to come, in ms: a slow line needs a while. */
const GET_MS = 120_000;
/** How far ahead it fetches, and what it keeps behind, in s. */
const AHEAD_S = 20;
const BEHIND_S = 60;
/** So near a gap a browser stands still, though a little is left, in s. */
const BRINK_S = 1;
/** How often it looks whether it stands still, in ms; and for how long it may, in
 * s: twice as long each time, as a slow machine needs its time. */
const TEND_MS = 1000;
const STAND_S = 5;
/** How far it goes on where it stands still, in s. */
const STEP_S = 0.5;
/** Steps that finding a place may take. */
const LOOKS = 12;

/** A chunk is not what was recorded. */
export class Refused extends Error {
  /** @param {number} index @param {Fault} fault */
  constructor(index, fault) {
    super(fault);
    this.index = index;
    this.fault = fault;
  }
}

export class Player {
  /** @type {Map<number, Piece & {until: number}>} */
  #pieces = new Map();
  /** @type {CryptoKey | null} */
  #key = null;
  #prefix = new Uint8Array(0);
  /** Chunks in all, with the last. */
  #total = 0;
  /** Those with sound and picture: the last is empty where this portal made it. */
  #media = 0;
  #type = '';
  /** What the file begins with, for whoever begins elsewhere. */
  #head = new Uint8Array(0);
  /** Which of its tracks has the pictures. */
  #pictures = 0;
  /** @type {Map<number, number>} where chunks begin, in s */
  #starts = new Map();
  #next = 0;
  /** Whoever sought since makes what went on before of no use. */
  #turn = 0;
  #pumping = false;
  /** What is there is not yet what was sought. */
  #finding = false;
  #over = false;
  /** Where it was when it was looked at last, and for how long now, in s. */
  #was = 0;
  #stood = 0;
  #patience = STAND_S;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tending;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  #source = new MediaSource();

  /**
   * @param {HTMLVideoElement} video
   * @param {{id: string, duration_s: number | null}} recording
   * @param {(problem: unknown) => void} onFault it plays no further
   */
  constructor(video, recording, onFault) {
    this.video = video;
    this.id = recording.id;
    this.durationS = recording.duration_s ?? 0;
    this.onFault = onFault;
  }

  /**
   * Makes it ready to play from its beginning.
   * @returns {Promise<boolean>} whether its end is there, too
   */
  async begin() {
    const first = await this.#text(0);
    const ended = await this.#text(this.#total - 1).then((text) => {
      this.#media = text.length ? this.#total : this.#total - 1;
      return true;
    }, (problem) => this.#say(problem).then(() => false));
    const cluster = firstCluster(first);

    if (!MediaSource.isTypeSupported(this.#type) || !cluster)
      throw new DOMException('', 'NotSupportedError');
    this.#head = first.slice(0, cluster.at);
    this.#pictures = pictureTrack(this.#head);
    this.#source.addEventListener('sourceopen', () => this.#opened(),
      { once: true });
    this.url = URL.createObjectURL(this.#source);
    this.video.src = this.url;
    this.video.addEventListener('seeking', () => void this.#seek());
    for (const kind of ['timeupdate', 'waiting'])
      this.video.addEventListener(kind, () => {
        this.#overGap();
        void this.#pump();
      });
    this.#tending = setInterval(() => this.#tend(), TEND_MS);
    return ended;
  }

  /** Nothing of it stays on the page. */
  end() {
    this.#over = true;
    clearInterval(this.#tending);
    this.#key = null;
    this.#pieces.clear();
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  /** How long a chunk is about, in s. */
  get #each() {
    return (this.#source.duration || this.durationS || 1) /
      Math.max(1, this.#media);
  }

  #opened() {
    this.#buffer = this.#source.addSourceBuffer(this.#type);
    this.#source.duration = Math.max(this.durationS, 1);
    void this.#pump();
  }

  // What it is made of

  /** @param {number} index */
  async #piece(index) {
    const old = this.#pieces.get(index);

    if (old && performance.now() < old.until) return old;
    const until = performance.now() + FRESH_MS;
    const { body } = await post(`/v1/recordings/${this.id}/playback`,
      { from: index, count: WINDOW });
    this.#total = body.total;
    this.#media ||= body.total - 1;
    this.#type = body.media_type ?? 'video/webm;codecs=vp8,opus';
    this.#prefix = fromBase64(body.nonce_prefix);
    this.#key ??= await keyOf(body.key, 'decrypt');
    for (const piece of body.chunks)
      this.#pieces.set(piece.index, { ...piece, until });
    const piece = this.#pieces.get(index);
    if (!piece || piece.until !== until) throw new Refused(index, 'missing');
    return piece;
  }

  /**
   * What lies there, or the status of the answer: 0 if there is none in time.
   * @param {string} url @returns {Promise<Uint8Array<ArrayBuffer> | number>}
   */
  async #object(url) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), GET_MS);

    try {
      const answer = await fetch(url, { credentials: 'omit', cache: 'no-store',
        redirect: 'error', referrerPolicy: 'no-referrer', signal: limit.signal });
      return answer.ok ? new Uint8Array(await answer.arrayBuffer())
        : answer.status;
    } catch {
      return 0;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {number} index @returns {Promise<Uint8Array<ArrayBuffer>>} */
  async #fetched(index) {
    for (let again = true; ; again = false) {
      const { url } = await this.#piece(index);
      const found = await this.#object(url);
      if (typeof found !== 'number') return found;
      if (found === 404) throw new Refused(index, 'missing');
      if (!again) throw new Problem(found, { code: 'store',
        title: 'The place where recordings are kept does not answer. Try ' +
          'again in a moment.' });
      this.#pieces.delete(index); // its address may have ended early
    }
  }

  /** @param {number} index @returns {Promise<Uint8Array<ArrayBuffer>>} */
  async #text(index) {
    const sealed = await this.#fetched(index);
    const piece = await this.#piece(index);

    if (sealed.length !== piece.bytes) throw new Refused(index, 'size');
    if (toBase64(await sha256(sealed)) !== piece.sha256)
      throw new Refused(index, 'checksum');
    try {
      if (!this.#key) throw new Error('no key');
      return await open(this.#key, { recording: this.id, index,
        prefix: this.#prefix, last: index === this.#total - 1 }, sealed);
    } catch {
      throw new Refused(index, 'seal');
    }
  }

  /** The clinic hears of it. @param {unknown} problem */
  async #say(problem) {
    if (problem instanceof Refused)
      await post(`/v1/recordings/${this.id}/chunks/${problem.index}/fault`,
        { fault: problem.fault }).catch(() => {});
  }

  /** @param {unknown} problem */
  async #failed(problem) {
    if (this.#over) return;
    this.end();
    this.onFault(problem);
    await this.#say(problem);
  }

  // Filling the browser's own buffer

  /** @param {Uint8Array<ArrayBuffer>} bytes @returns {Promise<void>} */
  #append(bytes) {
    const buffer = this.#buffer;

    return new Promise((resolve, reject) => {
      if (!buffer) return resolve();
      buffer.onupdateend = () => resolve();
      buffer.onerror = () => reject(new Refused(this.#next, 'seal'));
      buffer.appendBuffer(bytes);
    });
  }

  /** @param {number} from @param {number} to */
  #remove(from, to) {
    const buffer = this.#buffer;

    return new Promise((resolve) => {
      if (!buffer || to <= from) return resolve(undefined);
      buffer.onupdateend = resolve;
      buffer.remove(from, to);
    });
  }

  /** How far it can play from here on without a gap, in s. */
  #room() {
    const { buffered, currentTime: now } = this.video;

    for (let i = 0; i < buffered.length; i++)
      if (buffered.start(i) <= now + 0.3 && now <= buffered.end(i))
        return buffered.end(i) - now;
    return 0;
  }

  /** Up to where all is there that was recorded, in s; what lies behind was
   * fetched for another place. */
  get #known() {
    return this.#next >= this.#media ? Infinity
      : this.#starts.get(this.#next - 1) ?? 0;
  }

  /** How much there is to play from here on, over gaps, in s. */
  #ahead() {
    const { buffered, currentTime: now } = this.video;
    let sum = 0;

    for (let i = 0; i < buffered.length; i++)
      if (buffered.end(i) > now && buffered.start(i) <= Math.max(this.#known, now))
        sum += buffered.end(i) - Math.max(buffered.start(i), now);
    return sum;
  }

  /** A browser that had no time to record leaves gaps, and none plays over one
   * by itself. */
  #overGap() {
    const room = this.#room();
    const plays = this.video.readyState > HTMLMediaElement.HAVE_CURRENT_DATA;

    if (this.#finding || room > BRINK_S || (room > 0 && plays)) return;
    this.#leap();
  }

  /** To what is there next. */
  #leap() {
    const { buffered, currentTime: now } = this.video;

    for (let i = 0; i < buffered.length; i++)
      if (buffered.start(i) > now && buffered.start(i) <= this.#known) {
        this.video.currentTime = buffered.start(i) + 0.01;
        return;
      }
  }

  /** A decoder may wait for ever for what is not there, and nobody is told. */
  #tend() {
    const { currentTime: now, paused, readyState } = this.video;
    const stands = !paused && now === this.#was && !this.#finding &&
      !this.#pumping && readyState <= HTMLMediaElement.HAVE_CURRENT_DATA;

    this.#was = now;
    this.#stood = stands ? this.#stood + TEND_MS / 1000 : 0;
    if (readyState > HTMLMediaElement.HAVE_CURRENT_DATA)
      this.#patience = STAND_S;
    if (this.#stood < this.#patience) return;
    this.#patience *= 2;
    this.#stood = 0;
    if (this.#room() > STEP_S) this.video.currentTime = now + STEP_S;
    else this.#leap();
    void this.#pump();
  }

  async #pump() {
    if (this.#pumping || !this.#buffer || this.#over) return;
    const turn = this.#turn;
    this.#pumping = true;
    try {
      while (this.#next < this.#media && this.#ahead() < AHEAD_S &&
             turn === this.#turn && !this.#over) await this.#one();
      if (this.#next >= this.#media && turn === this.#turn && this.#source.readyState === 'open')
        this.#source.endOfStream();
    } catch (problem) {
      await this.#failed(problem);
    }
    this.#pumping = false;
  }

  async #one() {
    const turn = this.#turn;
    const index = this.#next;
    const text = await this.#text(index);

    if (turn !== this.#turn || this.#over) return;
    this.#note(index, text);
    await this.#append(lasting(text, this.#pictures));
    if (turn !== this.#turn) return;
    this.#next = index + 1;
    this.#overGap();
    if (this.video.currentTime > 2 * BEHIND_S)
      await this.#remove(0, this.video.currentTime - BEHIND_S);
  }

  /** @param {number} index @param {Uint8Array} text */
  #note(index, text) {
    const cluster = firstCluster(text);

    if (cluster) this.#starts.set(index, cluster.timeMs / 1000);
    return cluster ? cluster.timeMs / 1000 : index * this.#each;
  }

  // Seeking

  /** Somewhere that is not there yet: finds the chunk, and goes on from it. */
  async #seek() {
    if (this.#room() > 0.5 || this.#over) return void this.#pump();
    const turn = ++this.#turn;
    this.#finding = true;
    try {
      const index = await this.#find(this.video.currentTime, turn);
      while (this.#pumping && turn === this.#turn)
        await new Promise((resolve) => setTimeout(resolve, 20));
      if (turn !== this.#turn || !this.#buffer || this.#over) return;
      if (this.#source.readyState === 'open') this.#buffer.abort();
      this.#pumping = true;
      await this.#append(this.#head);
      this.#pumping = false;
      if (turn !== this.#turn) return;
      this.#next = index;
      this.#finding = false;
      void this.#pump();
    } catch (problem) {
      await this.#failed(problem);
    }
  }

  /**
   * Chunks are about as long as each other: a few looks are enough.
   * @param {number} time @param {number} turn
   */
  async #find(time, turn) {
    let index = Math.floor(time / this.#each);

    for (let i = 0; i < LOOKS && turn === this.#turn; i++) {
      index = Math.min(Math.max(index, 0), this.#media - 1);
      const start = this.#starts.get(index) ??
        this.#note(index, await this.#text(index));
      const off = (time - start) / this.#each;
      if (off < 0 && index > 0) index -= Math.max(1, Math.floor(-off));
      else if (off > 1.5 && index < this.#media - 1) index += Math.floor(off);
      else return index;
    }
    return index;
  }
}
