// Finds patients. Names by their first letters, the rest exactly.

import { post } from './api.js';
import { el, fill, formOf, h, put } from './dom.js';
import { born, listName, sexName } from './format.js';
import { Fault, onSubmit, words } from './form.js';
import { limits } from './limits.js';
import { begin, may } from './session.js';

const session = await begin('patient_search');

/** @param {Record<string, any>} patient */
function row(patient) {
  const name = listName(patient);
  const facts = [born(patient.birth_date), sexName(patient.sex ?? ''),
    patient.mrn ? `Record ${patient.mrn}` : '', patient.phone ?? '']
    .filter(Boolean).join(' · ');

  return h('li', {}, h('div', { class: 'what' },
    h('a', { class: 'name', href: `/patient?id=${patient.id}` }, name),
    h('span', { class: 'sub' }, facts)),
  h('div', { class: 'do' }, h('a', { class: 'button',
    href: `/book?patient=${patient.id}`,
    'aria-label': `Book a visit for ${name}, ${facts}` }, 'Book a visit')));
}

/**
 * @param {Record<string, string>} search
 * @param {HTMLUListElement} list
 * @param {string | null} cursor
 */
async function page(search, list, cursor) {
  const { body } = await post('/v1/patients/search', { ...search, cursor });

  put(list, ...body.items.map(row));
  return /** @type {string | null} */ (body.next_cursor);
}

/** @param {Record<string, string>} search */
async function find(search) {
  const list = h('ul', { class: 'rows plain' });
  const results = el('results');
  let cursor = await page(search, list, null);
  const more = h('button', { type: 'button', class: 'button',
    onclick: async () => {
      try {
        cursor = await page(search, list, cursor);
        more.hidden = !cursor;
        count();
      } catch (problem) {
        put(results, h('p', { class: 'error' }, words(problem)));
      }
    } }, 'Show more');
  const head = h('h2', {});
  const count = () => {
    const n = list.children.length;
    head.textContent = n === 0 ? 'Nobody found'
      : `${n}${cursor ? ' or more' : ''} ${n === 1 ? 'patient' : 'patients'}`;
  };

  count();
  more.hidden = !cursor;
  fill(results, head, list.children.length ? list : h('p', { class: 'muted' },
    'Check the spelling, or search by birth date.'), more);
}

el('emergency').hidden = !may(session, 'emergency_search');
void limits(formOf('form')).catch(() => {}); // the server judges, too
onSubmit(formOf('form'), async (values) => {
  const search = Object.fromEntries(Object.entries(values)
    .filter(([, value]) => value));

  if (!Object.keys(search).length)
    throw new Fault('family_name', 'Fill in at least one field');
  await find(search);
});
