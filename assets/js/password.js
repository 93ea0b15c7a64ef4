// Changes the password: because it expired, or because somebody wants to.
//= IA-15, IA-19: an expired password opens this page and no other

import { HASH_PATIENCE_MS, put } from './api.js';
import { el, fill, formOf, h, note } from './dom.js';
import { onSubmit, revealers, wantsLength } from './form.js';
import { limits } from './limits.js';
import { begin, home } from './session.js';

const session = await begin('', 'password_expired');

wantsLength('new', session.password_min_length);

if (session.state === 'password_expired') {
  el('title').textContent = 'Choose a new password';
  document.title = 'Choose a new password – Epione';
  el('why').hidden = false;
  fill(el('why'), note('warn', h('p', {}, 'Your password has expired. ' +
    'Choose a new one to go on.')));
}

onSubmit(formOf('form'), async (values) => {
  await put('/v1/account/password', {
    current_password: values.current_password,
    new_password: values.new_password },
  { patienceMs: HASH_PATIENCE_MS });
  formOf('form').reset();
  if (session.state !== 'active') return location.replace(home(session));
  el('why').hidden = false;
  fill(el('why'), note('ok', h('p', { role: 'status' },
    'Your password is changed. Your other devices were signed out.')),
  h('p', {}, h('a', { href: '/account' }, 'Back to your account')));
  formOf('form').hidden = true;
  el('main').focus();
});

revealers(formOf('form'));
void limits(formOf('form')).catch(() => {}); // the server judges, too
