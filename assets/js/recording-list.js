// The recordings of a patient, shown when they are asked for.

import { get, query } from './api.js';
import { announce, fill, h, note, table } from './dom.js';
import { words } from './form.js';
import { isThere, keptOf, lengthOf, stateOf, whenOf }
  from './recording-words.js';

/** @param {any} item */
const cells = (item) => [whenOf(item), lengthOf(item), stateOf(item),
  keptOf(item), item.state === 'deleted' ? '' : h('a',
    { href: `/recording?id=${item.id}`,
      'aria-label': `Open the recording of ${whenOf(item)}` },
    isThere(item) ? 'Watch' : 'Open')];

/**
 * @param {HTMLElement} place
 * @param {string} patient id
 */
export function recordings(place, patient) {
  const list = h('div', { class: 'stack-s' });
  const button = h('button', { type: 'button', class: 'button' },
    'Show recordings');
  /** @type {any[]} */
  let items = [];
  /** @type {string | null} */
  let cursor = null;

  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const { body } = await get('/v1/recordings' + query(
        { patient_id: patient, limit: 20, cursor }));
      items = [...items, ...body.items];
      cursor = body.next_cursor;
      fill(list, items.length ? table('Recordings, newest first', ['Recorded',
        'Length', 'State', 'Kept', 'Open'], items.map(cells))
        : h('p', {}, 'No call was recorded.'));
      announce(items.length ? `${items.length} recordings, newest first`
        : 'No call was recorded.');
      button.textContent = 'Show earlier recordings';
      button.hidden = !cursor;
    } catch (problem) {
      fill(list, note('bad', h('p', { role: 'alert' }, words(problem))));
    }
    button.disabled = false;
  });
  fill(place, list, button);
}
