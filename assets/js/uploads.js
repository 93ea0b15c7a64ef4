// Recordings that are not all sent: whichever page their clinician opens next
// says how much is left, and goes on with it. One page at a time does, and
// never one that is being recorded (`hold`).

import { ChunkStore } from './chunk-store.js';
import { announce, fill, h, note } from './dom.js';
import { Uploader } from './uploader.js';

/** @typedef {import('./uploader.js').Way} Way */

/** How often it looks for what another page has let go of, in ms. */
const LOOK_MS = 10_000;

/**
 * Works on a recording unless another page does.
 * @template T
 * @param {string} id @param {() => Promise<T>} work
 * @returns {Promise<T | null>}
 */
export const hold = async (id, work) => navigator.locks.request(
  `epione-recording-${id}`, { ifAvailable: true },
  /** @param {Lock | null} lock @returns {any} */
  (lock) => lock ? work() : null);

/** @param {number} left */
const parts = (left) => `${left} ${left === 1 ? 'part' : 'parts'} left to send`;

/** @type {Record<Way, string>} */
const WAYS = { sending: '', done: '',
  waiting: 'It waits, so that the call has the whole line.',
  offline: 'There is no connection to the clinic. It goes on by itself when ' +
    'the connection is back.',
  store: 'The place where recordings are kept takes nothing now. We keep ' +
    'trying.',
  'signed-out': 'Sign in again to send it. Nothing is lost.',
  refused: 'The clinic no longer takes this recording: it was deleted, or you ' +
    'are not on the care team any more.' };

/** @param {number} left @param {Way} way in words */
export const leftWords = (left, way) => [way === 'refused' ? '' : left
  ? `${parts(left)}.` : way === 'done' ? 'All of it is sent.'
    : 'The last part is on its way.', WAYS[way]].filter(Boolean).join(' ');

/**
 * How several go, as one.
 * @param {{left: number, way: Way}[]} every
 * @returns {{left: number, way: Way}}
 */
export const together = (every) => ({
  left: every.reduce((sum, { left }) => sum + left, 0),
  way: every.find(({ way }) => !['sending', 'done'].includes(way))?.way ??
    'sending' });

/** @type {(() => boolean) | undefined} */
let hurts;

/** @param {() => boolean} call says whether it needs all of the line */
export function leaveLineTo(call) {
  hurts = call;
}

/** @type {Map<string, {left: number, way: Way}>} by recording */
const going = new Map();
const strip = note('info');
strip.id = 'uploads';

/** @param {ChunkStore} store */
function draw(store) {
  const { left, way } = together([...going.values()]);
  const refused = [...going].filter((one) => one[1].way === 'refused');
  const body = strip.querySelector('.note-body');

  if (!going.size) return strip.remove();
  if (!strip.isConnected) document.querySelector('main')?.prepend(strip);
  if (body) fill(body, h('p', { class: 'strong' },
    'A recording is not all sent yet'), h('p', {}, leftWords(left, way)),
  refused.length ? h('button', { type: 'button', class: 'button',
    onclick: async () => {
      for (const [id] of refused) await store.forget(id);
      for (const [id] of refused) going.delete(id);
      draw(store);
    } }, 'Remove what is left of it from this browser')
    : h('p', { class: 'muted small' }, 'You can go on working. Keep this ' +
      'browser open until it is done.'));
}

/**
 * @param {ChunkStore} store
 * @param {import('./chunk-store.js').Kept} kept
 */
async function send(store, kept) {
  const { id } = kept;

  // Nobody records it: what was on its way when it broke off is lost, and what
  // is here is all of it.
  if (kept.total === null && !await store.finish(id, null)) return;
  announce(`A recording is not all sent yet. ${parts(await store.left(id))}.`);
  const sent = await new Uploader({ store, id, hurts: () => hurts?.() ?? false,
    onChange: (left, way) => {
      going.set(id, { left, way });
      draw(store);
    } }).run();
  if (!sent) return void await new Promise(() => {}); // until it is removed
  going.delete(id);
  draw(store);
  announce('The recording is sent.');
}

/** @param {string} account who is here */
export async function sendLeft(account) {
  /** @type {ChunkStore | null} */
  let store = null;
  const look = async () => {
    // Where nobody ever recorded, nothing is made.
    if (!store && !await ChunkStore.exists()) return;
    const open = store ??= await ChunkStore.open();
    for (const kept of await open.all(account))
      if (!going.has(kept.id)) void hold(kept.id, () => send(open, kept));
  };

  await look();
  setInterval(() => void look(), LOOK_MS);
}
