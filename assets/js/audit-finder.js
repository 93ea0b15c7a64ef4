// Finds by name who acted in the log, or whose record it was; and the words for
// both.

import { post } from './api.js';
import { announce, buttonOf, el, fill, h, inputOf, note } from './dom.js';
import { words } from './form.js';
import { born, roleName } from './format.js';

/** How many are shown at once. */
const PAGE = 10;
/** Pages of a search may be empty and still have a next one. */
const EMPTY_PAGES = 5;

/** @typedef {{id: string, name: string}} Chosen */

/** @param {any} person what tells them apart from another of that name */
export const aboutOf = (person) => person.kind === 'staff'
  ? roleName(person.role) : ['Patient', born(person.birth_date)
    .replace(/^B/, 'b'),
    person.mrn && `record number ${person.mrn}`].filter(Boolean).join(', ');

/**
 * @param {'staff' | 'patient'} kind @param {string} name
 * @returns {Promise<{items: any[], more: boolean}>}
 */
async function search(kind, name) {
  /** @type {string | null} */
  let cursor = null;

  for (let i = 0; i < EMPTY_PAGES; i++) {
    const { body } = await post('/v1/audit/people',
      { kind, name, limit: PAGE, ...(cursor ? { cursor } : {}) });

    cursor = body.next_cursor;
    if (body.items.length || !cursor)
      return { items: body.items, more: cursor !== null };
  }
  return { items: [], more: true };
}

export const ACTIONS = /** @type {Record<string, string>} */ ({ C: 'Made',
  R: 'Looked', U: 'Changed', D: 'Deleted', E: 'Did' });

const OTHERS = /** @type {Record<string, string>} */ ({
  system: 'The system itself', operator: 'Who runs the server' });

/** Ids begin with the time, and so alike: their ends tell them apart. */
export const ending = (/** @type {string} */ id) => `…${id.slice(-8)}`;

/**
 * Who acted, of whom there is no name.
 * @param {string | null} id @param {string | null} role
 */
export const unnamed = (id, role) => id ? `Person ${ending(id)}`
  : OTHERS[role ?? ''] ?? 'Nobody who signed in';

/**
 * Whose record it was stays unsaid until it is asked for.
 * @param {string} id
 * @param {Map<string, string>} names of patients that were asked for
 */
export function whoIsIt(id, names) {
  const place = h('div', { role: 'status' });
  const button = h('button', { type: 'button', class: 'linkish',
    onclick: async () => {
      try {
        const { body } = await post('/v1/audit/people',
          { kind: 'patient', patient_id: id });
        const [person] = body.items;

        names.set(id, person.name);
        fill(place, `${person.name}. ${aboutOf(person)}`);
        button.remove();
      } catch (problem) {
        fill(place, words(problem));
      }
    } }, 'Show the name');

  return h('div', {}, place, button);
}

/**
 * @param {string} field id of the input; `${field}-find` is its button and
 *   `${field}-found` the place for those found
 * @param {Array<'staff' | 'patient'>} kinds
 * @param {(person: any) => string | null} idOf null: not to be chosen
 * @returns {{chosen: () => Chosen | null, choose: (one: Chosen | null) => void}}
 */
export function auditFinder(field, kinds, idOf) {
  const input = inputOf(field);
  const place = el(`${field}-found`);
  /** @type {Chosen | null} */
  let chosen = null;

  /** @param {Chosen | null} one */
  function choose(one) {
    chosen = one;
    input.value = '';
    fill(place, one && h('div', { class: 'actions' },
      h('span', { class: 'strong' }, one.name), h('button', {
        type: 'button', class: 'linkish', 'aria-label': `Take out ${one.name}`,
        onclick: () => {
          choose(null);
          input.focus();
        } }, 'Take out')));
  }

  /** @param {any} person */
  function row(person) {
    const id = idOf(person);
    const about = aboutOf(person);

    return h('li', {}, h('div', { class: 'what' },
      h('span', { class: 'name' }, person.name),
      h('span', { class: 'sub' }, about)), h('div', { class: 'do' },
      id ? h('button', { type: 'button', class: 'button',
        'aria-label': `Choose ${person.name}, ${about}`, onclick: () => {
          choose({ id, name: person.name });
          place.querySelector('button')?.focus();
        } }, 'Choose') : h('span', { class: 'muted small' }, 'No account')));
  }

  async function find() {
    const name = input.value.trim();

    if (!name) return fill(place, h('p', {}, 'Type a name.'));
    try {
      const found = [];

      for (const kind of kinds) found.push(await search(kind, name));
      const people = found.flatMap((one) => one.items);

      fill(place, people.length ? h('ul', { class: 'rows plain' },
        ...people.map(row)) : h('p', {}, 'Nobody found. Check the spelling.'),
      found.some((one) => one.more) && h('p', {},
        'There are more. Type more of the name.'));
      announce(people.length === 1 ? 'One person found'
        : `${people.length} people found`);
    } catch (problem) {
      fill(place, note('bad', h('p', {}, words(problem))));
    }
  }

  buttonOf(`${field}-find`).addEventListener('click', () => void find());
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    void find();
  });
  return { chosen: () => chosen, choose };
}
