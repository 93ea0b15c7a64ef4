// People who work here: invite, deactivate, unlock, reset.

import { get, patch, post, Problem, query } from './api.js';
import { announce, buttonOf, el, fill, formOf, h, icon, inputOf, note, put,
  selectOf } from './dom.js';
import { roleName } from './format.js';
import { clearErrors, onSubmit, words } from './form.js';
import { ask, closingMenus, confirm } from './dialog.js';
import { linkOnce } from './link-once.js';
import { stepUp } from './step-up.js';
import { begin } from './session.js';

const session = await begin(['admin']);
const form = formOf('invite');
let key = crypto.randomUUID();

/** @param {string} who @param {string} url */
function showLink(who, url) {
  fill(el('note'), linkOnce(who, url));
  el('note').scrollIntoView({ block: 'nearest' });
}

const STEPS = /** @type {Record<string, {text: string, done: string,
  title: string, about: string}>} */ ({
  deactivate: { text: 'Deactivate', done: 'is deactivated',
    title: 'Deactivate this account?',
    about: 'They are signed out everywhere at once and cannot sign in.' },
  reactivate: { text: 'Reactivate', done: 'can sign in again',
    title: '', about: '' },
  unlock: { text: 'Unlock', done: 'is unlocked', title: '', about: '' },
  'reset-password': { text: 'Reset password', done: 'gets a new link',
    title: 'Reset the password?',
    about: 'They are signed out, and choose a new one through a link.' },
  'reset-totp': { text: 'Reset authenticator', done: 'sets up a new app',
    title: 'Reset the authenticator app?',
    about: 'Do this only when you are sure who asks. They set up a new app ' +
      'when they next sign in.' },
  'mark-compromised': { text: 'Password was seen',
    done: 'must change the password', title: 'Was this password seen?',
    about: 'They are signed out everywhere and must choose a new password.' },
});

/** @param {any} user @param {string} step */
async function run(user, step) {
  const what = STEPS[step];

  if (!what || (what.title && !await confirm({ title: what.title,
    text: `${user.display_name}: ${what.about}`, yes: what.text }))) return;
  try {
    const { body } = await post(`/v1/users/${user.id}/${step}`);
    fill(el('note'), note('ok', h('p', { role: 'status' },
      `${user.display_name} ${what.done}.`)));
    if (body?.invitation_url) showLink(user.display_name, body.invitation_url);
    announce(`${user.display_name} ${what.done}`);
    await load();
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'step_up_required' &&
        await stepUp('This needs a fresh code.')) return run(user, step);
    fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
  }
}

/** @param {any} user @param {string} step */
const stepButton = (user, step) => h('button', { type: 'button',
  class: 'button quiet', onclick: () => void run(user, step) },
STEPS[step]?.text ?? step);

/** @param {any} user */
function editFields(user) {
  const role = h('select', { id: 'edit-role', name: 'role' },
    ...['clinician', 'scheduler', 'compliance', 'admin'].map((name) =>
      h('option', { value: name, selected: name === user.role },
        roleName(name))));

  return [h('div', { class: 'field' },
    h('label', { for: 'edit-name' }, 'Name'),
    h('input', { id: 'edit-name', name: 'display_name', type: 'text',
      value: user.display_name, required: true, maxlength: '100',
      autocomplete: 'off', 'data-missing': 'Enter the name' })),
  // A patient's account is made from the record, and stays one.
  user.role === 'patient' ? null : h('div', { class: 'field' },
    h('label', { for: 'edit-role' }, 'Role'), role)];
}

/** @param {string} id */
async function edit(id) {
  const { body: user, etag } = await get(`/v1/users/${id}`);
  const form = h('form', {}, h('h2', { id: 'edit-title' },
    'Change name or role'), ...editFields(user),
  h('div', { class: 'actions' },
    h('button', { type: 'submit', class: 'button primary' }, 'Save'),
    h('button', { type: 'button', class: 'button',
      onclick: () => dialog.close() }, 'Cancel')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'edit-title' }, form);

  onSubmit(form, async (values) => {
    const changes = Object.fromEntries(Object.entries(values)
      .filter(([name, value]) => user[name] !== value));
    if (Object.keys(changes).length)
      await patch(`/v1/users/${id}`, changes, etag);
    dialog.close();
    announce('Saved');
    await load();
  });
  await ask(dialog);
}

/** @param {any} user */
function actions(user) {
  const steps = [...(user.locked ? ['unlock'] : []), 'reset-password',
    'reset-totp', 'mark-compromised',
    ...(user.id === session.user.id ? [] : ['deactivate'])];

  if (user.active === false)
    return h('button', { type: 'button', class: 'button',
      'aria-label': `Reactivate ${user.display_name}`,
      onclick: () => void run(user, 'reactivate') }, 'Reactivate');
  return h('details', { class: 'menu' },
    h('summary', { class: 'button',
      'aria-label': `Actions for ${user.display_name}` }, 'Actions'),
    h('div', {}, h('button', { type: 'button', class: 'button quiet',
      onclick: () => void edit(user.id).catch(complain) },
    'Change name or role'), ...steps.map((step) => stepButton(user, step))));
}

/** @param {any} user */
function row(user) {
  const chip = (/** @type {string} */ kind, /** @type {string} */ text,
    /** @type {string} */ picture = '') => h('span', { class: `chip ${kind}` },
    picture ? icon(picture) : null, text);

  return h('li', {}, h('div', { class: 'what' },
    h('span', { class: 'name' }, user.display_name),
    chip('', roleName(user.role)),
    user.active === false ? chip('bad', 'Deactivated', 'cross') : null,
    user.invited ? chip('info', 'Invited') : null,
    user.locked ? chip('warn', 'Locked', 'lock') : null,
    user.id === session.user.id ? chip('ok', 'You') : null,
    h('span', { class: 'sub' }, user.email ?? '')),
  h('div', { class: 'do' }, actions(user)));
}

/** @param {HTMLElement} list @param {string | null} cursor */
async function page(list, cursor) {
  const { body } = await get('/v1/users' +
    query({ role: selectOf('filter').value, cursor }));

  put(list, ...body.items.map(row));
  fill(el('more'), body.next_cursor ? h('button', { type: 'button',
    class: 'button', onclick: () => void page(list, body.next_cursor)
      .catch(complain) }, 'Show more') : null);
}

/** @param {unknown} problem */
function complain(problem) {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
}

async function load() {
  const list = h('ul', { class: 'rows plain' });

  await page(list, null);
  fill(el('list'), list.children.length ? list
    : h('div', { class: 'card empty' }, h('p', {}, 'Nobody here.')));
}

/** @param {boolean} open */
function openForm(open) {
  form.hidden = !open;
  buttonOf('new').setAttribute('aria-expanded', String(open));
  clearErrors(form);
  if (open) inputOf('display_name').focus();
  else buttonOf('new').focus();
}

onSubmit(form, async ({ display_name, email, role }) => {
  const { body } = await post('/v1/users', { display_name, email, role },
    { key });

  key = crypto.randomUUID();
  form.reset();
  openForm(false);
  showLink(display_name ?? '', body.invitation_url);
  await load();
});
form.addEventListener('input', () => { key = crypto.randomUUID(); });
buttonOf('new').addEventListener('click', () => openForm(form.hidden));
buttonOf('cancel').addEventListener('click', () => openForm(false));
selectOf('filter').addEventListener('change',
  () => void load().catch(complain));
closingMenus();

await load().catch(complain);
