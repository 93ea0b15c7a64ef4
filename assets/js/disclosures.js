// To whom else a record was given: the list, and one more.
//= AU-09

import { get, post, query } from './api.js';
import { ask } from './dialog.js';
import { announce, fill, h, note, table } from './dom.js';
import { exact, longDay, utc } from './format.js';
import { fieldOf, markRequired, onSubmit, words } from './form.js';
import { limits } from './limits.js';

const GROUNDS = /** @type {Record<string, string>} */ ({
  law: 'The law asks for it', public_health: 'Public health', abuse: 'Abuse or neglect',
  oversight: 'Health oversight', court: 'A court', police: 'The police',
  deceased: 'Somebody died', research: 'Research', danger: 'To avert a danger',
  government: 'The government', compensation: 'Compensation of workers',
  breach: 'By mistake, or against the rules', other: 'Another ground' });

/** @param {any} d */
function whom(d) {
  if (d.basis === 'copy')
    return `A copy was taken by ${d.actor.display_name ?? 'staff'}`;
  return d.recipient ?? 'No longer known: the record is gone';
}

/** @param {any} d */
const cells = (d) => [longDay(d.at), h('div', { class: 'lines' }, whom(d), d.suspended_until &&
  h('div', { class: 'muted small' }, `The patient is told after ${exact(d.suspended_until)}`)),
h('div', { class: 'lines' }, d.data ?? '–'),
h('div', {}, GROUNDS[d.basis] ?? 'Copy', d.purpose &&
  h('div', { class: 'muted small lines' }, d.purpose))];

/** @type {(name: string, title: string, hint: string, input: HTMLElement) => HTMLElement} */
const field = (...what) => fieldOf('disclosed', ...what);

/** @param {string} id @param {() => Promise<void>} after */
function add(id, after) {
  const key = crypto.randomUUID();
  const area = () => h('textarea', { required: true, rows: '3' });
  const form = h('form', { 'data-call': 'POST /v1/patients/{id}/disclosures' },
    h('h2', { id: 'disclosed-title' }, 'To whom was the record given?'),
    field('basis', 'On which ground', '', h('select', { required: true,
      'data-missing': 'Choose the ground' }, h('option', { value: '' }, 'Choose'),
    ...Object.entries(GROUNDS).map(([value, text]) => h('option', { value }, text)))),
    field('recipient', 'To whom', 'Name, and address if it is known', area()),
    field('data', 'What of the record', '', area()),
    field('purpose', 'What for', '', area()),
    field('at', 'When', '', h('input', { type: 'datetime-local', required: true,
      'data-missing': 'Enter when it was given',
      'data-invalid': 'Enter a time that has been' })),
    field('suspended_until', 'Not to be told to the patient until',
      'Only where the police or an oversight agency ask for it',
      h('input', { type: 'datetime-local',
        'data-invalid': 'Leave this empty, except for the police or oversight' })),
    h('div', { class: 'actions' },
      h('button', { type: 'submit', class: 'button primary' }, 'Write down'),
      h('button', { type: 'button', class: 'button',
        onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'disclosed-title' }, form);

  markRequired(form);
  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async ({ at = '', suspended_until, ...rest }) => {
    await post(`/v1/patients/${id}/disclosures`, { ...rest, at: utc(new Date(at)),
      ...(suspended_until ? { suspended_until: utc(new Date(suspended_until)) } : {}) },
    { key });
    dialog.close();
    announce('Written down');
    await after();
  });
  return ask(dialog);
}

/**
 * @param {HTMLElement} place where it is shown when it is asked for
 * @param {string} id of the patient
 * @param {boolean} mayAdd
 */
export function disclosures(place, id, mayAdd) {
  /** @type {any[]} */
  let items = [];
  /** @type {string | null} */
  let cursor = null;
  const list = h('div');
  const wrong = h('div', { role: 'alert' });
  const more = h('button', { type: 'button', class: 'button',
    onclick: () => void read(cursor) }, 'Show disclosures');

  /** @param {string | null} from */
  async function read(from) {
    fill(wrong);
    try {
      const { body } = await get(`/v1/patients/${id}/disclosures` +
        query({ limit: 20, cursor: from }));

      items = from ? [...items, ...body.items] : body.items;
      cursor = body.next_cursor;
      fill(list, items.length ? table('Disclosures, newest first',
        ['When', 'To whom', 'What', 'Why'], items.map(cells))
        : h('p', {}, 'None in the last six years.'));
      more.hidden = !cursor;
      more.textContent = 'Show earlier ones';
    } catch (problem) {
      fill(wrong, note('bad', h('p', {}, words(problem))));
    }
  }

  fill(place, list, wrong, h('div', { class: 'actions' }, more, mayAdd && h('button', {
    type: 'button', class: 'button', onclick: () => void add(id, () => read(null)) },
  'Write one down')));
}
