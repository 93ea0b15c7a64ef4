// Who opened the record of the patient who reads this: a line for each person,
// day and purpose.
//= AU-12: patients see who viewed their chart

import { get, Problem, query } from './api.js';
import { announce, fill, h, note, table } from './dom.js';
import { ownEventWords, purposeWords } from './event-words.js';
import { fullDay, roleName, time } from './format.js';
import { words } from './form.js';
import { proveAccess } from './proof.js';
import { prover } from './proof-view.js';

/** How many lines come at once. */
const PAGE = 20;

/** What has no account: the programs of the clinic, and who runs them. */
const OTHERS = /** @type {Record<string, string>} */ ({
  system: 'The clinic’s computer', operator: 'Who runs the clinic’s computer' });

/** @param {any} item */
function who(item) {
  const name = item.actor_name ?? OTHERS[item.actor_role] ?? 'Somebody';

  return h('div', {}, h('span', { class: 'strong' }, name), item.actor_name &&
    h('div', { class: 'muted small' }, roleName(item.actor_role)));
}

/** @param {any} item a day has no zone; its noon is that day in all of them */
function when(item) {
  const [from, to] = [time(item.first_at), time(item.at)];

  return h('div', {}, fullDay(`${item.day}T12:00:00`),
    h('div', { class: 'muted small' }, from === to ? from
      : `${from} to ${to}`));
}

/** @param {string} id of the patient @param {any} item */
const proof = (id, item) => prover({
  label: fullDay(`${item.day}T12:00:00`),
  prove: () => proveAccess(id, item.seq),
  right: (where) => `The last look of this line stands in the clinic’s sealed ` +
    `log, ${where}: nobody can take it out or change it without this showing. ` +
    'Your browser computed that; it believed no server.',
  hidden: 'Its full entry stays hidden from you, because it can name other ' +
    'patients and says from where somebody worked. The clinic’s compliance ' +
    'officer can show that it says what you read here.',
  next: 'Something in the clinic’s log was changed or is missing. Please tell ' +
    'the clinic’s compliance officer what you read here, and when.',
});

/** @param {string} id of the patient @param {any} item */
function cells(id, item) {
  const acts = [...new Set(item.events.map(ownEventWords))];

  return [h('div', {}, when(item), proof(id, item)), who(item), acts.length > 1 ? h('ul', {},
    ...acts.map((act) => h('li', {}, /** @type {string} */ (act))))
    : acts.join(''), purposeWords(item.purpose)];
}

/** @param {string} id of the patient @param {any[]} items */
const lines = (id, items) => table('Who opened your record, newest first',
  ['When', 'Who', 'What they did', 'Why'], items.map((item) => cells(id, item)));

/**
 * Days are those of the reader; of the clinic, if the server does not know
 * their zone.
 * @param {string} id @param {string | null} cursor
 */
async function read(id, cursor) {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const ask = (/** @type {string} */ zone) => get(`/v1/patients/${id}` +
    `/accesses${query({ by: 'day', zone, limit: PAGE, cursor })}`);

  try {
    return (await ask(timeZone ?? '')).body;
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.field !== 'zone')
      throw problem;
    return (await ask('')).body;
  }
}

/**
 * @param {HTMLElement} place where it is shown when it is asked for
 * @param {string} id of the patient
 */
export function accesses(place, id) {
  /** @type {any[]} */
  let items = [];
  const list = h('div');
  const wrong = h('div', { role: 'alert' });
  const button = h('button', { type: 'button', class: 'button' },
    'Show who opened it');
  /** @type {string | null} */
  let cursor = null;

  function draw() {
    fill(list, items.length ? lines(id, items)
      : h('p', {}, 'Nobody but you has opened it yet.'));
    button.textContent = 'Show earlier days';
    button.hidden = !cursor;
  }

  async function more() {
    const before = items.length;

    fill(wrong);
    button.disabled = true;
    try {
      const page = await read(id, cursor);

      items = [...items, ...page.items];
      cursor = page.next_cursor;
      draw();
      announce(items.length ? `${items.length} lines, newest first`
        : 'Nobody but you has opened it yet.');
    } catch (problem) {
      fill(wrong, note('bad', h('p', {}, words(problem))));
    }
    button.disabled = false;
    if (items.length > before) focusLine(before);
  }

  /** @param {number} index reading goes on where the new lines begin */
  function focusLine(index) {
    const row = list.querySelectorAll('tbody tr')[index];

    if (!(row instanceof HTMLElement)) return;
    row.tabIndex = -1;
    row.focus({ preventScroll: index === 0 });
  }

  button.addEventListener('click', () => void more());
  fill(place, list, wrong, button);
}
