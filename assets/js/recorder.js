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
    this.kept = new Promise((resolve) => {
      this.worker.onmessage = ({ data }) => this.#hear(data, resolve);
      // A worker that never starts keeps nothing.
      this.worker.onerror = () => {
        options.onFail(false);
        resolve();
      };
    });
    const { id, account, key, prefix } = options;
    this.#order({ act: 'begin', id, account, key, prefix,
      mediaType: recordable(), startedAt: Date.now(), tickMs: FRAME_MS });
  }

  /** What is handed over arrives in the order in which it was written. */
  #handed = Promise.resolve();

  /** @param {Blob} data */
  #hand(data) {
    this.#handed = this.#handed.then(async () => {
      const bytes = await data.arrayBuffer();
      this.worker.postMessage({ act: 'data', bytes }, [bytes]);
    });
  }

  /** @param {import('./chunk-worker.js').Order} order */
  #order(order) {
    this.worker.postMessage(order);
  }

  /** @param {import('./chunk-worker.js').Report} report
   * @param {() => void} finished */
  #hear(report, finished) {
    if (report.did === 'tick') {
      if (this.recorder.state === 'recording') this.scene.draw();
      this.#order({ act: 'drawn' });
    } else if (report.did === 'begin') {
      if (!this.#over) this.#start();
    } else if (report.did === 'keep')
      this.options.onKept(report.usedBytes, report.mostBytes);
    else if (report.did === 'fail') this.options.onFail(report.full);
    else finished();
  }

  #start() {
    this.scene.draw();
    this.recorder.start(SLICE_MS);
    this.#since = performance.now();
  }

  /** @returns {boolean} */
  get going() {
    return this.recorder.state === 'recording';
  }

  /** Nothing is taken until it goes on. */
  pause() {
    if (!this.going) return;
    this.recorder.pause();
    this.#doneMs += performance.now() - this.#since;
  }

  goOn() {
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
