// Records a scene: what the browser's recorder writes goes straight to a worker
// that seals and keeps it (chunk-worker.js). Nothing leaves this page unsealed.

import { FRAME_MS, Scene } from './scene.js';

/** What can be cut where a picture begins: WebM, which current browsers write. */
const TYPES = ['video/webm;codecs=vp8,opus', 'video/webm'];
const WORKER = '/assets/js/chunk-worker.js';
/** How often the recorder hands over what it has, in ms. */
const SLICE_MS = 1000;
/** A picture that needs none before it, so often, in ms: there one can cut. */
const KEY_MS = 5000;
/** How often it is looked whether anything comes, in ms, and how many times
 * nothing may have: what keeps nothing must not look like a recording. */
const WATCH_MS = 1000;
const PATIENCE = 60;
const VIDEO_BITS = 600_000;
const AUDIO_BITS = 48_000;

/** What this browser can record, or ''. */
export const recordable = () => typeof MediaRecorder === 'undefined' ? ''
  : TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? '';

/** The one program that pages may start beside themselves. */
//= PA-09: no other address makes a worker
const worker = (() => {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  const policy = trustedTypes?.createPolicy('epione-worker', {
    createScriptURL: (/** @type {string} */ url) => {
      if (url !== WORKER) throw new TypeError('not ours');
      return url;
    } });

  return policy?.createScriptURL(WORKER) ?? WORKER;
})();

/**
 * @typedef {object} RecorderOptions
 * @property {string} id of the recording
 * @property {string} account who records
 * @property {string} key base64 @property {string} prefix base64
 * @property {() => import('./scene.js').Source[]} sources
 * @property {(usedBytes: number, mostBytes: number) => void} onKept one more
 *   chunk waits here to be sent
 * @property {(full: boolean) => void} onFail nothing more can be kept
 */

export class Recorder {
  #over = false;
  /** How long it has recorded, in ms, up to when it began last. */
  #doneMs = 0;
  #since = 0;
  /** Nothing is to be taken now. */
  #held = false;
  /** How many times it was looked since anything came. */
  #silent = 0;
  /** @type {() => void} nothing more will be kept */
  #finished = () => {};

  /** @param {RecorderOptions} options */
  constructor(options) {
    this.options = options;
    this.worker = new Worker(worker, { type: 'module' });
    this.scene = new Scene(options.sources);
    this.recorder = new MediaRecorder(this.scene.stream, /** @type {any} */ ({
      mimeType: recordable(), videoBitsPerSecond: VIDEO_BITS,
      audioBitsPerSecond: AUDIO_BITS, videoKeyFrameIntervalDuration: KEY_MS }));
    this.recorder.ondataavailable = ({ data }) => this.#hand(data);
    this.recorder.onerror = () => options.onFail(false);
    /** @type {Promise<void>} */
    this.kept = new Promise((resolve) => { this.#finished = resolve; });
    this.worker.onmessage = ({ data }) => this.#hear(data);
    // A worker that never starts keeps nothing.
    this.worker.onerror = () => this.#fail(true);
    this.watch = setInterval(() => this.#watch(), WATCH_MS);
    const { id, account, key, prefix } = options;
    this.#order({ act: 'begin', id, account, key, prefix,
      mediaType: recordable(), startedAt: Date.now(), tickMs: FRAME_MS });
  }

  /** What is handed over arrives in the order in which it was written. */
  #handed = Promise.resolve();

  /** @param {Blob} data */
  #hand(data) {
    if (data.size) this.#silent = 0;
    this.#handed = this.#handed.then(async () => {
      const bytes = await data.arrayBuffer();
      this.worker.postMessage({ act: 'data', bytes }, [bytes]);
    });
  }

  /** @param {import('./chunk-worker.js').Order} order */
  #order(order) {
    this.worker.postMessage(order);
  }

  /** What was asked to record may give nothing and say nothing: a program that
   * does not load, a disk that does not answer, an encoder that is stuck. */
  #watch() {
    if (!this.#held && ++this.#silent > PATIENCE)
      this.#fail(this.recorder.state === 'inactive');
  }

  /** @param {boolean} isDead the worker never began */
  #fail(isDead) {
    clearInterval(this.watch);
    if (isDead) {
      this.worker.terminate();
      this.#finished();
    }
    this.options.onFail(false);
  }

  /** @param {import('./chunk-worker.js').Report} report */
  #hear(report) {
    if (report.did === 'tick') this.#draw();
    else if (report.did === 'begin') {
      if (!this.#over) this.#start();
    } else if (report.did === 'keep')
      this.options.onKept(report.usedBytes, report.mostBytes);
    else if (report.did === 'fail') this.options.onFail(report.full);
    else this.#finished();
  }

  /** Says so whatever becomes of it: else it would never be asked for again. */
  #draw() {
    try {
      if (this.recorder.state === 'recording') this.scene.draw();
    } finally {
      this.#order({ act: 'drawn' });
    }
  }

  #start() {
    this.recorder.start(SLICE_MS);
    this.#since = performance.now();
    if (this.#held) this.pause();
    else this.scene.draw();
  }

  /** Is nothing taken until it goes on? */
  get paused() {
    return this.#held;
  }

  /** Nothing is taken until it goes on, though it has not begun yet. */
  pause() {
    this.#held = true;
    if (this.recorder.state !== 'recording') return;
    this.recorder.pause();
    this.#doneMs += performance.now() - this.#since;
  }

  goOn() {
    this.#held = false;
    this.#silent = 0;
    if (this.recorder.state !== 'paused') return;
    this.#since = performance.now();
    this.recorder.resume();
  }

  /**
   * From now on nothing is taken. Answers when all that was taken is kept.
   * @returns {Promise<void>}
   */
  async stop() {
    if (!this.#over) {
      this.#over = true;
      clearInterval(this.watch);
      this.pause();
      await this.#stopped();
      this.scene.end();
      await this.#handed;
      this.#order({ act: 'finish',
        durationS: Math.round(this.#doneMs / 1000) });
    }
    return this.kept;
  }

  /** @returns {Promise<void>} when the recorder has handed over its last */
  #stopped() {
    return new Promise((resolve) => {
      if (this.recorder.state === 'inactive') return resolve();
      this.recorder.onstop = () => resolve();
      this.recorder.stop();
    });
  }
}
