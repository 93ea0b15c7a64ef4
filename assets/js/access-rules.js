// The rules for unusual access: on or off, how much is too much, and what each came to.
//= AU-07

import { get, patch, Problem } from './api.js';
import { el, fill, formOf, h, note } from './dom.js';
import { askBeforeLeaving, onSubmit, words } from './form.js';

/** @typedef {{name: string, title: string, enabled: boolean, threshold: number,
 *   least: number, most: number, unit: string, found: number, reviewed: number,
 *   justified: number}} Rule */

const form = formOf('rules');
/** @type {{items: Rule[], etag: string}} */
let loaded = { items: [], etag: '' };

/** What a rule came to. @param {Rule} rule @param {number} weeks */
function rate(rule, weeks) {
  const weekly = (rule.found / weeks).toFixed(1);

  return `${weekly} a week in the last ${weeks} weeks` + (rule.reviewed
    ? `; ${Math.round(100 * rule.justified / rule.reviewed)} % of ` +
      `${rule.reviewed} reviewed were justified` : '; none reviewed yet');
}

/** @param {Rule} rule @param {number} weeks */
function row(rule, weeks) {
  const { name } = rule, about = `${name}-rate`;

  return h('fieldset', { class: 'stack-s' }, h('legend', {}, rule.title),
    h('p', { class: 'hint', id: about }, rate(rule, weeks)),
    h('div', { class: 'row' },
      h('div', { class: 'field' }, h('label', { for: `${name}-enabled` },
        `Looked for: ${rule.title}`),
      h('select', { id: `${name}-enabled`, name: `${name}.enabled`,
        required: true,
        'aria-describedby': about },
      h('option', { value: 'true', selected: rule.enabled }, 'Yes'),
      h('option', { value: 'false', selected: !rule.enabled }, 'No'))),
      h('div', { class: 'field' }, h('label', { for: `${name}-threshold` },
        `${rule.unit.charAt(0).toUpperCase()}${rule.unit.slice(1)}`),
      h('input', { id: `${name}-threshold`, name: `${name}.threshold`,
        type: 'number', min: String(rule.least), max: String(rule.most),
        required: true, value: String(rule.threshold), 'aria-describedby': about,
        'data-invalid': `Enter ${rule.least} to ${rule.most}` }))));
}

async function load() {
  const { body, etag } = await get('/v1/access-rules');

  loaded = { items: body.items, etag };
  fill(el('rule-list'), ...loaded.items.map((rule) => row(rule, body.weeks)));
}

/** What differs from what was read. */
function changes() {
  const data = new FormData(form);

  return Object.fromEntries(loaded.items.flatMap((rule) => {
    const enabled = data.get(`${rule.name}.enabled`) === 'true';
    const threshold = Number(data.get(`${rule.name}.threshold`));

    return enabled === rule.enabled && threshold === rule.threshold ? []
      : [[rule.name, { enabled, threshold }]];
  }));
}

const saved = askBeforeLeaving(form);

onSubmit(form, async () => {
  const changed = changes();

  if (Object.keys(changed).length)
    try {
      await patch('/v1/access-rules', changed, loaded.etag);
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 412) await load();
      throw problem;
    }
  await load();
  saved();
  fill(el('note'), note('ok', h('p', {}, 'The rules are saved.')));
  el('note').scrollIntoView({ block: 'nearest' });
});

await load().then(() => { form.hidden = false; }).catch((problem) => {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
});
