// Who comes to a visit by a link: inviting, what became of each link, ending it.

import { all, del, get, post } from './api.js';
import { confirm } from './dialog.js';
import { announce, el, fill, formOf, h, icon, inputOf, note } from './dom.js';
import { onSubmit, plainAddress, words } from './form.js';
import { nearDay, roleName, time } from './format.js';
import { limits } from './limits.js';
import { copyButton } from './link-once.js';
import { begin, may, refuse } from './session.js';

/**
 * @typedef {object} Guest
 * @property {string} id
 * @property {string} role
 * @property {string} display_name
 * @property {'open'|'waiting'|'admitted'|'ended'} state
 * @property {string | null} sent_to
 * @property {'waiting'|'sent'|'refused'|'failed'|null} mail
 */

/** How often the list is read again, in ms. */
const FRESH_MS = 5000;
/** @type {Record<Guest['state'], [string, string, string]>} */
const STATES = { open: ['Not opened yet', 'info', 'clock'],
  waiting: ['Opened: waits', 'warn', 'clock'],
  admitted: ['In the visit', 'ok', 'video'], ended: ['Ended', 'quiet', 'cross'] };

/** How the mail went. @type {Record<string, [string, string, string]>} */
const MAILS = { waiting: ['Mail on its way', 'info', 'clock'],
  sent: ['Mail sent', 'quiet', 'check'],
  refused: ['Mail came back', 'bad', 'alert'],
  failed: ['Mail did not go', 'bad', 'alert'] };
/** What to do then. @type {Record<string, string>} */
const NEXT = {
  refused: 'The address does not take mail. Ask for the right one, end this ' +
    'link, and make another.',
  failed: 'It was tried for two days. End this link, make another, and give it ' +
    'by telephone or message.' };

const session = await begin('visit_list');
const id = new URLSearchParams(location.search).get('visit') ?? '';
const path = `/v1/visits/${id}/invitations`;
let shown = '';

/** @param {Guest} guest */
async function end(guest) {
  const name = guest.display_name;

  if (!await confirm({ title: `End the link of ${name}?`, text:
    'It stops working at once. If they are in the visit, they are out.',
  yes: 'End the link' })) return;
  try {
    fill(el('said'));
    await del(`${path}/${guest.id}`);
    announce(`The link of ${name} has ended`);
  } catch (problem) {
    fill(el('said'), note('bad', h('p', {}, words(problem))));
  }
  await show();
}

/** @param {[string, string, string]} words */
const chip = ([text, kind, picture]) =>
  h('span', { class: `chip ${kind}` }, icon(picture), text);

/** @param {Guest} guest of whom nobody has come yet: then the mail matters */
function mailParts(guest) {
  const words = MAILS[guest.mail ?? ''];

  if (!words || guest.state !== 'open') return [];
  return [chip(words), NEXT[guest.mail ?? '']
    ? h('span', { class: 'sub' }, NEXT[guest.mail ?? '']) : null];
}

/** @param {Guest} guest */
function row(guest) {

  return h('li', { class: guest.state === 'ended' ? 'over' : null },
    h('div', { class: 'what' },
      h('span', { class: 'name' }, guest.display_name),
      chip(STATES[guest.state]),
      h('span', { class: 'sub' }, roleName(guest.role) +
        (guest.sent_to ? ` · mail to ${guest.sent_to}` : '')),
      ...mailParts(guest)),
    guest.state === 'ended' ? null : h('div', { class: 'do' },
      h('button', { type: 'button', class: 'button quiet', 'aria-label':
        `End the link of ${guest.display_name}`,
      onclick: () => void end(guest) }, 'End the link')));
}

async function show(background = false) {
  /** @type {Guest[]} */
  const guests = await all(path, {}, { background });
  const state = JSON.stringify(guests);

  if (state === shown) return;
  shown = state;
  const focused = document.activeElement?.getAttribute('aria-label');
  fill(el('list'), guests.length
    ? h('ul', { class: 'rows plain' }, ...guests.map(row))
    : h('p', { class: 'muted' }, 'Nobody yet.'));
  for (const node of el('list').querySelectorAll('[aria-label]'))
    if (focused && node.getAttribute('aria-label') === focused &&
        node instanceof HTMLElement) node.focus();
}

/** @param {string} name @param {any} made */
const madeNote = (name, made) => note('ok', h('p', {}, made.sent_to
  ? `The link for ${name} is on its way to ${made.sent_to}. `
  : `Give this link to ${name}. `, 'It works until the visit is over, and is ' +
  'shown only now.'), h('code', { class: 'secret' }, made.join_url),
copyButton(made.join_url, 'link'));

onSubmit(formOf('form'), async ({ role, display_name, email }) => {
  const { body } = await post(path, { role, display_name,
    ...email ? { email } : {} }, { key: crypto.randomUUID() });

  formOf('form').reset();
  fill(el('made'), madeNote(display_name ?? '', body));
  await show();
});

try {
  const { body: visit } = await get(`/v1/visits/${id}`);
  if (may(visit, 'guest_list')) {
    fill(el('about'), h('p', { class: 'lead' }, `Visit of ${visit.patient_name} ` +
      `with ${visit.clinician_name}. ${nearDay(visit.starts_at)}, ` +
      `${time(visit.starts_at)}.`));
    formOf('form').hidden = !may(visit, 'guest_invite');
    plainAddress(inputOf('email'));
    void limits(formOf('form')).catch(() => {}); // the server judges, too
    await show();
    setInterval(() => {
      if (!document.hidden) void show(true).catch(() => {});
    }, FRESH_MS);
  } else refuse(session);
} catch (problem) {
  fill(el('about'), note('bad', h('p', { role: 'alert' }, words(problem))));
  fill(el('list'));
}
