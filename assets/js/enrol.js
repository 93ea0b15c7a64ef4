// Sets up the authenticator app: the first time, or again with a new phone.
//= IA-07: the key is shown once, here, and asked for by no other page
//= IA-08: it counts only after one right code

import { post, Problem } from './api.js';
import { announce, copy, el, fill, formOf, h, inputOf, showOnly }
  from './dom.js';
import { onSubmit } from './form.js';
import { limits } from './limits.js';
import { begin, home } from './session.js';
import { stepUp } from './step-up.js';

const session = await begin('', 'totp_enrolment_required');
/** @type {string[]} */
let codes = [];

/** @param {{secret: string, otpauth_uri: string, qr_svg: string}} offer */
function showOffer(offer) {
  // As an image the SVG can run nothing and load nothing.
  fill(el('qr'), h('img', { class: 'qr',
    src: `data:image/svg+xml,${encodeURIComponent(offer.qr_svg)}`,
    alt: 'QR code for your authenticator app. The same key is in the text ' +
      'below.' }));
  fill(el('uri'), 'On this phone? ', h('a', { href: offer.otpauth_uri },
    'Open my app'), '. ');
  el('secret').textContent = (offer.secret.match(/.{1,4}/g) ?? []).join(' ');
  el('copy-secret').addEventListener('click', async () => {
    const done = await copy(offer.secret);
    announce(done ? 'Key copied' : 'Select the key and copy it');
    el('copy-secret').textContent = done ? 'Copied' : 'Select the key above';
  });
}

function showCodes() {
  fill(el('codes'), ...codes.map((code) => h('li', {}, code)));
  showOnly(['step-app', 'step-codes'], 'step-codes');
  el('title').textContent = 'Save your recovery codes';
  el('main').focus();
  scrollTo(0, 0);
}

function asText() {
  return `Epione recovery codes\n${location.host}\n` +
    `Each code works once.\n\n${codes.join('\n')}\n`;
}

function download() {
  const url = URL.createObjectURL(
    new Blob([asText()], { type: 'text/plain' }));

  h('a', { href: url, download: 'epione-recovery-codes.txt' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

void limits(formOf('confirm-form')).catch(() => {}); // the server judges, too
onSubmit(formOf('confirm-form'), async ({ code }) => {
  try {
    const { body } = await post('/v1/account/totp/confirm', { code });
    codes = body.recovery_codes;
    showCodes();
  } catch (problem) {
    inputOf('code').select();
    throw problem;
  }
});

onSubmit(formOf('saved-form'), async () => {
  codes = [];
  fill(el('codes'));
  location.replace(home(session));
});

el('copy-codes').addEventListener('click', async () => {
  const done = await copy(asText());

  announce(done ? 'Codes copied' : 'Select the codes and copy them');
  el('copy-codes').textContent = done ? 'Copied' : 'Copy';
});
el('download-codes').addEventListener('click', download);
el('print-codes').addEventListener('click', () => print());
addEventListener('beforeunload', (event) => {
  if (codes.length) event.preventDefault();
});

/** Asks the server for a key; a session that is active must first step up. */
async function offer() {
  try {
    showOffer((await post('/v1/account/totp')).body);
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.code !== 'step_up_required')
      throw problem;
    if (await stepUp('Before you change your app, enter a code from the ' +
        'one that you use now.')) await offer();
    else location.replace('/account');
  }
}

await offer();
