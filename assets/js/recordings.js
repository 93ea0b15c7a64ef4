// What was recorded in this clinic, for those who see to it that it is kept as
// long as it must be and no longer. They see that it exists, not what is in it.
//= RC-07: a hold and its end, and a deletion before its time, with a reason

import { call, get, Problem, query } from './api.js';
import { ask } from './dialog.js';
import { announce, el, fill, h, note, table } from './dom.js';
import { onSubmit, words } from './form.js';
import { limits } from './limits.js';
import { keptOf, lengthOf, stateOf, whenOf } from './recording-words.js';
import { begin } from './session.js';
import { stepUp } from './step-up.js';

await begin('audit_list');

/** @type {any[]} */
let items = [];
/** @type {string | null} */
let cursor = null;

/**
 * @typedef {object} Act
 * @property {string} text on the button
 * @property {string} title @property {string} hint
 * @property {string} method @property {string} path after the recording's
 * @property {string} done in words
 */

/** @type {Record<'hold'|'release'|'delete', Act>} */
const ACTS = {
  hold: { text: 'Hold', title: 'Put this recording on hold?',
    hint: 'It is not deleted until the hold ends. Say why.', method: 'POST',
    path: '/hold', done: 'The recording is on hold' },
  release: { text: 'End hold', title: 'End the hold?',
    hint: 'It is deleted when its time is over. Say why.', method: 'DELETE',
    path: '/hold', done: 'The hold has ended' },
  delete: { text: 'Delete…', title: 'Delete this recording before its time?',
    hint: 'A second person has to confirm it. Say why.', method: 'DELETE',
    path: '', done: 'A second person has to confirm it' } };

/**
 * @param {Act} act
 * @param {(reason: string) => Promise<void>} work
 */
function askReason(act, work) {
  const form = h('form', {
    'data-call': `${act.method} /v1/recordings/{id}${act.path}` }, h('h2', { id: 'reason-title' }, act.title),
    h('div', { class: 'field' }, h('label', { for: 'reason' }, 'Reason'),
      h('p', { class: 'hint', id: 'reason-hint' }, act.hint),
      h('input', { id: 'reason', name: 'reason', type: 'text', required: true,
        autocomplete: 'off',
        'aria-describedby': 'reason-hint', 'data-missing': 'Say why' })),
    h('div', { class: 'actions' }, h('button', { type: 'submit',
      class: 'button primary' }, act.text), h('button', { type: 'button',
      class: 'button', onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'reason-title' }, form);

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async ({ reason }) => {
    await work(reason ?? '');
    dialog.close();
  });
  return ask(dialog);
}

/**
 * @param {string} path @param {Act} act @param {string} reason
 * @returns {Promise<void>}
 */
async function run(path, act, reason) {
  try {
    await call(act.method, path + act.path, { body: { reason } });
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'step_up_required' &&
        await stepUp('This needs a fresh code.'))
      return run(path, act, reason);
    throw problem;
  }
}

/** @param {any} item @param {Act} act */
const actButton = (item, act) => h('button', { type: 'button',
  class: 'button', 'aria-label': `${act.text}: ${whenOf(item)}`,
  onclick: () => void askReason(act, async (reason) => {
    await run(`/v1/recordings/${item.id}`, act, reason);
    fill(el('note'), note('ok', h('p', {}, `${act.done}.`)));
    announce(act.done);
    await load(false);
  }) }, act.text);

/** @param {any} item */
function cells(item) {
  const open = !['deleting', 'deleted'].includes(item.state);

  return [whenOf(item), lengthOf(item), stateOf(item), h('div', {},
    keptOf(item), item.hold?.reason ? h('div', { class: 'muted small' },
      item.hold.reason) : null), open ? h('div', { class: 'actions' },
    actButton(item, item.hold ? ACTS.release : ACTS.hold),
    item.hold || ['consent', 'recording'].includes(item.state) ? null
      : actButton(item, ACTS.delete)) : ''];
}

/** @param {boolean} more */
async function load(more) {
  const { body } = await get('/v1/recordings' + query({ limit: 50,
    cursor: more ? cursor : null }));

  items = more ? [...items, ...body.items] : body.items;
  cursor = body.next_cursor;
  fill(el('view'), items.length ? table('Recordings, newest first',
    ['Recorded', 'Length', 'State', 'Kept', 'Do'], items.map(cells))
    : h('div', { class: 'card empty' }, h('p', {}, 'No call was recorded.')),
  cursor ? h('button', { type: 'button', class: 'button',
    onclick: () => void load(true).catch(complain) }, 'Show earlier ones')
    : null);
}

/** @param {unknown} problem */
function complain(problem) {
  fill(el('view'), note('bad', h('p', { role: 'alert' }, words(problem))));
}

await load(false).catch(complain);
