// What went wrong: what is open with its deadlines, what is closed, and a new one.
//= OP-05, PR-07

import { get, post, query } from './api.js';
import { ask } from './dialog.js';
import { buttonOf, el, fill, h, icon, note, put } from './dom.js';
import { exact, longDay, utc } from './format.js';
import { onSubmit, words } from './form.js';
import { CONCLUSIONS, KINDS, NOTICES, dueWords } from './incident-words.js';
import { limits } from './limits.js';
import { begin } from './session.js';

await begin('incident_list');

/** @param {unknown} problem */
const complain = (problem) => fill(el('note'),
  note('bad', h('p', { role: 'alert' }, words(problem))));

/** @param {any} item */
const deadlines = (item) => Object.entries(NOTICES).filter(([whom]) =>
  item[whom] && (item.state === 'open' || item[whom].given_on))
  .map(([whom, title]) => {
    const [kind, text] = dueWords(item[whom]);

    return h('span', { class: `chip wrap ${kind}` },
      icon(kind === 'ok' ? 'check' : 'clock'), `${title}: ${text.toLowerCase()}`);
  });

/** @param {any} item */
const row = (item) => h('li', {}, h('div', { class: 'what' },
  h('a', { class: 'name', href: `/incident?id=${item.id}` },
    item.title ?? 'Without a title'),
  h('span', { class: 'sub' }, `${KINDS[item.kind]}. Discovered ${
    longDay(item.discovered_at)}` + (item.affected === null ? '' : `, ${
    item.affected === 1 ? 'one person' : `${item.affected} people`}`)),
  item.conclusion ? h('span', { class: 'sub' },
    `${CONCLUSIONS[item.conclusion]}. Closed ${exact(item.closed_at)}`) : null,
  ...deadlines(item)));

/** @param {string} state @param {string} none */
async function list(state, none) {
  const rows = h('ul', { class: 'rows plain' });
  /** @param {string | null} cursor */
  const more = async (cursor) => {
    const { body } = await get('/v1/incidents' + query({ state, cursor }));

    put(rows, ...body.items.map(row));
    fill(el(`${state}-more`), body.next_cursor ? h('button', { type: 'button',
      class: 'button', onclick: () => void more(body.next_cursor)
        .catch(complain) }, 'Show more') : null);
  };

  await more(null);
  fill(el(state), rows.children.length ? rows
    : h('p', { class: 'muted' }, none));
}

function opening() {
  const key = crypto.randomUUID();
  const form = h('form', { 'data-call': 'POST /v1/incidents' },
    h('h2', { id: 'new-title' }, 'What went wrong?'),
    h('div', { class: 'field' }, h('label', { for: 'kind' }, 'Kind'),
      h('select', { id: 'kind', name: 'kind', required: true,
        'data-missing': 'Choose what it is' }, h('option', { value: '' }, 'Choose'),
      ...Object.entries(KINDS).map(([value, text]) =>
        h('option', { value }, text)))),
    h('div', { class: 'field' }, h('label', { for: 'incident-title' }, 'Title'),
      h('p', { class: 'hint', id: 'title-hint' }, 'A few words by which you find it again'),
      h('input', { id: 'incident-title', name: 'title', type: 'text', required: true,
        autocomplete: 'off', 'aria-describedby': 'title-hint' })),
    h('div', { class: 'field' }, h('label', { for: 'discovered_at' }, 'Discovered'),
      h('p', { class: 'hint', id: 'discovered-hint' }, 'When somebody here first ' +
        'knew, or would have by looking. Deadlines count from that day.'),
      h('input', { id: 'discovered_at', name: 'discovered_at', required: true,
        type: 'datetime-local', 'aria-describedby': 'discovered-hint',
        'data-missing': 'Enter when it was discovered',
        'data-invalid': 'Enter a time that has been' })),
    h('div', { class: 'actions' },
      h('button', { type: 'submit', class: 'button primary' }, 'Write down'),
      h('button', { type: 'button', class: 'button',
        onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'new-title' }, form);

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async (values) => {
    const { body } = await post('/v1/incidents', { ...values,
      discovered_at: utc(new Date(values.discovered_at ?? '')) }, { key });

    location.assign(`/incident?id=${body.id}`);
  });
  return ask(dialog);
}

buttonOf('new').addEventListener('click', () => void opening());
await Promise.all([list('open', 'Nothing is open.'),
  list('closed', 'None yet.')]).catch(complain);
