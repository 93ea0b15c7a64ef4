// Opens an invitation: the token is in the fragment, which no server log and
// no Referer header ever sees, and leaves the address bar at once.

import { HASH_PATIENCE_MS, post, Problem } from './api.js';
import { formOf, showOnly } from './dom.js';
import { onSubmit, revealers } from './form.js';

const STEPS = ['step-password', 'step-dead'];
const token = location.hash.slice(1);

history.replaceState(null, '', location.pathname);

if (!/^[A-Za-z0-9_-]{16,}$/.test(token)) showOnly(STEPS, 'step-dead');

onSubmit(formOf('form'), async ({ password }) => {
  try {
    await post(`/v1/invitations/${token}/accept`, { password },
      { patienceMs: HASH_PATIENCE_MS });
    location.replace('/enrol');
  } catch (problem) {
    if (problem instanceof Problem &&
        (problem.status === 404 || problem.status === 410))
      return showOnly(STEPS, 'step-dead');
    throw problem;
  }
});

revealers(formOf('form'));
