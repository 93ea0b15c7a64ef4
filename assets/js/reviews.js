// What the compliance officer has to look at: each emergency access, and what the
// rules found unusual, until somebody has said what they think of it.
//= AZ-06, AU-07

import { get, post, query } from './api.js';
import { ask } from './dialog.js';
import { announce, el, fill, h, icon, note, put } from './dom.js';
import { eventWords, outcomeWords } from './event-words.js';
import { exact } from './format.js';
import { onSubmit, words } from './form.js';
import { limits } from './limits.js';
import { begin } from './session.js';

await begin('review_list');

const FINDINGS = /** @type {Record<string, string>} */ ({
  justified: 'Justified', unjustified: 'Not justified', unclear: 'Unclear' });
const KINDS = /** @type {Record<string, string>} */ ({
  emergency_access: 'Emergency access', unusual_access: 'Unusual access' });
const CHIPS = /** @type {Record<string, string>} */ ({
  justified: 'ok', unjustified: 'bad', unclear: 'warn' });

/** @param {unknown} problem */
const complain = (problem) => fill(el('note'),
  note('bad', h('p', { role: 'alert' }, words(problem))));

/** @param {any} item */
const actorName = (item) => item.actor.display_name ?? 'Somebody';

/** @param {any} item which one a button is for */
const about = (item) => `${actorName(item)}, ${exact(item.created_at)}`;

function findingField() {
  return h('div', { class: 'field' }, h('label', { for: 'finding' }, 'Finding'),
    h('select', { id: 'finding', name: 'finding', required: true,
      'data-missing': 'Say what you find' }, h('option', { value: '' }, 'Choose'),
    ...Object.entries(FINDINGS).map(([value, text]) =>
      h('option', { value }, text))));
}

/** @param {any} item */
function sign(item) {
  const form = h('form', { 'data-call': 'POST /v1/reviews/{id}/sign' },
    h('h2', { id: 'sign-title' }, `What do you find of ${actorName(item)}’s ` +
      'access?'), findingField(),
    h('div', { class: 'field' }, h('label', { for: 'finding-note' }, 'Note'),
      h('p', { class: 'hint', id: 'finding-hint' }, 'Whom you asked, and what ' +
        'follows from it. It cannot be changed afterwards.'),
      h('textarea', { id: 'finding-note', name: 'note', required: true,
        'aria-describedby': 'finding-hint', 'data-missing': 'Write a note' })),
    h('div', { class: 'actions' },
      h('button', { type: 'submit', class: 'button primary' }, 'Sign'),
      h('button', { type: 'button', class: 'button',
        onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'sign-title' }, form);

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async ({ finding, note: text }) => {
    await post(`/v1/reviews/${item.id}/sign`, { finding, note: text });
    dialog.close();
    announce('Signed');
    await load();
  });
  return ask(dialog);
}

/** What this person did with the record meanwhile. @param {any} item */
async function looks(item) {
  const { body } = await get('/v1/audit' + query({ patient_id: item.patient_id,
    actor_id: item.actor.id, from: item.from, to: item.to, limit: 100 }));

  return h('ul', {}, body.next_cursor && h('li', {}, 'And before that: the page ' +
    'Audit has all of it.'),
  ...body.items.reverse().map((/** @type {any} */ event) =>
    h('li', {}, `${exact(event.at)}: ${eventWords(event.event)}` +
      (event.outcome === 'ok' ? '' : ` (${outcomeWords(event.outcome)})`))));
}

/** @param {any} item */
function looked(item) {
  const place = h('div', { role: 'status' });
  const button = h('button', { type: 'button', class: 'linkish',
    'aria-label': `Show what was opened: ${about(item)}`,
    onclick: () => void looks(item).then((list) => {
      fill(place, list);
      button.remove();
    }).catch((problem) => fill(place, words(problem))) }, 'Show what was opened');

  return h('div', {}, button, place);
}

/** @param {any} item */
function buttons(item) {
  return item.state === 'open' ? h('div', { class: 'do' }, h('button', {
    type: 'button', class: 'button primary', 'aria-label': `Review: ${about(item)}`,
    onclick: () => void sign(item) }, 'Review')) : null;
}

/** @param {any} item */
function outcome(item) {
  if (item.state === 'open') return null;
  return h('span', { class: 'sub' }, [`${item.signed_by?.display_name ??
    'Somebody'}, ${exact(item.signed_at)}`, item.note ?? '']
    .filter(Boolean).join(': '));
}

/** @param {any} item */
function row(item) {
  return h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, actorName(item)), item.finding
      ? h('span', { class: `chip ${CHIPS[item.finding] ?? ''}` },
        icon(item.finding === 'justified' ? 'check' : 'info'),
        FINDINGS[item.finding] ?? '') : null,
    h('span', { class: 'chip' }, KINDS[item.kind] ?? ''),
    h('span', { class: 'sub' }, item.reason ?? 'The reason cannot be read any ' +
      'more.'),
    h('span', { class: 'sub' }, item.access_until
      ? `${exact(item.created_at)}, until ${exact(item.access_until)}`
      : `Found ${exact(item.created_at)}`), outcome(item), looked(item)),
  buttons(item));
}

/** @param {string} state @param {string} place @param {string} none */
async function list(state, place, none) {
  const rows = h('ul', { class: 'rows plain' });
  /** @param {string | null} cursor */
  const more = async (cursor) => {
    const { body } = await get('/v1/reviews' + query({ state, cursor }));

    put(rows, ...body.items.map(row));
    fill(el(`${place}-more`), body.next_cursor ? h('button', { type: 'button',
      class: 'button', onclick: () => void more(body.next_cursor)
        .catch(complain) }, 'Show more') : null);
  };

  await more(null);
  fill(el(place), rows.children.length ? rows
    : h('p', { class: 'muted' }, none));
}

async function load() {
  await list('open', 'waiting', 'Nothing waits.');
  await list('signed', 'past', 'Nothing yet.');
}

await load().catch(complain);
