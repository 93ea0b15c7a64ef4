// Opens an invitation: the token is in the fragment, which no server log and
// no Referer header ever sees, and leaves the address bar at once.

import { get, HASH_PATIENCE_MS, post, Problem } from './api.js';
import { announce, buttonOf, el, formOf, inputOf, showOnly } from './dom.js';
import { onSubmit, revealers, wantsLength } from './form.js';
import { limits } from './limits.js';

const STEPS = ['step-password', 'step-waiting', 'step-dead'];
const token = location.hash.slice(1);

history.replaceState(null, '', location.pathname);
// another link into the same tab
addEventListener('hashchange', () => location.reload());

/** @param {unknown} problem of a link; other trouble is for the form to say */
function showEnd(problem) {
  if (!(problem instanceof Problem)) return false;
  if (problem.code === 'not_confirmed') showOnly(STEPS, 'step-waiting');
  else if (problem.status === 404 || problem.status === 410)
    showOnly(STEPS, 'step-dead');
  else return false;
  return true;
}

/** Asks what the link needs, before anybody thinks of a password. */
async function look() {
  const { body } = await get(`/v1/invitations/${token}`);

  el('clinic').textContent = body.clinic_name;
  if (body.reset) {
    el('title').textContent = 'Choose a new password';
    document.title = 'Choose a new password – Epione';
    el('lead').textContent = 'Next we ask for the code of your authenticator ' +
      'app, or a recovery code. All your devices are signed out.';
  }
  el('phrase-field').hidden = !body.phrase;
  inputOf('phrase').required = body.phrase;
  wantsLength('new', body.password_min_length);
  showOnly(STEPS, body.state === 'open' ? 'step-password' : 'step-waiting');
  return body.state === 'open';
}

onSubmit(formOf('form'), async ({ password, phrase }) => {
  try {
    const { body } = await post(`/v1/invitations/${token}/accept`, phrase
      ? { password, phrase } : { password }, { patienceMs: HASH_PATIENCE_MS });
    location.replace(body.state === 'totp_required' ? '/' : '/enrol');
  } catch (problem) {
    if (!showEnd(problem)) throw problem;
  }
});

buttonOf('again').addEventListener('click', async () => {
  try {
    if (await look()) inputOf('phrase').focus();
    else announce('Nobody has confirmed it yet');
  } catch (problem) {
    if (!showEnd(problem) && problem instanceof Problem)
      announce(problem.message);
  }
});

revealers(formOf('form'));
void limits(formOf('form')).catch(() => {}); // the server judges, too
if (!/^[A-Za-z0-9_-]{16,}$/.test(token)) showOnly(STEPS, 'step-dead');
else await look().catch(showEnd);
