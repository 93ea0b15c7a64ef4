// One incident: what is known, how it is judged, until when whom to tell, and what
// was done. What is written down stays.
//= OP-05, PR-07, PR-08

import { all, get, patch, post } from './api.js';
import { auditFinder, unnamed } from './audit-finder.js';
import { ask } from './dialog.js';
import { announce, el, facts, fill, h, icon, note } from './dom.js';
import { exact, isoDay, utc } from './format.js';
import { fieldOf, markRequired, onSubmit, words } from './form.js';
import { ACTS, CONCLUSIONS, FACTORS, FINDINGS, KINDS, NOTICES, dayWords, dueWords }
  from './incident-words.js';
import { limits } from './limits.js';
import { begin } from './session.js';

await begin('incident_list');

const id = new URLSearchParams(location.search).get('id') ?? '';
const path = `/v1/incidents/${encodeURIComponent(id)}`;
const ACTIONS = 'POST /v1/incidents/{id}/actions';
/** @type {{incident: any, etag: string}} */
let loaded = { incident: {}, etag: '' };

/** @param {unknown} problem */
const complain = (problem) => fill(el('note'),
  note('bad', h('p', { role: 'alert' }, typeof problem === 'string' ? problem
    : words(problem))));

/** @type {(name: string, title: string, hint: string, input: HTMLElement) => HTMLElement} */
const field = (...what) => fieldOf('field', ...what);

/** @param {string} [value] @param {boolean} [required] */
const lines = (value = '', required = true) => {
  const area = h('textarea', { required, rows: '4' });

  area.value = value;
  return area;
};

/** @param {Record<string, string>} choices @param {string} [chosen] */
const select = (choices, chosen = '') => h('select', { required: true },
  h('option', { value: '' }, 'Choose'),
  ...Object.entries(choices).map(([value, text]) => h('option', { value,
    selected: value === chosen }, text)));

/**
 * A form in a dialog; when what it does is done, the page shows how things stand.
 * @param {{title: string, call: string, yes: string, fields: HTMLElement[],
 *   work: (values: Record<string, string>) => Promise<unknown>}} what
 */
function dialogOf({ title, call, yes, fields, work }) {
  const form = h('form', { 'data-call': call },
    h('h2', { id: 'dialog-title' }, title), ...fields,
    h('div', { class: 'actions' },
      h('button', { type: 'submit', class: 'button primary' }, yes),
      h('button', { type: 'button', class: 'button',
        onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'dialog-title' }, form);

  markRequired(form);
  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async (values) => {
    await work(values);
    dialog.close();
    announce('Written down');
    await load();
  });
  return ask(dialog);
}

/** @param {string} title @param {string} kind @param {HTMLElement[]} before
 * @param {(values: Record<string, string>) => Record<string, string | undefined>} [more] */
function act(title, kind, before, more = () => ({})) {
  const key = crypto.randomUUID();

  return dialogOf({ title, call: ACTIONS, yes: 'Write down', fields: [...before,
    field('text', 'What to write down', 'It cannot be changed afterwards.', lines())],
  work: ({ kind: chosen, text, finding, until, ...rest }) =>
    post(`${path}/actions`, { kind: chosen ?? kind, text,
      ...(finding ? { finding } : {}), ...(until ? { until } : {}), ...more(rest) },
    { key }) });
}

/** @param {string} name of a factor */
const judge = (name) => act(FACTORS[name]?.[0] ?? '', name, [
  h('p', {}, FACTORS[name]?.[1] ?? ''),
  field('finding', 'What do you find?', '', select(FINDINGS))]);

/** @param {string} whom */
const told = (whom) => act(`Told: ${NOTICES[whom]?.toLowerCase()}`, `notice_${whom}`, [
  field('on', 'On the day', '', h('input', { type: 'date', required: true,
    max: isoDay(new Date()), value: isoDay(new Date()) }))],
({ on = '' }) => on === isoDay(new Date()) ? {}
  : ({ at: utc(new Date(`${on}T12:00`)) }));

function add() {
  const until = field('until', 'Until', 'Of a delay that the police asked for',
    h('input', { type: 'date' }));
  const kind = select(Object.fromEntries(['note', 'detection', 'containment',
    'recovery', 'delay'].map((name) => [name, ACTS[name] ?? name])), 'note');
  const show = () => {
    const input = until.querySelector('input');

    until.hidden = kind.value !== 'delay';
    if (input) input.disabled = until.hidden;
    if (input) input.required = !until.hidden;
  };

  kind.addEventListener('change', show);
  show();
  return act('What was done?', '', [field('kind', 'Kind', '', kind), until]);
}

/** @param {string | undefined} text */
const number = (text) => text ? Number(text) : null;

function edit() {
  const i = loaded.incident;
  const count = (/** @type {number | null} */ value) => h('input', { type: 'number',
    min: '0', inputmode: 'numeric', value: value === null ? '' : String(value),
    'data-invalid': 'Enter a number; of one state there cannot be more than of all' });

  return dialogOf({ title: 'What is known', call: 'PATCH /v1/incidents/{id}', yes: 'Save',
    fields: [field('title', 'Title', '', h('input', { type: 'text', required: true,
      autocomplete: 'off', value: i.title ?? '' })),
    field('description', 'What happened', '', lines(i.description ?? '', false)),
    field('affected', 'How many people', 'Leave it empty while nobody knows', count(i.affected)),
    field('in_state', 'Of them, in the state where most live', '', count(i.in_state))],
    work: ({ title, description, affected, in_state }) => patch(path, { title,
      description: description || null, affected: number(affected),
      in_state: number(in_state) }, loaded.etag) });
}

const close = () => dialogOf({ title: 'Close this incident?', yes: 'Close it for good',
  call: 'POST /v1/incidents/{id}/close', fields: [
    field('conclusion', 'What was it?', '', select(CONCLUSIONS)),
    field('outcome', 'Outcome', 'What follows from it. Nothing can be added afterwards.',
      lines())],
  work: (values) => post(`${path}/close`, values) });

/** @param {string} text @param {() => unknown} work @param {string} [label] */
const button = (text, work, label) => h('button', { type: 'button', class: 'button',
  'aria-label': label ?? null, onclick: () => void work() }, text);

/** @param {string} part @param {string} title @param {...import('./dom.js').Child} inner */
const card = (part, title, ...inner) => h('section', { class: 'card',
  'aria-labelledby': `${part}-title` }, h('h2', { id: `${part}-title` }, title), ...inner);

/** @param {any} i */
const known = (i) => card('known', 'What is known', facts([['Kind', KINDS[i.kind]],
  ['What happened', i.description], ['Discovered', exact(i.discovered_at)],
  ['People', i.affected === null ? 'Not known yet: counted as many' : String(i.affected)],
  ['In one state', i.in_state === null ? '' : String(i.in_state)],
  ['Written down by', i.opened_by.display_name],
  ['Conclusion', i.conclusion ? CONCLUSIONS[i.conclusion] : ''], ['Outcome', i.outcome],
  ['Closed', i.closed_at ? `${exact(i.closed_at)}, ${i.closed_by.display_name ?? ''}` : '']]));

/** @param {any} i @param {string} whom */
function noticeRow(i, whom) {
  const title = NOTICES[whom] ?? whom;
  const notice = i[whom];
  const [kind, text] = notice ? dueWords(notice) : ['', 'None is due'];

  return h('li', {}, h('div', { class: 'what' }, h('span', { class: 'name' }, title),
    h('span', { class: `chip wrap ${kind}` }, icon(kind === 'ok' ? 'check' : 'clock'), text),
    notice ? h('span', { class: 'sub' }, `By ${dayWords(notice.due_on)} at the latest`) : null),
  i.state === 'open' && notice && !notice.given_on ? h('div', { class: 'do' },
    button('Note that it was given', () => told(whom), `Note that it was given: ${title}`)) : null);
}

/** @param {any} i */
const notices = (i) => card('notices', 'Who is to be told', h('ul', { class: 'rows plain' },
  ...Object.keys(NOTICES).map((whom) => noticeRow(i, whom))),
i.delay_on ? h('p', { class: 'muted' }, `The police asked to wait until ${dayWords(i.delay_on)}.`)
  : null, h('p', {}, h('a', { href: '/reports?name=breach_scope' }, 'Whom it concerns')));

/** @param {any} i @param {string} name */
function factorRow(i, name) {
  const [title, question] = FACTORS[name] ?? ['', ''];
  const finding = i.factors[name];

  return h('li', {}, h('div', { class: 'what' }, h('span', { class: 'name' }, title),
    h('span', { class: `chip ${finding === 'lowers' ? 'ok' : 'warn'}` },
      icon(finding === 'lowers' ? 'check' : 'info'), FINDINGS[finding] ?? 'Not judged yet'),
    h('span', { class: 'sub' }, question)), i.state === 'open' ? h('div', { class: 'do' },
    button(finding ? 'Judge anew' : 'Judge', () => judge(name),
      `${finding ? 'Judge anew' : 'Judge'}: ${title}`)) : null);
}

/** @param {any} i */
const factors = (i) => card('factors', 'The four factors', h('p', { class: 'muted' },
  'It is a breach unless these show a low probability that data were compromised.'),
h('ul', { class: 'rows plain' }, ...Object.keys(FACTORS).map((name) => factorRow(i, name))));

/** @param {any} e */
const entryRow = (e) => h('li', {}, h('div', { class: 'what' },
  h('span', { class: 'name' }, ACTS[e.kind] ?? e.kind),
  e.finding ? h('span', { class: 'chip' }, FINDINGS[e.finding] ?? '') : null,
  e.until ? h('span', { class: 'chip' }, `Until ${dayWords(e.until)}`) : null,
  h('span', { class: 'sub lines' }, e.text),
  h('span', { class: 'sub' }, `${exact(e.at)}, ${e.actor.display_name ?? 'Somebody'}`)));

/** @param {any} i @param {any[]} entries */
const timeline = (i, entries) => card('timeline', 'What was done', entries.length
  ? h('ul', { class: 'rows plain' }, ...entries.map(entryRow))
  : h('p', { class: 'muted' }, 'Nothing yet.'), i.state === 'open'
  ? h('div', { class: 'actions' }, button('Add what was done', add)) : null);

/** @param {any} l */
const linkRow = (l) => h('li', {}, h('div', { class: 'what' }, h('span', {},
  l.kind === 'event' ? `Event ${l.seq} of the log`
    : l.account ? l.account.display_name ?? unnamed(l.account.id, null)
      : unnamed(l.patient_id, 'patient')), h('span', { class: 'sub' }, exact(l.created_at))));

/** @param {Record<string, unknown>} body */
async function link(body) {
  await post(`${path}/links`, body, { key: crypto.randomUUID() });
  await load();
  announce('Added');
}

/** Whoever is found and chosen, or an event by its number. */
function linkForm() {
  const form = h('form', { 'data-call': 'POST /v1/incidents/{id}/links' },
    field('seq', 'Number of an event', 'As the page Audit shows it',
      h('input', { type: 'number', min: '1', inputmode: 'numeric', required: true,
        'data-missing': 'Enter the number of an event',
        'data-invalid': 'There is no such event in the log of your clinic' })),
    h('div', { class: 'actions' }, h('button', { type: 'submit', class: 'button' },
      'Add the event')));

  onSubmit(form, async ({ seq }) => link({ seq: Number(seq) }));
  return h('div', { class: 'stack-s' }, form, h('div', { class: 'field' },
    h('label', { for: 'person' }, 'Person'), h('p', { class: 'hint', id: 'person-hint' },
      'Who works here, or a patient. Patients see that you looked, and that they ' +
      'have to do with an incident.'),
    h('div', { class: 'actions' }, h('input', { id: 'person', type: 'search',
      autocomplete: 'off', 'aria-describedby': 'person-hint' }),
    h('button', { type: 'button', class: 'button', id: 'person-find' }, 'Find person')),
    h('div', { id: 'person-found' })), h('div', { class: 'actions' },
    button('Add the person', () => {
      const chosen = person?.chosen();

      if (!chosen) return complain('Find and choose the person first.');
      const [what = '', whose] = chosen.id.split(' ');
      return link({ [what]: whose }).catch(complain);
    })));
}

/** @type {ReturnType<typeof auditFinder> | null} */
let person = null;

/** @param {any} i @param {any[]} links */
const linked = (i, links) => card('links', 'What has to do with it', links.length
  ? h('ul', { class: 'rows plain' }, ...links.map(linkRow))
  : h('p', { class: 'muted' }, 'Nothing yet.'), i.state === 'open' ? linkForm() : null);

async function load() {
  const { body: i, etag } = await get(path);
  const [entries, links] = await Promise.all([all(`${path}/actions`, {}),
    all(`${path}/links`, {})]);

  loaded = { incident: i, etag };
  el('title').textContent = i.title ?? 'Incident';
  fill(el('note'));
  fill(el('page-actions'), i.state === 'open' && button('Change what is known', edit),
    i.state === 'open' && button('Close', close));
  fill(el('view'), known(i), notices(i), factors(i), timeline(i, entries), linked(i, links));
  if (i.state === 'open')
    person = auditFinder('person', ['staff', 'patient'], (one) =>
      one.patient_id ? `patient_id ${one.patient_id}` : `account_id ${one.actor_id}`);
}

await load().catch((problem) => {
  fill(el('view')); // there is nothing of it
  complain(problem);
});
