// The person's own account: password, authenticator, devices signed in.
//= SE-06: people list and end their own sessions

import { all, del, get } from './api.js';
import { approvalWords, stateWords } from './approval-words.js';
import { deviceName, deviceUse } from './device-words.js';
import { announce, el, facts, fill, h, icon, note } from './dom.js';
import { exact, roleName, shortDay } from './format.js';
import { words } from './form.js';
import { confirm } from './dialog.js';
import { begin, signOut } from './session.js';

const session = await begin('');

/** @param {any} device */
function row(device) {
  const name = deviceName(device.user_agent);
  const button = device.current
    ? h('span', { class: 'chip ok' }, icon('check'), 'This one')
    : h('button', { type: 'button', class: 'button',
      'aria-label': `Sign out ${name}`, onclick: () => void end(device, name) },
    'Sign out');

  return h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, name),
    h('span', { class: 'sub' }, deviceUse(device))),
  h('div', { class: 'do' }, button));
}

/** @param {any} device @param {string} name */
async function end(device, name) {
  if (!await confirm({ title: 'Sign that device out?', text:
    `${name} must sign in again.`, yes: 'Sign it out' })) return;
  try {
    await del(`/v1/account/sessions/${device.id}`);
    announce(`${name} is signed out`);
    await load();
  } catch (problem) {
    fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
  }
}

async function load() {
  const devices = await all('/v1/account/sessions', {});

  fill(el('devices'), ...devices.map(row));
}

/** @param {any} item */
const askedRow = (item) => h('li', {}, h('div', { class: 'what' },
  h('span', { class: 'name' }, approvalWords(item)),
  h('span', { class: 'chip' }, stateWords(item.state)),
  h('span', { class: 'sub' }, `Asked for by ${
    item.requested_by.display_name ?? 'someone'}, ${exact(item.created_at)}`),
  item.decided_at ? h('span', { class: 'sub' }, `${stateWords(item.state)} by ${
    item.decided_by?.display_name ?? 'whoever runs the server'}, ${
    exact(item.decided_at)}`) : null));

//= AZ-05: the owner sees who would let somebody into their account
async function loadAsked() {
  const { body } = await get('/v1/account/approvals?limit=10');

  el('asked-part').hidden = body.items.length === 0;
  fill(el('asked'), ...body.items.map(askedRow));
}

fill(el('me'), facts([['Name', session.user.display_name],
  ['Role', roleName(session.user.role)], ['Clinic', session.user.clinic_name]]),
h('button', { type: 'button', class: 'button',
  onclick: () => void signOut() }, icon('out'), 'Sign out here'));
//= IA-09: who was guessed at sees it
const failed = session.failed_attempts ?? 0;
if (session.previous_sign_in_at)
  fill(el('before'), note(failed ? 'warn' : 'info', h('p', {},
    `Your last sign-in before this one: ${exact(session.previous_sign_in_at)}. `,
    failed === 0 ? 'No try has failed since.'
      : failed === 1 ? 'One try has failed since.'
        : `${failed} tries have failed since.`,
    failed ? ' If that was not you, change your password.' : '')));
if (session.password_expires_at)
  el('pass-text').textContent = 'It expires on ' +
    `${shortDay(session.password_expires_at)}. ` +
    'Change it sooner when someone may have seen it.';
await load().catch((problem) =>
  fill(el('devices'), h('li', {}, words(problem))));
await loadAsked().catch((problem) => fill(el('note'),
  note('bad', h('p', { role: 'alert' }, words(problem)))));
