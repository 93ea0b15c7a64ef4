// People who work here: invite, invite again, deactivate, unlock, reset. What
// opens charts, or takes an account over, waits for a second person.

import { all, get, patch, post, Problem, query } from './api.js';
import { announce, buttonOf, el, fill, formOf, h, icon, inputOf, note, put,
  selectOf } from './dom.js';
import { roleName, shortDay } from './format.js';
import { askBeforeLeaving, clearErrors, onSubmit, words } from './form.js';
import { ask, closingMenus, confirm } from './dialog.js';
import { limits } from './limits.js';
import { linkOnce } from './link-once.js';
import { stepUp } from './step-up.js';
import { userSheet } from './user-sheet.js';
import { begin } from './session.js';

const session = await begin('user_create');
const form = formOf('invite');
const saved = askBeforeLeaving(form);
let key = crypto.randomUUID();

/** @param {string} who @param {any} made */
function showLink(who, made) {
  fill(el('note'), linkOnce(who, made));
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
  'reset-password': { text: 'Reset password', done: 'can get a new password',
    title: 'Reset the password?',
    about: 'When a second person has confirmed it, they are signed out, and ' +
      'choose a new one through a link.' },
  'reset-totp': { text: 'Reset authenticator', done: 'can set up a new app',
    title: 'Reset the authenticator app?',
    about: 'Do this only when you are sure who asks. When a second person ' +
      'has confirmed it, they choose a password and set up an app anew.' },
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
    if (body?.approval) showLink(user.display_name, body);
    else fill(el('note'), note('ok', h('p', { role: 'status' },
      `${user.display_name} ${what.done}.`)));
    announce(body?.approval ? 'A second person has to confirm this'
      : `${user.display_name} ${what.done}`);
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

/** @param {any} user who has not come yet: a new link, and the old one ends */
async function sendAgain(user) {
  try {
    const { body } = await post(
      `/v1/invitations/${user.invitation.id}/resend`);

    showLink(user.display_name, body);
    announce(`${user.display_name} is invited again`);
    await load();
  } catch (problem) {
    complain(problem);
  }
}

/** @param {any} user */
function editFields(user) {
  const role = h('select', { id: 'edit-role', name: 'role',
    'aria-describedby': 'edit-role-hint' },
    ...user.roles_open.map((/** @type {string} */ name) => h('option',
      { value: name, selected: name === user.role }, roleName(name))));

  return [h('div', { class: 'field' },
    h('label', { for: 'edit-name' }, 'Name'),
    h('input', { id: 'edit-name', name: 'display_name', type: 'text',
      value: user.display_name, required: true,
      autocomplete: 'off', 'data-missing': 'Enter the name' })),
  user.roles_open.length === 0 ? null : h('div', { class: 'field' },
    h('label', { for: 'edit-role' }, 'Role'),
    h('p', { class: 'hint', id: 'edit-role-hint' },
      'A second person has to confirm a new role.'), role)];
}

/** @param {string} id */
async function edit(id) {
  const { body: user, etag } = await get(`/v1/users/${id}`);
  const form = h('form', { 'data-call': 'PATCH /v1/users/{id}' },
    h('h2', { id: 'edit-title' }, 'Change name or role'), ...editFields(user),
  h('div', { class: 'actions' },
    h('button', { type: 'submit', class: 'button primary' }, 'Save'),
    h('button', { type: 'button', class: 'button',
      onclick: () => dialog.close() }, 'Cancel')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'edit-title' }, form);

  void limits(form).catch(() => {});
  onSubmit(form, async (values) => {
    const changes = Object.fromEntries(Object.entries(values)
      .filter(([name, value]) => user[name] !== value));
    const answer = Object.keys(changes).length
      ? await patch(`/v1/users/${id}`, changes, etag) : null;
    const waits = answer?.body.waiting?.kind === 'role';

    dialog.close();
    fill(el('note'), note('ok', h('p', { role: 'status' }, waits
      ? `${user.display_name} stays ${roleName(user.role).toLowerCase()} ` +
        'until a second person has confirmed the new role.' : 'Saved.')));
    await load();
  });
  await ask(dialog);
}

/** @param {any} user */
function actions(user) {
  const open = user.state === 'active';
  const steps = [...(user.locked ? ['unlock'] : []),
    ...(user.id === session.user.id || !open ? []
      : ['reset-password', 'reset-totp']),
    ...(open ? ['mark-compromised'] : []),
    ...(user.id === session.user.id ? [] : ['deactivate'])];

  if (user.active === false)
    return h('button', { type: 'button', class: 'button',
      'aria-label': `Reactivate ${user.display_name}`,
      onclick: () => void run(user, 'reactivate') }, 'Reactivate');
  return h('details', { class: 'menu' },
    h('summary', { class: 'button',
      'aria-label': `Actions for ${user.display_name}` }, 'Actions'),
    h('div', {}, open || !user.invitation ? null
      : h('button', { type: 'button', class: 'button quiet',
        onclick: () => void sendAgain(user) }, 'Send the invitation again'),
    h('button', { type: 'button', class: 'button quiet',
      onclick: () => void userSheet(user.id).catch(complain) },
    'Sign-in and devices'),
    user.name_fixed ? null : h('button', { type: 'button',
      class: 'button quiet',
      onclick: () => void edit(user.id).catch(complain) },
    'Change name or role'), ...steps.map((step) => stepButton(user, step))));
}

const WAITING = /** @type {Record<string, string>} */ ({
  invite: 'Waiting for a second person',
  role: 'New role waits for a second person',
  reset_password: 'New password waits for a second person',
  reset_totp: 'Reset waits for a second person' });

/** @param {any} user @param {Function} chip what is missing to sign in */
function stateChip(user, chip) {
  if (user.state === 'deactivated') return chip('bad', 'Deactivated', 'cross');
  if (user.state === 'none') return chip('warn', 'Invitation has ended', 'alert');
  return user.state === 'invited' ? chip('info', 'Invited') : null;
}

/** @param {any} user */
function row(user) {
  const chip = (/** @type {string} */ kind, /** @type {string} */ text,
    /** @type {string} */ picture = '') => h('span', { class: `chip ${kind}` },
    picture ? icon(picture) : null, text);

  return h('li', { id: `user-${user.id}`, tabindex: '-1' },
    h('div', { class: 'what' },
      h('span', { class: 'name' }, user.display_name),
      chip('', roleName(user.role)), stateChip(user, chip),
    user.waiting ? chip('warn', WAITING[user.waiting.kind] ??
      'Waiting for a second person', 'clock') : null,
    user.locked ? chip('warn', 'Locked', 'lock') : null,
    user.id === session.user.id ? chip('ok', 'You') : null,
    user.state === 'active' && !user.totp_enrolled
      ? chip('warn', 'No second factor', 'alert') : null,
    h('span', { class: 'sub' }, [user.email, user.last_sign_in_at
      ? `last sign-in ${shortDay(user.last_sign_in_at)}` : 'never signed in']
      .filter(Boolean).join(' · '))),
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

/** How often the list was asked for. */
let asked = 0;

async function load() {
  const list = h('ul', { class: 'rows plain' });
  const mine = ++asked;

  await page(list, null);
  // An answer that comes late must not stand where a later one is wanted.
  if (mine === asked) fill(el('list'), list.children.length ? list
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

/**
 * An address that is taken: by somebody who never came, who is invited again?
 * @param {string} email
 */
async function offerAgain(email) {
  const users = await all('/v1/users', {});
  const found = users.find((user) => ['none', 'invited'].includes(user.state) &&
    user.invitation && user.email.toLowerCase() === email.toLowerCase());

  if (!found) return false;
  clearErrors(form);
  fill(el('note'), note('info', h('p', { role: 'status' },
    `${found.display_name} was invited at this address before, and has not ` +
    'come yet.'), h('button', { type: 'button', class: 'button primary',
    onclick: () => void sendAgain(found) }, 'Send the invitation again')));
  el('note').querySelector('button')?.focus();
  return true;
}

onSubmit(form, async ({ display_name, email, role }) => {
  let body;

  try {
    ({ body } = await post('/v1/users', { display_name, email, role },
      { key }));
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'email_taken' &&
        await offerAgain(email ?? '')) return;
    throw problem;
  }
  key = crypto.randomUUID();
  form.reset();
  saved();
  openForm(false);
  showLink(display_name ?? '', body);
  selectOf('filter').value = '';
  await load();
  announce(`${display_name} is invited`);
  document.getElementById(`user-${body.id}`)?.focus();
});
void limits(form).catch(() => {}); // the server judges, too
form.addEventListener('input', () => { key = crypto.randomUUID(); });
buttonOf('new').addEventListener('click', () => openForm(form.hidden));
buttonOf('cancel').addEventListener('click', () => {
  saved();
  openForm(false);
});
selectOf('filter').addEventListener('change',
  () => void load().catch(complain));
closingMenus();

await load().catch(complain);
