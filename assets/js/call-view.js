// What a call looks like: one tile for each other person, the controls, and
// the words for the state of the line. No protocol here.

import { ask, confirm } from './dialog.js';
import { el, fill, h, icon, put } from './dom.js';
import { roleName } from './format.js';

/** @typedef {import('./signal.js').Participant} Participant */
/** @typedef {import('./peer.js').Report} Report */
/** @typedef {import('./peer.js').Line} Line */

const QUALITY = /** @type {Record<string, [string, string]>} */ ({
  good: ['Good connection', 'signal-3'], fair: ['Fair connection', 'signal-2'],
  poor: ['Poor connection', 'signal-1'],
  stalled: ['Nothing arrives', 'signal-1'],
  unknown: ['Connected', 'signal-2'] });

/** @type {Record<Line, string>} */
const LINES = { connecting: 'Connecting…', connected: 'Connected',
  reconnecting: 'Reconnecting…', blocked: 'No way through the network yet' };

/** @param {string} name of the first word and of the last */
function initialsOf(name) {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;

  return ends.map((word = '') => [...word][0] ?? '').join('').toUpperCase();
}

export class Tile {
  /** @param {Participant} person @param {() => void} [remove] from the call */
  constructor(person, remove) {
    this.person = person;
    this.video = h('video', { autoplay: true, playsinline: true });
    this.initials = h('p', { class: 'initials', 'aria-hidden': 'true' },
      initialsOf(person.display_name));
    this.initials.hidden = true;
    this.words = h('span', {}, LINES.connecting);
    this.marks = h('span', {});
    this.sign = h('span', {}, icon('signal-2'));
    this.hear = h('button', { type: 'button', class: 'button primary',
      onclick: () => void this.play() }, 'Turn the sound on');
    this.hear.hidden = true;
    this.node = h('div', { class: 'other', role: 'group',
      'aria-label': person.display_name }, this.video, this.initials,
    h('div', { class: 'over' }, this.hear),
    h('div', { class: 'tag' }, this.sign,
      h('span', { class: 'strong' }, person.display_name), this.words,
      this.marks, remove ? h('button', { type: 'button', class: 'button',
        'aria-label': `Remove ${person.display_name}`, onclick: remove },
      'Remove') : null));
    el('others').append(this.node);
  }

  /** @param {MediaStream} stream */
  show(stream) {
    if (this.video.srcObject !== stream) this.video.srcObject = stream;
    void this.play();
  }

  /** Some browsers want a press of a button before they make a sound. */
  async play() {
    try {
      await this.video.play();
      this.hear.hidden = true;
    } catch (error) {
      this.hear.hidden = !(error instanceof DOMException &&
        error.name === 'NotAllowedError');
    }
  }

  /** @param {Line} line */
  line(line) {
    this.words.textContent = LINES[line];
  }

  /** @param {Report} report */
  report({ quality, relayed }) {
    const [words = '', picture = ''] = QUALITY[quality] ?? [];

    this.words.textContent = words + (relayed ? ' (through a relay)' : '');
    fill(this.sign, icon(picture));
  }

  /** @param {{audio?: boolean, video?: boolean, screen?: boolean}} state */
  state({ audio, video, screen }) {
    // The last picture before the camera went off says nothing of now.
    this.initials.hidden = video !== false || Boolean(screen);
    this.video.classList.toggle('veiled', !this.initials.hidden);
    fill(this.marks, audio === false ? this.#mark('mic-off',
      'Microphone off') : null, video === false && !screen
      ? this.#mark('video-off', 'Camera off') : null,
    screen ? this.#mark('screen', 'Shares the screen') : null);
  }

  /** @param {string} picture @param {string} words */
  #mark(picture, words) {
    return h('span', { title: words }, icon(picture),
      h('span', { class: 'unseen' }, words));
  }

  remove() {
    this.video.srcObject = null;
    this.node.remove();
  }
}

/**
 * @param {string} id of the button
 * @param {{picture: string, text: string, pressed?: boolean}} look
 */
export function control(id, { picture, text, pressed }) {
  const button = el(id);

  fill(button, icon(picture), h('span', { class: 'label' }, text));
  if (pressed !== undefined)
    button.setAttribute('aria-pressed', String(pressed));
}

/**
 * People who wait to be let in. A guest is said to be one, and as what they come.
 * @param {Participant[]} people
 * @param {(person: Participant) => void} admit
 * @param {(person: Participant) => void} remove
 */
export function drawKnocks(people, admit, remove) {
  const place = el('knocks');
  const had = place.contains(document.activeElement);

  fill(place, ...people.map((person) => h('div', { class: 'knock' },
    icon('user'), h('p', {}, `${person.display_name} is waiting` +
      (person.guest ? ` (${roleName(person.role)}, by link)` : '')),
    h('button', { type: 'button', class: 'button primary',
      onclick: () => admit(person) }, `Admit ${person.display_name}`),
    person.guest ? h('button', { type: 'button', class: 'button',
      onclick: () => remove(person) }, 'Turn away') : null)));
  if (had) place.querySelector('button')?.focus();
}

/** @param {string} title '' hides it @param {string} [text] */
export function middle(title, text = '') {
  el('middle').hidden = !title;
  el('middle-title').textContent = title;
  el('middle-text').textContent = text;
}

/**
 * @param {string} text for the eyes and, when it changed, for the ears
 * @param {boolean} [aloud] not, if something else says it better
 */
export function sayState(text, aloud = true) {
  if (el('state-text').textContent === text) return;
  el('state-text').textContent = text;
  if (aloud) say(text);
}

/** @param {string} text */
//= PA-05: the state of the call is told in a live region
export function say(text) {
  el('call-live').textContent = text;
}

const KEYS = [['Alt + Shift + M', 'Microphone on or off'],
  ['Alt + Shift + V', 'Camera on or off'],
  ['Alt + Shift + S', 'Share your screen, or stop'],
  ['Alt + Shift + C', 'Chat'], ['Alt + Shift + I', 'This window'],
  ['Alt + Shift + R', 'Record, or stop (clinicians)'],
  ['Alt + Shift + H', 'Leave the call']];

/**
 * @param {{name: string, code: string,
 *   state: import('./safety.js').SafetyState}} safety
 */
function safetyOf({ name, code, state }) {
  return h('div', {}, h('p', {}, `With ${name}: `), state === 'agreed'
    ? h('p', { class: 'secret' }, code) : h('p', { class: 'strong' },
      state === 'broken' ? 'This connection may not be private. Leave, and ' +
      'call the clinic.' : 'Not there yet. It takes a moment.'));
}

/**
 * What there is to know about a call: the code to compare, and the keys.
 * @param {Array<Parameters<typeof safetyOf>[0]>} talks
 */
export function showInfo(talks) {
  const keys = h('dl', { class: 'stack-s' });
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'info-title' }, h('form', { method: 'dialog' },
    h('h2', { id: 'info-title' }, 'About this call'),
    h('div', { class: 'stack-s' }, h('h3', {}, 'Safety code'),
      ...talks.map(safetyOf),
      ...(talks.some(({ state }) => state === 'broken') ? []
        : talks.length ? ['Read it to each other while you see each other. ' +
        'The same numbers on both sides mean that nobody in between can see ' +
        'or hear you, not even our server.', 'Other numbers mean that ' +
        'somebody may be in between: leave, and call the clinic.']
        : ['It shows here when you are connected.'])
        .map((text) => h('p', { class: 'muted small' }, text))),
    h('div', { class: 'stack-s' }, h('h3', {}, 'Keys'), keys),
    h('button', { class: 'button primary' }, 'Close')));

  for (const [name = '', text = ''] of KEYS)
    put(keys, h('div', {}, h('dt', { class: 'strong' }, name),
      h('dd', {}, text)));
  void ask(dialog);
}

/**
 * How a clinician leaves. What a hasty Enter does can be undone: it leaves.
 * @returns {Promise<'end'|'leave'|''>}
 */
export function askLeave() {
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'leave-title' }, h('form', { method: 'dialog' },
    h('h2', { id: 'leave-title' }, 'Leave the call?'),
    h('p', {}, 'The visit stays open, and you can come back.'),
    h('div', { class: 'actions' },
      h('button', { value: 'leave', class: 'button primary',
        autofocus: true }, 'Leave, I will be back'),
      h('button', { value: '', class: 'button' }, 'Stay'),
      h('button', { value: 'end', class: 'button quiet' },
        'End the visit…'))));

  return /** @type {Promise<'end'|'leave'|''>} */ (ask(dialog));
}

/** @param {string} name of the patient */
export const confirmEnd = (name) => confirm({
  title: 'End the visit for everyone?',
  text: `You and ${name} are disconnected, and nobody can come back in.`,
  yes: 'End for everyone' });
