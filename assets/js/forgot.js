// Asks for a link to choose a new password. What is said is the same for every
// address: who has an account is nobody else's to know.
//= IA-11

import { post } from './api.js';
import { buttonOf, el, formOf, inputOf, showOnly } from './dom.js';
import { onSubmit, plainAddress } from './form.js';
import { limits } from './limits.js';

const STEPS = ['step-ask', 'step-asked'];

/** @param {string} step @param {string} title */
function show(step, title) {
  showOnly(STEPS, step);
  el('title').textContent = title;
  document.title = `${title} – Epione`;
}

plainAddress(inputOf('email'));

onSubmit(formOf('form'), async ({ email }) => {
  await post('/v1/account/reset', { email });
  show('step-asked', 'Look in your mailbox');
  el('main').focus();
});

buttonOf('again').addEventListener('click', () => {
  show('step-ask', 'Forgot your password?');
  inputOf('email').select();
  inputOf('email').focus();
});

void limits(formOf('form')).catch(() => {}); // the server judges, too
