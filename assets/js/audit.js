// The audit log for those who watch over it.

import { get, query } from './api.js';
import { buttonOf, el, fill, formOf, h, icon, inputOf, selectOf, table }
  from './dom.js';
import { addDays, exact, isoDay, roleName, utc } from './format.js';
import { onSubmit, valuesOf, words } from './form.js';
import { begin } from './session.js';

await begin(['compliance']);

const form = formOf('form');
/** @type {any[]} */
let events = [];

const ACTIONS = /** @type {Record<string, string>} */ ({ C: 'Created',
  R: 'Read', U: 'Changed', D: 'Deleted', E: 'Done' });

/** @param {any} event */
const wasFine = (event) => ['ok', '0', 'success'].includes(event.outcome);

/** @param {string | null} id @param {string} field of the filter */
function idLink(id, field) {
  return id ? h('button', { type: 'button', class: 'linkish mono',
    title: id, 'aria-label': `Show only ${id}`, onclick: () => {
      inputOf(field).value = id;
      form.requestSubmit();
    } }, id.slice(0, 8)) : '–';
}

/** @param {any} event */
function cells(event) {
  const fine = wasFine(event);
  const who = h('div', {}, event.actor_name ? `${event.actor_name} ` : '',
    idLink(event.actor_id, 'actor'), h('div', { class: 'muted small' },
      event.actor_role ? roleName(event.actor_role) : 'Not signed in'));
  const what = h('div', {}, h('span', { class: 'strong' },
    event.event.replace(/[._]/g, ' ')), h('div', { class: 'muted small' },
    ACTIONS[event.action] ?? event.action));

  return [h('div', {}, exact(event.at), h('div', { class: 'muted small' },
    `No. ${event.seq}`)), who, what, h('div', {}, idLink(event.patient_id,
    'patient'), event.returned?.length ? h('div', { class: 'muted small' },
    `${event.returned.length} returned`) : ''),
  h('span', { class: `chip ${fine ? 'ok' : 'bad'}` },
    icon(fine ? 'check' : 'alert'), fine ? 'Succeeded'
      : event.outcome.replace(/_/g, ' ')),
  h('span', { class: 'small nowrap' }, event.address ?? '')];
}

function draw() {
  fill(el('list'), events.length ? table('Audit events, newest first',
    ['When', 'Who', 'What', 'Patient', 'Outcome', 'From'],
    events.map(cells)) : h('div', { class: 'card empty' },
    h('p', {}, 'No events. Try a longer span or fewer filters.')));
}

/** Days as people mean them: the last one is part of the span. */
function filters() {
  const { from, to, ...rest } = valuesOf(form);

  return { ...rest, from: from ? utc(new Date(`${from}T00:00`)) : '',
    to: to ? utc(addDays(new Date(`${to}T00:00`), 1)) : '' };
}

/** @param {string | null} cursor */
async function page(cursor) {
  const { body } = await get('/v1/audit' +
    query({ ...filters(), limit: 50, cursor }));

  events = cursor ? [...events, ...body.items] : body.items;
  draw();
  el('count').textContent = `${events.length} events` +
    (body.next_cursor ? ', more to show' : '');
  fill(el('more'), body.next_cursor ? h('button', { type: 'button',
    class: 'button', onclick: () => void page(body.next_cursor)
      .catch(complain) }, 'Show older events') : null);
}

/** @param {unknown} problem */
function complain(problem) {
  fill(el('list'), h('p', { class: 'error', role: 'alert' }, icon('alert'),
    words(problem)));
}

onSubmit(form, async () => page(null));
buttonOf('reset').addEventListener('click', () => {
  form.reset();
  selectOf('action').focus();
  void page(null).catch(complain);
});

inputOf('to').max = isoDay(new Date());
inputOf('from').max = isoDay(new Date());
await page(null).catch(complain);
