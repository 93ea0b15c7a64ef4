// A visit by link: no account, one visit, and nothing left behind. The token is
// in the fragment, which no server log and no Referer header ever sees, and leaves
// the address bar at once.

import { call, get, post, Problem } from './api.js';
import { el, fill, formOf, h, inputOf, note, selectOf, showOnly }
  from './dom.js';
import { Fault, digits, onSubmit, words } from './form.js';
import { longDay, time } from './format.js';

/** @typedef {import('./call-way.js').Way} Way */

/** What the address is once the link is opened: a reload is no way out. */
const HERE = '/call?by=link';
const STAGES = ['stage-join', 'stage-check', 'stage-wait', 'stage-call',
  'stage-end'];
const token = location.hash.slice(1);
const isReload = new URLSearchParams(location.search).get('by') === 'link';

if (token) {
  history.replaceState(null, '', HERE);
  // another link into the same tab
  addEventListener('hashchange', () => location.reload());
}

/** @returns {boolean} has this page been opened by a link to a visit? */
export const isGuestHere = () => token !== '' || isReload;

/**
 * The visit, in the words that an account's would have.
 * @param {string} id
 */
async function lobby(id) {
  const { body } = await get(`/v1/visits/${id}/lobby`, { background: true });

  el('clinic').textContent = body.clinic_name;
  return { ...body, id, may: body.state === 'open' ? ['visit_signal'] : [],
    status: body.state === 'over' ? 'ended' : 'arrived' };
}

/** Signs out; who cannot be reached has nothing more to be told. */
async function leave() {
  await call('DELETE', '/v1/session').catch(() => {});
  sessionStorage.clear();
}

/** @param {any} guest of the session @param {string} account @returns {Way} */
const wayOf = ({ visit_id: visit }, account) => ({ visit, account, waits: true,
  guest: true, read: () => lobby(visit), checkIn: async () => {},
  refuse: () => tell('warn', 'The visit is not open now',
    'Open your link again when it is time.'), leave });

/**
 * Says what there is to say in place of the form.
 * @param {'warn'|'bad'|'info'} kind @param {string} title
 * @param {string} text
 */
function tell(kind, title, text) {
  showOnly(STAGES, 'stage-join');
  el('title').textContent = title;
  document.title = `${title} – Epione`;
  el('join-lead').hidden = formOf('join-form').hidden = true;
  fill(el('join-note'), note(kind, h('p', {}, text)));
  el('title').focus();
}

const tellEnd = () => tell('warn', 'This link does not work any more',
  'The visit may be over, or the link was ended. If you think that this is ' +
  'wrong, call your clinic.');

/** @param {unknown} problem @returns {boolean} is there nothing left to try? */
function tellOff(problem) {
  if (!(problem instanceof Problem)) return false;
  if (problem.status === 410) tellEnd();
  else if (problem.code === 'too_early') tell('info', 'You are early',
    `Your visit opens on ${longDay(problem.opensAt)} at ` +
    `${time(problem.opensAt)}. Keep the link, and open it again then.`);
  else return false;
  return true;
}

/** @param {Record<string, string>} values as far as it is known */
function birthDate({ year = '', month = '', day = '' }) {
  const number = digits(day);

  if (number && !month) throw new Fault('month', 'Choose the month');
  return [digits(year), month, number && number.padStart(2, '0')]
    .filter(Boolean).join('-');
}

/** @param {boolean} asks for the birth date @returns {Promise<any>} */
function joined(asks) {
  const form = formOf('join-form');

  form.hidden = el('born-field').hidden = false;
  el('born-field').hidden = !asks;
  inputOf('born-year').required = asks;
  for (const field of [inputOf('born-year'), inputOf('born-day'),
    selectOf('born-month')]) field.disabled = !asks;
  return new Promise((resolve) => onSubmit(form, async (values) => {
    try {
      const { body } = await post(`/v1/invitations/${token}/join`,
        asks ? { birth_date: birthDate(values) } : {});
      form.reset(); // nothing of it stays in the page
      resolve(body);
    } catch (problem) {
      if (!tellOff(problem)) throw problem;
    }
  }));
}

/** @returns {Promise<Way>} whoever was here before the page was loaded again */
async function resumed() {
  const never = /** @type {Promise<never>} */ (new Promise(() => {}));

  try {
    const { body } = await get('/v1/session');
    if (body.guest) return wayOf(body.guest, body.user.id);
    location.replace('/visits'); // an account's own
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 401)
      tell('info', 'You have left the visit', 'To come back, open your link ' +
        'again.');
    else tell('bad', 'We could not connect', words(problem));
  }
  return never;
}

/** @returns {Promise<Way>} */
export async function joinByLink() {
  if (!token) return resumed();
  showOnly(STAGES, 'stage-join');
  try {
    const { body } = await get(`/v1/invitations/${token}/visit`);
    el('clinic').textContent = body.clinic_name;
    el('title').textContent = 'Your video visit';
    el('join-lead').textContent = `${body.clinic_name} has invited you. You ` +
      'need no account, and nothing is installed.';
    await joined(body.birth_date);
  } catch (problem) {
    if (!tellOff(problem)) tell('bad', 'We could not connect', words(problem));
    return new Promise(() => {});
  }
  return resumed();
}
