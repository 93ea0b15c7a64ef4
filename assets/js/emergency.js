// A clinician finds one patient who is not in their care, says why, and opens the
// record for a short time.
//= AZ-06, AZ-09

import { post, Problem } from './api.js';
import { ask } from './dialog.js';
import { el, fill, formOf, h } from './dom.js';
import { born, listName, sexName } from './format.js';
import { onSubmit } from './form.js';
import { limits } from './limits.js';
import { begin } from './session.js';
import { stepUp } from './step-up.js';

await begin('emergency_search');

/**
 * Once more with a fresh code, where one is due; null if none was given.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | null>}
 */
async function withFreshCode(work) {
  try {
    return await work();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== 'step_up_required')
      throw problem;
    return await stepUp('Emergency access needs a fresh code.')
      ? await work() : null;
  }
}

/** @param {any} patient */
function askReason(patient) {
  const name = listName(patient);
  const key = crypto.randomUUID();
  const form = h('form', {
    'data-call': 'POST /v1/patients/{id}/emergency-access' },
  h('h2', { id: 'reason-title' }, `Open the record of ${name}?`),
  h('div', { class: 'field' }, h('label', { for: 'reason' }, 'Reason'),
    h('p', { class: 'hint', id: 'reason-hint' },
      'What happened, and why you need the record now. The compliance ' +
      'officer reads it.'),
    h('textarea', { id: 'reason', name: 'reason', required: true,
      'aria-describedby': 'reason-hint', 'data-missing': 'Say why' })),
  h('div', { class: 'actions' },
    h('button', { type: 'submit', class: 'button danger' }, 'Open the record'),
    h('button', { type: 'button', class: 'button',
      onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'reason-title' }, form);

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async ({ reason }) => {
    const path = `/v1/patients/${patient.id}/emergency-access`;
    const made = await withFreshCode(() => post(path, { reason }, { key }));

    if (made) location.assign(`/patient?id=${patient.id}&until=` +
      String(Date.parse(made.body.expires_at) / 1000));
  });
  return ask(dialog);
}

/** @param {any} patient */
function row(patient) {
  const name = listName(patient);
  const facts = [born(patient.birth_date), sexName(patient.sex ?? '')]
    .filter(Boolean).join(' · ');

  return h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, name), h('span', { class: 'sub' }, facts)),
  h('div', { class: 'do' }, h('button', { type: 'button',
    class: 'button danger', 'aria-label': `Open the record of ${name}, ${facts}`,
    onclick: () => void askReason(patient) }, 'Open the record')));
}

void limits(formOf('form')).catch(() => {}); // the server judges, too
onSubmit(formOf('form'), async (values) => {
  const terms = Object.fromEntries(Object.entries(values)
    .filter(([, value]) => value));
  const found = await withFreshCode(() =>
    post('/v1/patients/emergency-search', terms));

  if (!found) return;
  const { items } = found.body;
  fill(el('results'), h('h2', {}, items.length === 0 ? 'Nobody found'
    : `${items.length} ${items.length === 1 ? 'patient' : 'patients'}`),
  items.length ? h('ul', { class: 'rows plain' }, ...items.map(row))
    : h('p', { class: 'muted' }, 'Check the spelling and the birth date. If ' +
      'nobody is found, this clinic has no record of them.'));
});
