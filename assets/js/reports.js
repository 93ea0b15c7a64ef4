// The officer's reports: which there are, and one of them, whose form and table
// are made of what the server says of it.

import { Problem, get, query } from './api.js';
import { ACTIONS, auditFinder, ending, unnamed, whoIsIt }
  from './audit-finder.js';
import { buttonOf, el, fill, formOf, h, icon, readOn, table } from './dom.js';
import { takeAway } from './download.js';
import { eventWords, outcomeWords, purposeWords } from './event-words.js';
import { addDays, exact, isoDay, money, roleName, utc } from './format.js';
import { clearErrors, onSubmit, showProblem, valuesOf, words } from './form.js';
import { FORMATS, makeFile, showFiles } from './report-files.js';
import { begin } from './session.js';

/**
 * @typedef {object} Parameter
 * @property {string} name
 * @property {string} title
 * @property {'time'|'account'|'patient'|'instant'|'session'|'network'|'int'|'choice'} kind
 * @property {boolean} required
 * @property {boolean} one of those that say so one is given
 * @property {number | null} min
 * @property {number | null} max
 * @property {string[]} choices
 * @property {string | null} default
 */

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} title
 * @property {string} kind
 */

/**
 * @typedef {object} Report
 * @property {string} name
 * @property {string} title
 * @property {string} description the question that it answers
 * @property {string} safeguards the rule that it serves
 * @property {number} period_days
 * @property {Parameter[]} parameters
 * @property {Column[]} columns
 */

await begin('report_list');

/** How far back a report looks unless somebody says otherwise, in days. */
const SPAN_DAYS = 30;

const CHOICES = /** @type {Record<string, string>} */ ({ ...ACTIONS,
  staff: 'Who works here', patients: 'Patients' });

/** @type {Map<string, ReturnType<typeof auditFinder>>} */
const finders = new Map();
/** @type {Map<string, string>} names of patients that were asked for */
const names = new Map();
/** @type {any[]} */
let rows = [];

/** @param {Report} report */
const entry = (report) => h('li', {}, h('div', { class: 'what' },
  h('a', { class: 'name', href: `/reports?name=${report.name}` },
    report.title),
  h('span', { class: 'sub' }, report.description),
  h('span', { class: 'sub' }, report.safeguards)));

/** @param {Report[]} reports */
function drawAll(reports) {
  const sorted = [...reports].sort((a, b) => a.title.localeCompare(b.title));

  fill(el('all'), h('ul', { class: 'rows plain' }, ...sorted.map(entry)));
}

/** @param {string} id @param {string} title @param {...Node} inner */
const field = (id, title, ...inner) => h('div', { class: 'field' },
  h('label', { for: id }, title), ...inner);

/** @param {Parameter} p @param {Report} report */
function timeField(p, report) {
  const first = p.name === 'from';
  const hint = h('p', { class: 'hint', id: `${p.name}-hint` }, first
    ? `${report.period_days} days at most` : 'That day is part of it');

  return field(p.name, p.title, hint, h('input', { id: p.name, name: p.name,
    type: 'date', required: true, max: isoDay(new Date()),
    value: isoDay(first ? addDays(new Date(), -SPAN_DAYS) : new Date()),
    'aria-describedby': `${p.name}-hint`,
    'data-invalid': first ? `Choose a day before the last one, ${
      report.period_days} days at most` : 'Choose a day after the first one' }));
}

/** @param {Parameter} p */
const numberField = (p) => field(p.name, p.title,
  h('p', { class: 'hint', id: `${p.name}-hint` }, `${p.min} to ${p.max}`),
  h('input', { id: p.name, name: p.name, type: 'number', required: true,
    min: String(p.min), max: String(p.max), value: p.default ?? '',
    'aria-describedby': `${p.name}-hint`,
    'data-invalid': `Enter ${p.min} to ${p.max}` }));

/** @param {Parameter} p */
const choiceField = (p) => field(p.name, p.title,
  h('select', { id: p.name, name: p.name },
    p.default === null && h('option', { value: '' }, 'All'),
    ...p.choices.map((value) => h('option', { value,
      selected: value === p.default }, CHOICES[value] ?? value))));

/** @param {Parameter} p who is found by name */
const personField = (p) => field(p.name, p.title,
  h('p', { class: 'hint', id: `${p.name}-hint` }, p.kind === 'patient'
    ? 'A patient’s name. Whom you find sees that you looked.'
    : 'A name, or the beginning of one. Who works here, or a patient.'),
  h('div', { class: 'actions' }, h('input', { id: p.name, type: 'search',
    autocomplete: 'off', spellcheck: 'false',
    'aria-describedby': `${p.name}-hint` }),
  h('button', { type: 'button', class: 'button', id: `${p.name}-find` },
    p.kind === 'patient' ? 'Find patient' : 'Find person')),
  h('div', { id: `${p.name}-found` }));

const HINTS = /** @type {Record<string, string>} */ ({
  session: 'The 16 digits that the page Audit shows of it',
  network: 'Like 203.0.113.7, or a whole network like 203.0.113.0/24',
  instant: 'In your own time zone' });

/** @param {Parameter} p a moment, a session, an address */
const plainField = (p) => field(p.name, p.title,
  h('p', { class: 'hint', id: `${p.name}-hint` }, HINTS[p.kind] ?? ''),
  h('input', { id: p.name, name: p.name, required: p.one, autocomplete: 'off',
    spellcheck: 'false', type: p.kind === 'instant' ? 'datetime-local' : 'text',
    'aria-describedby': `${p.name}-hint`,
    'data-missing': `Enter the ${p.title.toLowerCase()}`,
    'data-invalid': `Enter it ${p.kind === 'session' ? 'as the log shows it'
      : 'in full'}` }));

/** @param {Parameter} p @param {Report} report */
function fieldOf(p, report) {
  if (HINTS[p.kind]) return plainField(p);
  if (p.kind === 'time') return timeField(p, report);
  if (p.kind === 'int') return numberField(p);
  return p.kind === 'choice' ? choiceField(p) : personField(p);
}

/** Which of several parameters is given; '' where a report has none such. */
const given = () => {
  const which = document.getElementById('which');

  return which instanceof HTMLSelectElement ? which.value : '';
};

/** Of these somebody chooses one, and gives that alone.
 * @param {Parameter[]} ones @param {Report} report */
function oneOf(ones, report) {
  const places = ones.map((p) => h('div', { class: 'by-label' },
    fieldOf(p, report)));
  const which = h('select', { id: 'which', onchange: () => show() },
    ...ones.map((p) => h('option', { value: p.name }, p.title)));
  const show = () => places.forEach((place, i) => {
    place.hidden = ones[i]?.name !== which.value;
    for (const input of place.querySelectorAll('input'))
      input.disabled = place.hidden;
  });

  show();
  return h('div', { class: 'row by-label' }, field('which', 'Found by', which),
    ...places);
}

/** @param {Report} report */
function drawForm(report) {
  const ones = report.parameters.filter((p) => p.one);
  const people = report.parameters.filter((p) =>
    ['account', 'patient'].includes(p.kind));
  const alone = people.filter((p) => !p.one);
  const rest = report.parameters.filter((p) => !people.includes(p) && !p.one);

  fill(el('fields'),
    rest.length > 0 && h('div', { class: 'row' },
      ...rest.map((p) => fieldOf(p, report))),
    ones.length > 0 && oneOf(ones, report),
    alone.length > 0 && h('div', { class: 'row by-label' },
      ...alone.map((p) => fieldOf(p, report))));
  for (const p of people)
    finders.set(p.name, p.kind === 'patient'
      ? auditFinder(p.name, ['patient'], (person) => person.patient_id)
      : auditFinder(p.name, ['staff', 'patient'], (person) => person.actor_id));
}

/** What is missing of whom somebody has to choose; '' for nothing.
 * @param {Report} report */
function missing(report) {
  const p = report.parameters.find((one) =>
    (one.required || one.name === given()) && finders.has(one.name) && !finders.get(one.name)?.chosen());

  return p ? `Find and choose the ${p.title.toLowerCase()} first.` : '';
}

/** Days as people mean them: the last one is part of the span.
 * @param {Report} report */
function asked(report) {
  const { from, to, ...rest } = valuesOf(formOf('form'));
  const chosen = report.parameters.filter((p) => finders.has(p.name) &&
    (!p.one || p.name === given())).map((p) =>
    [p.name, finders.get(p.name)?.chosen()?.id]);
  const instants = report.parameters.filter((p) => p.kind === 'instant' &&
    rest[p.name]).map((p) => [p.name, utc(new Date(rest[p.name] ?? ''))]);

  return { ...rest, ...Object.fromEntries([...chosen, ...instants]),
    from: from && utc(new Date(`${from}T00:00`)),
    to: to && utc(addDays(new Date(`${to}T00:00`), 1)) };
}

/** Ids that a name stands for are left to the file.
 * @param {Report} report */
const shown = (report) => report.columns.filter((c, i) =>
  c.kind !== 'account' || report.columns[i + 1]?.kind !== 'name');

/** @param {Report} report @param {Column} c @param {any} row */
function personOf(report, c, row) {
  const id = row[report.columns[report.columns.indexOf(c) - 1]?.name ?? ''];

  if (row[c.name]) return row[c.name];
  return id || c.name === 'actor_name' ? unnamed(id, row.actor_role) : '–';
}

/** @type {Record<string, (value: any) => import('./dom.js').Child>} */
const KINDS = {
  time: (value) => h('span', { class: 'nowrap' }, exact(value)),
  event: eventWords,
  outcome: outcomeWords,
  role: roleName,
  bool: (value) => value ? 'Yes' : 'No',
  int: String,
  uuid: (id) => h('span', { class: 'nowrap' }, ending(id)),
  account: (id) => unnamed(id, null),
  patient: (id) => h('div', {}, names.get(id) ?? `Patient ${ending(id)}`,
    !names.has(id) && whoIsIt(id, names)),
};

/** @param {Report} report @param {Column} c @param {any} row */
function cell(report, c, row) {
  const value = row[c.name];

  if (c.kind === 'name') return personOf(report, c, row);
  if (value === null || value === '') return '–';
  if (c.name.endsWith('_minor')) return money(value, row.currency);
  if (c.name === 'purpose') return purposeWords(value);
  return KINDS[c.kind]?.(value) ?? value;
}

/** @param {Report} report */
function drawRows(report) {
  const columns = shown(report);

  fill(el('list'), rows.length ? h('div', { class: 'wide', role: 'region',
    tabindex: '0', 'aria-label': 'Lines of the report' },
    table(report.title, columns.map((c) => c.title),
      rows.map((row) => columns.map((c) => cell(report, c, row)))))
    : h('div', { class: 'card empty' }, h('p', {}, report.period_days
      ? 'Nothing in this time.' : 'Nothing here.')));
}

/** @param {Report} report @param {string | null} cursor */
async function run(report, cursor) {
  const { body } = await get(`/v1/reports/${report.name}` +
    query({ ...asked(report), limit: 50, cursor }));
  const before = cursor ? rows.length : 0;

  rows = cursor ? [...rows, ...body.items] : body.items;
  drawRows(report);
  el('count').textContent = (rows.length === 1 ? 'One line'
    : `${rows.length} lines`) + (body.next_cursor ? ', more to show' : '');
  fill(el('more'), body.next_cursor && h('button', { type: 'button',
    class: 'button', onclick: () => void run(report, body.next_cursor)
      .catch(complain) }, 'Show more'));
  if (before) readOn(el('list'), before);
}

/** @param {unknown} problem */
function complain(problem) {
  const text = typeof problem === 'string' ? problem : words(problem);

  rows = [];
  el('count').textContent = '';
  fill(el('more'));
  fill(el('list'), h('p', { class: 'error', role: 'alert' }, icon('alert'),
    text));
}

/** @param {Report} report */
const copyOf = (report) => takeAway({
  path: `/v1/reports/${report.name}${query(asked(report))}`, accept: 'text/csv',
  name: report.name, wait: 'Preparing the file. A long one takes a while.',
  why: 'A copy leaves the clinic’s system, so it needs a fresh code.',
  done: 'The file is among your downloads. Patients are in it by their ids: ' +
    'keep it where only those can see it who may see this page.',
  says: (...what) => fill(el('export-state'), ...what),
});

/** What the body of a request takes: nothing that was left open, and numbers as
 * such. @param {Report} report */
const parametersOf = (report) => Object.fromEntries(Object.entries(asked(report))
  .filter(([, value]) => value !== undefined && value !== '')
  .map(([name, value]) => [name,
    report.parameters.find((p) => p.name === name)?.kind === 'int'
      ? Number(value) : value]));

/** @param {Report} report */
function drawMaking(report) {
  fill(el('format'), ...Object.entries(FORMATS).map(([value, title]) =>
    h('option', { value }, title)));
  onSubmit(formOf('make'), async () => {
    if (missing(report)) return complain(missing(report));
    clearErrors(formOf('form'));
    try {
      await makeFile(report.name, String(valuesOf(formOf('make')).format),
        parametersOf(report), crypto.randomUUID());
    } catch (problem) {
      if (!(problem instanceof Problem &&
          problem.field.startsWith('parameters.'))) throw problem;
      showProblem(formOf('form'), problem);
    }
  });
}

/** @param {Report} report */
function drawOne(report) {
  el('title').textContent = report.title;
  document.title = document.title.replace('Reports', report.title);
  fill(el('lead'), report.description,
    h('span', { class: 'below muted small' }, report.safeguards));
  el('all').hidden = true;
  el('one').hidden = false;
  drawForm(report);
  drawMaking(report);
  onSubmit(formOf('form'), async () => missing(report)
    ? complain(missing(report)) : run(report, null));
  buttonOf('export').addEventListener('click', async () => {
    if (missing(report)) return complain(missing(report));
    buttonOf('export').disabled = true;
    await copyOf(report);
    buttonOf('export').disabled = false;
  });
}

const { body: { items } } = await get('/v1/reports');
const name = new URLSearchParams(location.search).get('name');
const one = items.find((/** @type {Report} */ report) => report.name === name);

if (one) drawOne(one);
else drawAll(items);
await showFiles(new Map(items.map((/** @type {Report} */ report) =>
  [report.name, report.title])));
