// The audit log for those who watch over it: in words, with what a search or a
// report needs (ids, names of events) a step behind.

import { get, query } from './api.js';
import { ACTIONS, auditFinder, ending, unnamed, whoIsIt }
  from './audit-finder.js';
import { buttonOf, copy, el, facts, fill, formOf, h, icon, inputOf, readOn,
  selectOf, table } from './dom.js';
import { takeAway } from './download.js';
import { eventWords, OUTCOMES, outcomeWords, purposeWords }
  from './event-words.js';
import { addDays, exact, isoDay, roleName, utc } from './format.js';
import { onSubmit, valuesOf, words } from './form.js';
import { proveEvent } from './proof.js';
import { prover } from './proof-view.js';
import { begin } from './session.js';

const me = await begin('audit_list');

const form = formOf('form');
const actor = auditFinder('actor', ['staff', 'patient'],
  (person) => person.actor_id);
const patient = auditFinder('patient', ['patient'],
  (person) => person.patient_id);
/** @type {any[]} */
let events = [];
/** @type {Map<string, string>} names of patients that were asked for */
const names = new Map();

/** @param {string} id @param {string} what it is the id of */
function idWithCopy(id, what) {
  const button = h('button', { type: 'button', class: 'linkish',
    'aria-label': `Copy the id of the ${what}`, onclick: async () => {
      button.textContent = await copy(id) ? 'Copied' : 'Not copied';
    } }, 'Copy');

  return h('div', {}, h('span', { class: 'mono' }, id), ' ', button);
}

/** @param {any} event */
function actorName(event) {
  if (event.actor_name) return event.actor_name;
  return unnamed(event.actor_id, event.actor_role);
}

/** @param {string} id */
const patientName = (id) => names.get(id) ?? `Patient ${ending(id)}`;

/** @param {any} event */
function details(event) {
  const { patient_id: of, record_id: record, actor_id: by } = event;
  const box = h('details', {}, h('summary', {}, 'Details'));

  box.addEventListener('toggle', () => {
    if (!box.open || box.childElementCount > 1) return;
    box.append(facts([['Number', String(event.seq)],
      ['Event', h('span', { class: 'mono' }, event.event)],
      ['Call', h('span', { class: 'mono' }, event.operation)],
      ['Outcome', h('span', { class: 'mono' }, event.outcome)],
      ['Why', purposeWords(event.purpose)],
      ['Patient', of && h('div', {}, whoIsIt(of, names), idWithCopy(of, 'patient'))],
      ['Person’s id', by && idWithCopy(by, 'person')],
      ['Record’s id', record && record !== of &&
        idWithCopy(record, 'record')],
      ['Request', idWithCopy(event.request_id, 'request')],
      ['Shown to them', event.returned?.length &&
        h('div', {}, ...event.returned.map((/** @type {string} */ id) =>
          h('div', { class: 'mono' }, id)))]]));
  });
  return box;
}

/**
 * @param {{choose: (one: {id: string, name: string}) => void}} filter
 * @param {string | null} id @param {string} name
 */
function only(filter, id, name) {
  return id && h('button', { type: 'button', class: 'linkish small',
    'aria-label': `Only these: ${name}`, onclick: () => {
      selectOf('scope').value = '';
      filter.choose({ id, name });
      scoped();
      form.requestSubmit();
    } }, 'Only these');
}

/** @param {any} event */
const proof = (event) => prover({
  label: `${eventWords(event.event)}, ${exact(event.at)}`,
  prove: () => proveEvent(event),
  right: (where) => `This event stands in the sealed log, ${where}, as it is ` +
    'shown here. Your browser computed that; it believed no server.',
  hidden: '',
  next: 'Do not rely on this list. Tell whoever runs the server to keep the ' +
    'database and its backups as they are, and to run “epionectl audit ' +
    'verify”: it names the first event that was changed.',
});

/** @param {any} event */
function cells(event) {
  const fine = event.outcome === 'ok';
  const { patient_id: of, count } = event;
  const times = count > 1 ? `, ${count} times` : '';
  const named = actorName(event);

  return [h('div', {}, exact(event.at), proof(event), details(event)),
    h('div', {}, named, h('div', { class: 'muted small' },
      event.actor_id ? roleName(event.actor_role ?? '') : ''),
    only(actor, event.actor_id, named)),
    h('div', {}, h('span', { class: 'strong' }, eventWords(event.event)),
      h('div', { class: 'muted small' },
        (ACTIONS[event.action] ?? 'Did') + times)),
    h('div', {}, of ? h('span', { class: names.has(of) ? '' : 'nowrap' },
      patientName(of)) : '–',
      of && h('div', {}, only(patient, of, patientName(of))),
      event.returned?.length ? h('div', { class: 'muted small' },
        `${event.returned.length} in the list`) : ''),
    h('div', {}, h('span', { class: `chip wrap ${fine ? 'ok' : 'bad'}` },
      icon(fine ? 'check' : 'alert'), outcomeWords(event.outcome))),
    h('span', { class: event.address.length > 15 ? 'small' : 'small nowrap' },
      event.address === 'none' ? '–' : event.address)];
}

function draw() {
  fill(el('list'), events.length ? table('Audit events, newest first',
    ['When', 'Who', 'What', 'Patient', 'Outcome', 'From'],
    events.map(cells)) : h('div', { class: 'card empty' },
    h('p', {}, 'No events. Try a longer span or fewer filters.')));
}

/** Days as people mean them: the last one is part of the span. */
function filters() {
  const { from, to, scope, ...rest } = valuesOf(form);
  const who = scope ? {} : { actor_id: actor.chosen()?.id,
    patient_id: patient.chosen()?.id };

  return { ...rest, ...who, scope, from: from
    ? utc(new Date(`${from}T00:00`)) : '',
  to: to ? utc(addDays(new Date(`${to}T00:00`), 1)) : '' };
}

/** @param {string | null} cursor */
async function page(cursor) {
  const { body } = await get('/v1/audit' +
    query({ ...filters(), limit: 50, cursor }));
  const before = cursor ? events.length : 0;

  events = cursor ? [...events, ...body.items] : body.items;
  draw();
  el('count').textContent = (events.length === 1 ? 'One event'
    : `${events.length} events`) + (body.next_cursor ? ', more to show' : '');
  fill(el('more'), body.next_cursor ? h('button', { type: 'button',
    class: 'button', onclick: () => void page(body.next_cursor)
      .catch(complain) }, 'Show older events') : null);
  if (before) readOn(el('list'), before);
}

/** @param {unknown} problem */
function complain(problem) {
  el('count').textContent = '';
  fill(el('more'));
  fill(el('list'), h('p', { class: 'error', role: 'alert' }, icon('alert'),
    words(problem)));
}

/** Nobody has a name, nor opened a record. */
function scoped() {
  el('people').hidden = selectOf('scope').value === 'nobody';
}

const copyOfLog = () => takeAway({
  path: '/v1/audit/export' + query(filters()), name: 'audit',
  wait: 'Preparing the file. A long log takes a while.',
  why: 'A copy of the log leaves the clinic’s system, so it needs a fresh code.',
  done: 'The file is among your downloads. It holds who did what: keep it ' +
    'where only those can see it who may see this page.',
  says: (...what) => fill(el('export-state'), ...what),
});

buttonOf('export').hidden = !me.may.includes('audit_export');
buttonOf('export').addEventListener('click', async () => {
  buttonOf('export').disabled = true;
  await copyOfLog();
  buttonOf('export').disabled = false;
});

onSubmit(form, async () => page(null));
selectOf('scope').addEventListener('change', scoped);
buttonOf('clear').addEventListener('click', () => {
  form.reset();
  actor.choose(null);
  patient.choose(null);
  scoped();
  inputOf('from').focus();
  void page(null).catch(complain);
});

for (const [value, text] of Object.entries(OUTCOMES))
  selectOf('outcome').append(h('option', { value }, text));
inputOf('to').max = isoDay(new Date());
inputOf('from').max = isoDay(new Date());
await page(null).catch(complain);
