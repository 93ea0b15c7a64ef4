// How one comes to a visit: with an account, or by a link to this one visit. The
// call itself is the same for both; what differs is here and in guest.js.

import { get, post } from './api.js';
import { el, fill, h } from './dom.js';
import { isGuestHere, joinByLink } from './guest.js';
import { begin, isOwn, may, refuse } from './session.js';

/**
 * @typedef {object} Way
 * @property {string} visit its id
 * @property {string} account who is here
 * @property {boolean} waits to be let in by the clinician
 * @property {boolean} guest came by a link
 * @property {() => Promise<any>} read the visit as it stands
 * @property {() => Promise<void>} checkIn
 * @property {() => void} refuse this visit is not for who is here
 * @property {() => Promise<void>} leave for good, without a trace
 */

/** @returns {Promise<Way>} */
async function byAccount() {
  const session = await begin('visit_list');
  const visit = new URLSearchParams(location.search).get('visit') ?? '';

  return { visit, account: session.user.id, waits: isOwn(session),
    guest: false,
    read: async () => (await get(`/v1/visits/${visit}`,
      { background: true })).body,
    checkIn: async () => { await post(`/v1/visits/${visit}/check-in`); },
    refuse: () => refuse(session),
    leave: async () => {} };
}

/**
 * Some browsers have no calls in them, those inside of other apps for one.
 * @returns {Promise<never>}
 */
function sayNoCalls() {
  fill(el('main'), h('h1', {}, 'This browser cannot make video calls'),
    h('p', {}, 'Open this page in Chrome, Edge, Firefox or Safari, as new as ' +
      'your device has it.'),
    h('p', {}, 'If you came here from a mail or chat app, choose “Open in ' +
      'browser” there, or copy the address.'));
  return new Promise(() => {});
}

/** @returns {Promise<Way>} settles when it is known who is here, and to what */
export async function wayIn() {
  const calls = 'RTCPeerConnection' in globalThis;

  if (!isGuestHere()) return byAccount().then((way) => calls ? way : sayNoCalls());
  document.body.classList.add('ready');
  el('nav').closest('nav')?.remove();
  return calls ? joinByLink() : sayNoCalls();
}

/** @param {any} visit */
export const isEnterable = (visit) => may(visit, 'visit_signal');
