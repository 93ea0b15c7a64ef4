// Recording in a call: asking, answering, the sign that says it goes on, and
// the clinician's browser that does it. Whoever is in the call can end it at
// any time, and nothing is taken while we cannot hear that they did.
//= RC-01: everyone is asked in plain words, sees the sign, can take it back

import { get, post, Problem } from './api.js';
import { ChunkStore } from './chunk-store.js';
import { confirm } from './dialog.js';
import { el, fill, h, icon, note } from './dom.js';
import { longDay } from './format.js';
import { words } from './form.js';
import { Recorder, recordable } from './recorder.js';
import { may } from './session.js';
import { Uploader } from './uploader.js';
import { hold, leftWords, together } from './uploads.js';
import { say } from './call-view.js';

/** @typedef {import('./uploader.js').Way} Way */

/**
 * @typedef {object} CallRecordingOptions
 * @property {string} account who is here
 * @property {() => any} visit as last read
 * @property {(message: import('./signal.js').Outgoing) => void} send
 * @property {() => import('./scene.js').Source[]} sources
 * @property {() => boolean} hurts the call needs all of the line
 * @property {() => void} onChange the button looks otherwise
 */

/** What is going on in the room, as the server said last. */
const NOTHING = { id: '', state: '' };
/** Why it ended, as the server says it. @type {Record<string, string>} */
const ENDS = {
  refused: 'Not everyone agreed. Nothing was recorded.',
  unanswered: 'Not everyone answered. Nothing was recorded.',
  withdrawn: 'Somebody does not want to be recorded any more. The recording ' +
    'has stopped.',
  newcomer: 'Somebody came who was not asked yet. The recording has stopped.',
  left: 'Who recorded has left. The recording has stopped.' };
/** When it is time to say that this browser can soon hold no more. */
const NEARLY_FULL = 0.8;
/** How soon the clinic is asked once more how a recording stands, in ms. */
const AGAIN_MS = 1000;
const NEARLY_WORDS = 'This browser is nearly full: the recording stops when ' +
  'it is.';

export class CallRecording {
  /** Whether the clinic records: the room says so. */
  clinicRecords = false;
  #now = NOTHING;
  /** @type {{id: string, key: string, prefix: string} | null} what we seal
   * with, from when we asked until it is over */
  #secret = null;
  /** @type {Promise<void> | null} our question to the server */
  #asking = null;
  /** @type {Recorder | null} */
  #recorder = null;
  /** Recordings that we were asked about and have answered. */
  #answered = new Set();
  /** @type {Map<string, {left: number, way: Way}>} our own, by recording: one may
   * still be sent while another is made */
  #uploads = new Map();
  #nearlyFull = false;
  #isDown = false;
  #end = '';

  /** @param {CallRecordingOptions} options */
  constructor(options) {
    this.options = options;
    addEventListener('beforeunload', (event) => {
      if (this.#recorder || this.#uploads.size) event.preventDefault();
    });
  }

  /** @returns {boolean} whether this person may record this visit */
  get offered() {
    return this.clinicRecords && may(this.options.visit(), 'recording_create');
  }

  /** @returns {{left: number, way: Way} | null} what is still to be sent */
  get #upload() {
    return this.#uploads.size ? together([...this.#uploads.values()]) : null;
  }

  /** @returns {boolean} */
  get going() {
    return this.#now.state === 'recording';
  }

  /** @returns {boolean} we asked, or record */
  get ours() {
    return Boolean(this.#secret);
  }

  /** The button: asks for it, or ends it. */
  async press() {
    if (this.#secret) return this.#stop('');
    if (!recordable())
      return this.#show(note('warn', h('p', { role: 'alert' }, 'This browser ' +
        'cannot record. Use a current Chrome, Edge, Firefox or Safari.')));
    if (!await confirm({ title: 'Ask to record this visit?', text: 'Everyone ' +
      'in the visit is asked. It begins when all have agreed, and anyone can ' +
      'stop it at any time.', yes: 'Ask everyone' })) return;
    this.#asking = this.#ask();
    await this.#asking;
    this.#asking = null;
  }

  async #ask() {
    try {
      const { body } = await post(
        `/v1/visits/${this.options.visit().id}/recordings`,
        { media_type: recordable() }, { key: crypto.randomUUID() });
      this.#secret = { id: body.id, key: body.key, prefix: body.nonce_prefix };
      if (this.#now.id !== body.id)
        this.#now = { id: body.id, state: body.state };
      this.#end = '';
      this.#draw();
    } catch (problem) {
      this.#show(note('bad', h('p', { role: 'alert' }, words(problem))));
    }
  }

  /**
   * The server said so.
   * @param {string} id @param {string} state @param {string} [reason] it ended
   */
  async heard(id, state, reason = '') {
    await this.#asking;
    const before = this.#now;
    const isOver = !['recording', 'consent'].includes(state);
    if (isOver && before.id && before.id !== id) return; // of one before
    this.#now = { id, state };
    if (before.id !== id) this.#end = ''; // of one before
    if (state === 'recording') await this.#begin(id);
    else if (isOver) await this.#over(before, reason);
    else if (!this.#secret) return this.#question(id);
    this.#draw();
  }

  /** @param {string} id */
  async #begin(id) {
    if (!this.#recorder) say('This visit is being recorded.');
    if (this.#secret?.id === id) this.#record(this.#secret);
    else await this.#isAbandoned(id);
  }

  /**
   * We recorded it before this page was loaded anew: nobody does now.
   * @param {string} id
   */
  async #isAbandoned(id) {
    if (!this.offered) return;
    try {
      const { body } = await get(`/v1/recordings/${id}`, { background: true });
      if (body.clinician_id === this.options.account)
        await post(`/v1/recordings/${id}/stop`);
    } catch (problem) {
      console.warn('recording', problem);
    }
  }

  /** @param {{id: string, key: string, prefix: string}} secret */
  #record({ id, key, prefix }) {
    const { account, sources } = this.options;

    if (this.#recorder) return this.#recorder.goOn();
    void navigator.storage.persist?.();
    /** @type {Recorder} */
    const recorder = new Recorder({ id, account, key, prefix, sources,
      onKept: (usedBytes, mostBytes) => {
        const before = this.#nearlyFull;
        this.#nearlyFull = usedBytes > mostBytes * NEARLY_FULL;
        if (this.#nearlyFull && !before) say(NEARLY_WORDS);
        if (this.#nearlyFull) this.#draw();
      },
      onFail: (full) => {
        // One that is over already must not stop the next.
        if (this.#recorder === recorder) void this.#stop(full ? 'This ' +
          'browser can hold no more, so the recording has stopped. What was ' +
          'recorded is being sent.' : 'This browser could not go on ' +
          'recording. What was recorded is being sent.');
      } });
    this.#recorder = recorder;
    this.#nearlyFull = false;
    if (this.#isDown) recorder.pause();
    this.#uploads.set(id, { left: 0, way: 'sending' });
    // What is left when it breaks off goes on from the next page (uploads.js).
    void hold(id, () => this.#send(id, recorder)).catch((problem) =>
      console.warn('recording', problem)).then(() => {
      this.#uploads.delete(id);
      this.#draw();
    });
  }

  /** @param {string} id @param {Recorder} recorder */
  async #send(id, recorder) {
    const store = await ChunkStore.open();
    const uploader = new Uploader({ store, id,
      hurts: () => !el('stage-call').hidden && this.options.hurts(),
      onChange: (left, way) => {
        this.#uploads.set(id, { left, way });
        this.#draw();
      } });
    let kept = false;
    void recorder.kept.then(() => { kept = true; });
    // It is not there before the worker has begun.
    while (!await store.get(id) && !kept)
      await new Promise((resolve) => setTimeout(resolve, 200));
    const sent = uploader.run();
    await recorder.kept;
    await store.finish(id, null); // a worker that died has not
    await sent;
  }

  /** @param {{id: string, state: string}} before @param {string} reason */
  async #over(before, reason) {
    const ours = this.#secret;

    if (['recording', 'consent'].includes(before.state)) {
      this.#end ||= ENDS[reason] ?? 'The recording has stopped.';
      say(this.#end);
    }
    this.#now = NOTHING;
    this.#draw();
    if (ours) await this.#close();
  }

  /** Nothing is taken from now on; what was taken goes on its way. */
  async #close() {
    const recorder = this.#recorder;

    this.#recorder = null;
    this.#secret = null;
    this.options.onChange();
    await recorder?.stop();
  }

  /** @param {string} why in words; '' if it was the wish of who is here */
  async #stop(why) {
    const { id } = this.#now;
    const ours = Boolean(this.#secret);

    this.#end = why || 'You stopped the recording.';
    const closed = ours ? this.#close() : undefined;
    this.#now = NOTHING;
    say(this.#end);
    this.#draw();
    // Nothing is taken any more, though it may be long until all is kept: the
    // others hear it now. Once it was heard of elsewhere it is over in any case.
    if (id) await post(`/v1/recordings/${id}/stop`).catch((problem) => {
      if (!(problem instanceof Problem) || problem.status !== 409)
        this.#show(note('bad', h('p', { role: 'alert' }, words(problem))));
    });
    await closed;
  }

  /** The call is over for who is here. */
  over() {
    const { id } = this.#now;
    const ours = Boolean(this.#secret);

    this.#now = NOTHING;
    if (!ours) return this.#draw();
    void this.#close();
    this.#draw();
    if (id) void post(`/v1/recordings/${id}/stop`).catch(() => {});
  }

  /** @param {boolean} isDown we cannot hear whether somebody takes it back */
  async down(isDown) {
    this.#isDown = isDown;
    if (!this.#recorder) return;
    if (isDown) this.#recorder.pause();
    else await this.#goOn(this.#now.id);
    this.#draw();
  }

  /**
   * Nothing is taken until the clinic has said how it stands, however often that
   * has to be asked.
   * @param {string} id
   */
  async #goOn(id) {
    while (this.#recorder && this.#now.id === id && !this.#isDown) {
      const answer = await get(`/v1/recordings/${id}`, { background: true })
        .catch(() => null);
      if (answer && !this.#isDown) return this.heard(id, answer.body.state);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  // What it looks like

  /** @param {string} id everyone else is asked */
  async #question(id) {
    if (this.#answered.has(id)) return this.#draw();
    let until = '';
    try {
      const { body } = await get(`/v1/recordings/${id}`, { background: true });
      until = longDay(body.retention_until);
    } catch (problem) {
      console.warn('recording', problem);
    }
    if (this.#now.id !== id || this.#now.state !== 'consent') return;
    const who = this.options.visit().clinician_name;
    const answer = (/** @type {boolean} */ given) => {
      this.#answered.add(id);
      this.options.send({ type: 'consent', recording: id, given });
      say(given ? 'You agreed.' : 'You did not agree. Nothing is recorded.');
      this.#draw();
    };
    const title = h('h2', { id: 'consent-title', tabindex: '-1' },
      'May this visit be recorded?');
    this.#show(h('section', { class: 'note info consent',
      'aria-labelledby': 'consent-title' }, icon('video'),
    h('div', { class: 'note-body' }, title,
      h('p', {}, `${who} would like to record picture and sound of everyone ` +
        'in this visit, to look at it again for the patient’s care.'),
      h('p', {}, `${until ? `It is kept until ${until}, then it is deleted. `
        : ''}${who} and the patient’s care team can watch it. The clinic ` +
        'decides whether the patient can, too. Nobody else can: it is locked ' +
        'before it leaves this call.'),
      h('p', {}, 'It is your choice. The visit goes on either way, and you ' +
        'can stop the recording at any time.'),
      h('div', { class: 'actions' }, h('button', { type: 'button',
        class: 'button primary', onclick: () => answer(true) }, 'Yes, record'),
      h('button', { type: 'button', class: 'button',
        onclick: () => answer(false) }, 'No, do not record')))));
    say(`${who} asks whether this visit may be recorded. Please answer.`);
    if (document.activeElement === document.body) title.focus();
  }

  /** @param {...import('./dom.js').Child} what */
  #show(...what) {
    const place = document.getElementById('recording');
    const next = h('div', {}, ...what);

    // Only a change is drawn: what has the focus stays where it is.
    if (!place || next.isEqualNode(h('div', {}, ...[...place.childNodes]
      .map((node) => node.cloneNode(true))))) return;
    const had = place.contains(document.activeElement);
    fill(place, ...next.childNodes);
    if (had) place.querySelector('button')?.focus();
  }

  #draw() {
    const { state, id } = this.#now;

    this.options.onChange();
    if (!document.getElementById('recording')) return;
    if (document.getElementById('end-upload'))
      fill(el('end-upload'), this.#upload ? note('info', this.#leftLine(),
        h('p', {}, 'Keep this page open until it is done.')) : null);
    if (state === 'recording') this.#show(this.#sign());
    else if (state === 'consent' && (this.#secret || this.#answered.has(id)))
      this.#show(this.#waiting());
    else if (this.#end) this.#show(note('info', h('p', {}, this.#end),
      this.#upload ? this.#leftLine() : null, h('button', { type: 'button',
        class: 'button quiet', onclick: () => {
          this.#end = '';
          this.#draw();
        } }, 'Close')));
    else this.#show(this.#upload ? note('info', this.#leftLine()) : null);
  }

  #leftLine() {
    return h('p', {}, 'The recording: ', this.#upload
      ? leftWords(this.#upload.left, this.#upload.way) : '');
  }

  #waiting() {
    return h('div', { class: 'knock' }, icon('clock'), h('p', {}, this.#secret
      ? 'Waiting until everyone has agreed to be recorded'
      : 'You agreed. It begins when everyone has.'),
    this.#endButton('Do not record'));
  }

  #sign() {
    const paused = this.#recorder?.paused;

    return h('div', { class: 'recsign' }, h('span', { class: 'recdot',
      'aria-hidden': 'true' }), h('p', {}, h('span', { class: 'strong' },
      paused ? 'Recording pauses' : 'Recording'), h('span', {}, paused
      ? ' until the clinic is reached again' : ' picture and sound of everyone'),
    this.#upload?.left ? h('span', { class: 'small' }, ' · ',
      leftWords(this.#upload.left, this.#upload.way)) : null,
    this.#nearlyFull ? h('span', { class: 'strong' }, ` ${NEARLY_WORDS}`)
      : null),
    this.#endButton('Stop recording'));
  }

  /** @param {string} text */
  #endButton(text) {
    return h('button', { type: 'button', class: 'button',
      onclick: () => void (this.#secret ? this.#stop('')
        : this.#takeBack()) }, text);
  }

  /** Who agreed does not any more. */
  #takeBack() {
    const { id } = this.#now;

    this.#answered.add(id);
    this.options.send({ type: 'consent', recording: id, given: false });
    say('You ask to stop the recording.');
  }
}
