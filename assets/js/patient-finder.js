// Finds a patient by name. Two people of one name are told apart by what else
// is known of them, on the page and in the words that are read aloud.

import { post } from './api.js';
import { fill, h, note } from './dom.js';
import { words } from './form.js';
import { born, fullName, sexName } from './format.js';

/** How many are shown at once. */
const PAGE = 10;

/** @typedef {{id: string, name: string, about: string}} Found */

/** @param {Record<string, any>} patient @returns {Found} */
export function foundOf(patient) {
  const about = [born(patient.birth_date),
    patient.sex && patient.sex !== 'unknown' && sexName(patient.sex),
    patient.mrn && `record number ${patient.mrn}`,
    patient.phone && `phone ${patient.phone}`].filter(Boolean).join(', ');

  return { id: patient.id, about, name: fullName(patient) };
}

/**
 * @param {HTMLInputElement} field where the name is typed
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} place where those found are shown
 * @param {(found: Found) => void} choose
 */
export function patientFinder(field, button, place, choose) {
  /** @param {Found} found */
  const row = (found) => h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, found.name),
    h('span', { class: 'sub' }, found.about)),
  h('div', { class: 'do' }, h('button', { type: 'button', class: 'button',
    'aria-label': `Choose ${found.name}, ${found.about}`,
    onclick: () => choose(found) }, 'Choose')));

  /** @param {string} name @param {string} [cursor] */
  const search = async (name, cursor) => (await post('/v1/patients/search',
    { name, limit: PAGE, ...(cursor ? { cursor } : {}) })).body;

  /**
   * @param {string} name @param {string} cursor @param {HTMLElement} list
   */
  function more(name, cursor, list) {
    const part = h('div', { class: 'stack-s' }, h('p', {}, 'There are more. ' +
      'Type more of the name, or'), h('button', { type: 'button',
      class: 'button', onclick: async () => {
        try {
          const body = await search(name, cursor);
          const rows = body.items.map(foundOf).map(row);

          list.append(...rows);
          if (body.next_cursor)
            part.replaceWith(more(name, body.next_cursor, list));
          else part.remove();
          rows[0]?.querySelector('button')?.focus();
        } catch (problem) {
          part.append(note('bad', h('p', {}, words(problem))));
        }
      } }, 'Show more'));

    return part;
  }

  async function find() {
    const name = field.value.trim();

    if (!name) return fill(place, h('p', {}, 'Type a name.'));
    try {
      const body = await search(name);
      const list = h('ul', { class: 'rows plain' },
        ...body.items.map(foundOf).map(row));

      fill(place, body.items.length ? list
        : h('p', {}, 'Nobody found. Check the spelling.'),
      body.next_cursor && more(name, body.next_cursor, list));
    } catch (problem) {
      fill(place, note('bad', h('p', {}, words(problem))));
    }
  }

  button.addEventListener('click', () => void find());
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    void find();
  });
}
