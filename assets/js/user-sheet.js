// One account, as an administrator looks at it: how its owner signs in, and
// where they are signed in.
//= SE-06: an administrator lists and ends the sessions of others

import { all, del, get } from './api.js';
import { deviceName, deviceUse } from './device-words.js';
import { ask, confirm } from './dialog.js';
import { announce, facts, fill, h, icon, note } from './dom.js';
import { words } from './form.js';
import { exact, shortDay } from './format.js';

/** @param {any} user */
const signInFacts = (user) => facts([
  ['Last sign-in', user.last_sign_in_at ? exact(user.last_sign_in_at) : 'Never'],
  ['Second factor', user.totp_enrolled ? 'Authenticator app' : 'Not set up'],
  ['Password set', user.password_changed_at
    ? shortDay(user.password_changed_at) : 'Not yet'],
  ['Account made', shortDay(user.created_at)]]);

/**
 * @param {any} user
 * @param {{run: (act: () => Promise<any>, said: string) => Promise<void>}} by
 * @param {any[]} devices
 */
function deviceList(user, { run }, devices) {
  const path = `/v1/users/${user.id}/sessions`;
  const end = async (/** @type {any} */ device, /** @type {string} */ name) =>
    await confirm({ title: 'Sign that device out?',
      text: `${user.display_name} must sign in again on ${name}.`,
      yes: 'Sign it out' }) &&
    run(() => del(`${path}/${device.id}`), `${name} is signed out`);

  return h('ul', { class: 'rows plain' }, ...devices.map((device) => {
    const name = deviceName(device.user_agent);

    return h('li', {}, h('div', { class: 'what' },
      h('span', { class: 'name' }, name),
      h('span', { class: 'sub' }, deviceUse(device))),
    h('div', { class: 'do' }, device.current
      ? h('span', { class: 'chip ok' }, icon('check'), 'This one')
      : h('button', { type: 'button', class: 'button', 'aria-label':
        `Sign out ${name}`, onclick: () => void end(device, name) },
      'Sign out')));
  }));
}

/** @param {any} user */
const askEverywhere = (user) => confirm({ title: 'Sign out everywhere?',
  text: `${user.display_name} must sign in again on each device, and gets a ` +
    'message that somebody here did this.', yes: 'Sign out everywhere' });

/**
 * Shows what there is to know of an account until it is closed.
 * @param {string} id
 */
export async function userSheet(id) {
  const { body: user } = await get(`/v1/users/${id}`);
  const list = h('div', {}), said = h('div', { 'aria-live': 'polite' });
  const everywhere = h('button', { type: 'button', class: 'button danger',
    hidden: true, onclick: async () => {
      if (await askEverywhere(user))
        await run(() => del(`/v1/users/${id}/sessions`),
          `${user.display_name} is signed out everywhere`);
    } }, 'Sign out everywhere');

  async function show() {
    const devices = await all(`/v1/users/${id}/sessions`, {});

    // one's own are signed out one by one: this one is needed here
    everywhere.hidden = !devices.length || devices.some((d) => d.current);
    fill(list, devices.length ? deviceList(user, { run }, devices)
      : h('p', { class: 'muted' }, 'Not signed in anywhere.'));
  }

  /** @param {() => Promise<any>} act @param {string} text when it is done */
  async function run(act, text) {
    try {
      await act();
      fill(said, note('ok', h('p', {}, `${text}.`)));
      announce(text);
    } catch (problem) {
      fill(said, note('bad', h('p', { role: 'alert' }, words(problem))));
    }
    await show().catch(() => {});
    close.focus();
  }

  const close = h('button', { class: 'button', value: 'close' }, 'Close');
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'sheet-title' }, h('form', { method: 'dialog' },
    h('h2', { id: 'sheet-title' }, user.display_name), signInFacts(user),
    h('h3', {}, 'Signed in now'), said, list,
    h('div', { class: 'actions' }, close, everywhere)));

  await show();
  await ask(dialog);
}
