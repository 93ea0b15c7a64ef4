// Adds a patient.

import { post, Problem } from './api.js';
import { ask } from './dialog.js';
import { formOf, h } from './dom.js';
import { born, listName } from './format.js';
import { askBeforeLeaving, onSubmit } from './form.js';
import { limits } from './limits.js';
import { nothingToSay, toPatient } from './person.js';
import { begin } from './session.js';

await begin('patient_create');
const form = formOf('form');
const saved = askBeforeLeaving(form);
// One key for one intention: a second press after a lost answer makes no
// second patient. Another person of that name is an intention of its own.
let keys = { ask: crypto.randomUUID(), create: crypto.randomUUID() };

/** @param {string | null} a @param {string | null} b */
const same = (a, b) => (a ?? '').localeCompare(b ?? '', undefined,
  { sensitivity: 'base', ignorePunctuation: true }) === 0;

/** @param {import('./person.js').Patient} patient who is there already */
async function alike({ family_name, given_name, birth_date }) {
  const { body } = await post('/v1/patients/search', { family_name,
    ...given_name ? { given_name } : {}, ...birth_date ? { birth_date } : {},
    limit: 5 });

  return body.items.filter((/** @type {any} */ one) =>
    same(one.family_name, family_name) && same(one.given_name, given_name));
}

/**
 * @param {any[]} found those that this person may see
 * @returns {Promise<boolean>} add another one?
 */
async function askAnyway(found) {
  const text = found.length ? 'A record of that name exists. Open it to see ' +
    'whether it is the same person.' : 'The clinic has a record of that name ' +
    'and birth date. You cannot open it. Ask the front desk whether it is ' +
    'the same person.';

  return await ask(h('dialog', { class: 'dialog',
    'aria-labelledby': 'alike-title', 'aria-describedby': 'alike-text' },
  h('form', { method: 'dialog' },
    h('h2', { id: 'alike-title' }, 'Is this person here already?'),
    h('p', { id: 'alike-text' }, text),
    found.length ? h('ul', { class: 'rows plain' }, ...found.map((one) =>
      h('li', {}, h('a', { href: `/patient?id=${one.id}`, target: '_blank',
        rel: 'noopener' }, listName(one)), ' ',
      h('span', { class: 'sub' }, [born(one.birth_date),
        one.mrn ? `Record ${one.mrn}` : '', one.phone ?? '']
        .filter(Boolean).join(' · '))))) : null,
    h('div', { class: 'actions' },
      h('button', { value: 'no', class: 'button primary', autofocus: true },
        'Go back'),
      h('button', { value: 'yes', class: 'button' },
        'Add another person'))))) === 'yes';
}

nothingToSay(form);
void limits(form).catch(() => {}); // the server judges, too
form.addEventListener('input', () => {
  keys = { ask: crypto.randomUUID(), create: crypto.randomUUID() };
});

/**
 * A birth date makes it likely: then the server looks, and nobody can add the
 * same person at the same moment. By the name alone it is only asked about.
 * @param {import('./person.js').Patient} patient
 * @returns {Promise<any>} what was made, or null
 */
async function add(patient) {
  if (!patient.birth_date) {
    const found = await alike(patient);

    if (found.length && !await askAnyway(found)) return null;
  }
  try {
    return (await post('/v1/patients', { ...patient, if_duplicate: 'ask' },
      { key: keys.ask })).body;
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== 'possible_duplicate')
      throw problem;
  }
  if (!await askAnyway(await alike(patient))) return null;
  return (await post('/v1/patients', { ...patient, if_duplicate: 'create' },
    { key: keys.create })).body;
}

onSubmit(form, async (values) => {
  const made = await add(toPatient(values));

  if (!made) return;
  saved();
  form.reset();
  location.assign(`/patient?id=${made.id}&new=1`);
});
