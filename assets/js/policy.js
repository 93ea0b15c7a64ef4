// The clinic's rules for passwords and sessions.

import { get, patch, Problem } from './api.js';
import { el, fill, formOf, h, note } from './dom.js';
import { askBeforeLeaving, onSubmit, words } from './form.js';
import { limits } from './limits.js';
import { begin } from './session.js';

await begin('policy_patch');

const forms = [formOf('form'), formOf('proof')];
/** @type {{policy: Record<string, number | string | null>, etag: string}} */
let loaded = { policy: {}, etag: '' };

/** @param {HTMLFormElement[]} shown those whose fields take what is read */
async function load(shown) {
  const { body, etag } = await get('/v1/clinic/policy');

  loaded = { policy: body, etag };
  for (const field of shown.flatMap((form) => [...form.elements]))
    if ((field instanceof HTMLInputElement ||
         field instanceof HTMLSelectElement) && field.name in body)
      field.value = String(body[field.name] ?? '');
}

/** @param {string} name @param {unknown} value as the policy has it */
const ruleOf = (name, value) => name === 'checkpoint_mail'
  ? String(value) || null : Number(value);

/** @param {HTMLFormElement} form @param {Record<string, unknown>} values */
async function save(form, values) {
  const changes = Object.fromEntries(Object.entries(values)
    .map(([name, value]) => [name, ruleOf(name, value)])
    .filter(([name, value]) => loaded.policy[String(name)] !== value));

  if (Object.keys(changes).length)
    try {
      await patch('/v1/clinic/policy', changes, loaded.etag);
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 412)
        await load([form]);
      throw problem;
    }
  await load([form]);
}

for (const form of forms) {
  const saved = askBeforeLeaving(form);

  onSubmit(form, async (values) => {
    await save(form, values);
    saved();
    fill(el('note'), note('ok', h('p', {}, 'The policy is saved.')));
    el('note').scrollIntoView({ block: 'nearest' });
  });
  void limits(form).catch(() => {}); // the server judges, too
}

// Shown once it is read: what somebody types must not be overwritten.
await load(forms).then(() => {
  for (const form of forms) form.hidden = false;
}).catch((problem) => {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
});
