// The clinic's rules for passwords and sessions.

import { get, patch, Problem } from './api.js';
import { el, fill, formOf, h, note } from './dom.js';
import { askBeforeLeaving, onSubmit, words } from './form.js';
import { limits } from './limits.js';
import { begin } from './session.js';

await begin('policy_patch');

const form = formOf('form');
const saved = askBeforeLeaving(form);
/** @type {{policy: Record<string, number | string | null>, etag: string}} */
let loaded = { policy: {}, etag: '' };

async function load() {
  const { body, etag } = await get('/v1/clinic/policy');

  loaded = { policy: body, etag };
  for (const field of form.elements)
    if ((field instanceof HTMLInputElement ||
         field instanceof HTMLSelectElement) && field.name in body)
      field.value = String(body[field.name] ?? '');
}

/** @param {string} name @param {unknown} value as the policy has it */
const ruleOf = (name, value) => name === 'checkpoint_mail'
  ? String(value) || null : Number(value);

onSubmit(form, async (values) => {
  const changes = Object.fromEntries(Object.entries(values)
    .map(([name, value]) => [name, ruleOf(name, value)])
    .filter(([name, value]) => loaded.policy[String(name)] !== value));

  if (Object.keys(changes).length)
    try {
      await patch('/v1/clinic/policy', changes, loaded.etag);
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 412) await load();
      throw problem;
    }
  await load();
  saved();
  fill(el('note'), note('ok', h('p', {}, 'The policy is saved.')));
  el('note').scrollIntoView({ block: 'nearest' });
});

void limits(form).catch(() => {}); // the server judges, too
// Shown once it is read: what somebody types must not be overwritten.
await load().then(() => { form.hidden = false; }).catch((problem) => {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
});
