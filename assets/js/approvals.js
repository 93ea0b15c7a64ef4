// What one person asked for and a second one confirms or refuses. The phrase of a
// link is shown to the second person once, and to nobody else.
//= AZ-05, IA-19

import { all, get, post, Problem, query } from './api.js';
import { approvalWords, stateWords } from './approval-words.js';
import { announce, el, fill, h, icon, note, put } from './dom.js';
import { exact, roleName } from './format.js';
import { words } from './form.js';
import { ask, confirm } from './dialog.js';
import { copyButton } from './link-once.js';
import { stepUp } from './step-up.js';
import { begin } from './session.js';

await begin('approval_list');

/** @param {unknown} problem */
const complain = (problem) => fill(el('note'),
  note('bad', h('p', { role: 'alert' }, words(problem))));

/** @param {any} item */
const nameOf = (item) => item.account.display_name ?? 'this person';

/** @param {any} item @param {string} phrase shown once, in a dialog */
function showPhrase(item, phrase) {
  return ask(h('dialog', { class: 'dialog', 'aria-labelledby': 'phrase-title' },
    h('form', { method: 'dialog' },
      h('h2', { id: 'phrase-title' }, `A phrase for ${nameOf(item)}`),
      h('p', {}, 'Tell it to them yourself: in person, or by a telephone ' +
        'number that you know is theirs. Not to who asked for the link. It is ' +
        'shown only now.'),
      h('p', {}, h('code', { class: 'secret' }, phrase)),
      h('div', { class: 'actions' }, copyButton(phrase, 'phrase'),
        h('button', { class: 'button primary' }, 'I have it')))));
}

/** @param {any} item */
async function agree(item) {
  try {
    const { body } = await post(`/v1/approvals/${item.id}/confirm`);

    if (body.phrase) await showPhrase(item, body.phrase);
    fill(el('note'), note('ok', h('p', { role: 'status' },
      `Confirmed: ${approvalWords(item)}, ${nameOf(item)}.`)));
    await load();
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'step_up_required') {
      if (await stepUp('This lets another person in, so it needs a fresh ' +
          'code.')) await agree(item);
      return;
    }
    complain(problem);
    await load();
  }
}

/** @param {any} item */
async function accept(item) {
  const about = item.kind === 'role' ? '' : ' Confirm only when you know that ' +
    'they asked for it, and that the address is theirs.';

  if (await confirm({ title: 'Confirm this?', yes: 'Confirm',
    text: `${approvalWords(item)}: ${nameOf(item)}, ` +
      `${item.account.email}. Asked for by ` +
      `${item.requested_by.display_name}.${about}` })) await agree(item);
}

/** @param {any} item */
async function refuse(item) {
  if (!await confirm({ title: 'Refuse this?', yes: 'Refuse', text:
    `${approvalWords(item)}: ${nameOf(item)}. The link ends and nothing ` +
    'changes.' })) return;
  try {
    await post(`/v1/approvals/${item.id}/refuse`);
    announce('Refused');
    fill(el('note'));
  } catch (problem) {
    complain(problem);
  }
  await load();
}

/** @param {any} item */
function buttons(item) {
  const about = `${approvalWords(item)}, ${nameOf(item)}`;

  return h('div', { class: 'do' }, item.yours ? null
    : h('button', { type: 'button', class: 'button primary',
      'aria-label': `Confirm: ${about}`,
      onclick: () => void accept(item) }, 'Confirm'),
  h('button', { type: 'button', class: 'button',
    'aria-label': `${item.yours ? 'Take back' : 'Refuse'}: ${about}`,
    onclick: () => void refuse(item) }, item.yours ? 'Take back' : 'Refuse'));
}

/** @param {any} item */
function row(item) {
  const waits = item.state === 'waiting';
  const by = item.decided_by?.display_name;

  return h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, nameOf(item)),
    h('span', { class: 'chip' }, roleName(item.account.role)),
    item.yours && waits
      ? h('span', { class: 'chip info' }, 'Somebody else has to confirm')
      : null,
    waits ? null : h('span', { class: `chip ${item.state === 'confirmed'
      ? 'ok' : ''}` }, icon(item.state === 'confirmed' ? 'check' : 'info'),
    stateWords(item.state)),
    h('span', { class: 'sub' }, approvalWords(item)),
    h('span', { class: 'sub' }, item.account.email ?? ''),
    h('span', { class: 'sub' }, [
      `Asked for by ${item.requested_by.display_name}, ` +
        exact(item.created_at),
      waits ? `until ${exact(item.expires_at)}` : '',
      item.state === 'confirmed' ? `confirmed by ${by ?? 'whoever runs the ' +
        'server'}` : '',
      item.state === 'refused' && by ? `refused by ${by}` : '']
      .filter(Boolean).join('; '))), waits ? buttons(item) : null);
}

/** @param {HTMLElement} list @param {string | null} cursor */
async function past(list, cursor) {
  const { body } = await get('/v1/approvals' + query({ cursor }));

  put(list, ...body.items.filter((/** @type {any} */ item) =>
    item.state !== 'waiting').map(row));
  fill(el('more'), body.next_cursor ? h('button', { type: 'button',
    class: 'button', onclick: () => void past(list, body.next_cursor)
      .catch(complain) }, 'Show more') : null);
}

async function load() {
  const list = h('ul', { class: 'rows plain' });
  const items = await all('/v1/approvals', { state: 'waiting' });

  fill(el('waiting'), items.length
    ? h('ul', { class: 'rows plain' }, ...items.map(row))
    : h('p', { class: 'muted' }, 'Nothing waits.'));
  await past(list, null);
  fill(el('past'), list.children.length ? list
    : h('p', { class: 'muted' }, 'Nothing yet.'));
}

await load().catch(complain);
