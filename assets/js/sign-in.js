// Sign-in: password, then the code of the authenticator app or a recovery
// code, on one page. What the server says the session is decides the step.
//= PA-03: paste and autofill work in every field; the code is one field
//= IA-03: the password alone opens only the next step

import { get, HASH_PATIENCE_MS, post, Problem } from './api.js';
import { byId, el, fill, formOf, h, inputOf, note, showOnly } from './dom.js';
import { clearErrors, onSubmit, plainAddress, revealers } from './form.js';
import { limits } from './limits.js';
import { pageFor, safeNext, signOut } from './session.js';

const STEPS = ['step-password', 'step-code', 'step-recovery'];
const params = new URLSearchParams(location.search);
const next = safeNext(params.get('next') ?? '');

/** @param {string} step @param {string} title @param {string} field */
function show(step, title, field) {
  showOnly(STEPS, step);
  el('title').textContent = title;
  document.title = `${title} – Epione`;
  inputOf(field).focus();
}

const askPassword = () => show('step-password', 'Sign in', 'email');
const askCode = () => show('step-code', 'Enter your code', 'code');
const askRecovery = () =>
  show('step-recovery', 'Use a recovery code', 'recovery');

/** Asks what the session is now, and goes on from there. */
async function goOn() {
  const session = (await get('/v1/session')).body;

  if (session.state === 'totp_required') return askCode();
  location.replace(pageFor(session, next));
}

/** @param {unknown} problem a step of a session that is no more */
function startAgain(problem) {
  if (!(problem instanceof Problem) || problem.code !== 'not_signed_in')
    throw problem;
  askPassword();
  sayWhy('warn', 'That took a while. Please sign in again.');
}

/** @param {string} kind @param {string} text */
function sayWhy(kind, text) {
  el('why').hidden = false;
  fill(el('why'), note(kind, h('p', {}, text)));
}

plainAddress(inputOf('email'));

onSubmit(formOf('password-form'), async ({ email, password }) => {
  await post('/v1/session', { email, password },
    { patienceMs: HASH_PATIENCE_MS });
  el('why').hidden = true;
  inputOf('password').value = '';
  await goOn();
});

onSubmit(formOf('code-form'), async ({ code }) => {
  const field = inputOf('code');

  try {
    await post('/v1/session/totp', { code });
    await goOn();
  } catch (problem) {
    field.select();
    startAgain(problem);
  }
});

onSubmit(formOf('recovery-form'), async ({ code }) => {
  try {
    const { body } = await post('/v1/session/recovery', { code });
    if (body.codes_left < 4)
      sessionStorage.setItem('codes-left', String(body.codes_left));
    await goOn();
  } catch (problem) {
    startAgain(problem);
  }
});

byId('to-recovery', HTMLButtonElement).addEventListener('click', () => {
  clearErrors(formOf('code-form'));
  askRecovery();
});
byId('to-code', HTMLButtonElement).addEventListener('click', () => {
  clearErrors(formOf('recovery-form'));
  askCode();
});
for (const button of document.querySelectorAll('.leave'))
  button.addEventListener('click', () => void signOut());

revealers(formOf('password-form'));
for (const form of document.forms)
  void limits(form).catch(() => {}); // the server judges, too

const WHY = /** @type {Record<string, [string, string]>} */ ({
  out: ['ok', 'You are signed out. It is safe to leave this device.'],
  idle: ['info', params.get('next')?.startsWith('/call?')
    ? 'Please sign in to go back to your visit.'
    : 'Please sign in to go on.'] });
const why = WHY[params.get('signed') ?? ''];

if (why) sayWhy(...why);
// A session may still stand: then this page has nothing to ask.
goOn().catch((problem) => {
  if (problem instanceof Problem && problem.status !== 401)
    sayWhy('bad', problem.message);
});
