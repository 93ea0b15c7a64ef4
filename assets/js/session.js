// Who is here: the session, the navigation that goes with the role, the
// warning before automatic logoff, and leaving without a trace.

import { call, get, Problem, serverNow, whenSignedOut } from './api.js';
import { chime } from './chime.js';
import { announce, fill, h, icon, note } from './dom.js';
import { time } from './format.js';

/**
 * @typedef {object} User
 * @property {string} id
 * @property {string} display_name
 * @property {'admin'|'clinician'|'scheduler'|'compliance'|'patient'} role
 * @property {string} clinic_name
 * @property {string} [time_zone] the clinic's
 * @property {string | null} [patient_id] of a patient's own record
 */

/**
 * @typedef {object} Session
 * @property {'totp_required'|'totp_enrolment_required'|'password_expired'
 *   |'active'} state
 * @property {User} user
 * @property {string} idle_expires_at
 * @property {string} expires_at
 * @property {string | null} password_expires_at
 * @property {string | null} step_up_until
 * @property {number} password_min_length
 * @property {string | null} previous_sign_in_at
 * @property {number | null} failed_attempts to sign in since then
 * @property {number | null} approvals_waiting for this person to decide
 * @property {number | null} reviews_waiting for this person to sign
 * @property {string[]} may the operations that are open to this person
 */

/** Pages in the order of the navigation: path, words, icon, and the operation
 * that must be open to who is here. */
const NAV = [
  ['/visits', 'Visits', 'calendar', 'visit_list'],
  ['/patient', 'My record', 'record', ''],
  ['/book', 'Book', 'plus', 'visit_book'],
  ['/patients', 'Patients', 'users', 'patient_search'],
  ['/users', 'Users', 'users', 'user_create'],
  ['/overview', 'Overview', 'record', 'report_list'],
  ['/audit', 'Audit', 'shield', 'audit_list'],
  ['/reviews', 'Reviews', 'check', 'review_list'],
  ['/incidents', 'Incidents', 'alert', 'incident_list'],
  ['/reports', 'Reports', 'record', 'report_list'],
  ['/recordings', 'Recordings', 'video', 'audit_list'],
  ['/payments', 'Payments', 'record', 'payment_export'],
  ['/approvals', 'Approvals', 'check', 'approval_list'],
  ['/policy', 'Policy', 'shield', 'policy_patch'],
  ['/account', 'Account', 'lock', 'account_sessions']];

const STATES = /** @type {Record<string, string>} */ ({
  totp_required: '/', totp_enrolment_required: '/enrol',
  password_expired: '/password' });

/** How often the page looks whether the session still stands, in ms. */
const LOOK_MS = 20_000;
/** How long before automatic logoff the warning comes, in ms; at most half of
 * the limit, which a clinic may set as low as one minute. */
const WARN_MS = 120_000;
/** How often a person at work tells the server so, in ms. */
const TOUCH_MS = 60_000;
/** How often a question that may be heard repeats its sound, in ms. */
const CHIME_MS = 30_000;

/**
 * What is asked before automatic logoff.
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} stay on the button that answers
 * @property {boolean} [aloud] who is asked may have put the device aside
 */

/** @type {Question} */
const USUAL = { title: 'Are you still there?', text: 'You have not done ' +
  'anything for a while. To keep health records safe, we sign you out.',
stay: 'Stay signed in' };
let question = USUAL;
/** @type {Watch | null} */
let watch = null;

/**
 * Puts another question in place of the usual one, on a page where people do
 * nothing for good reason. One that is open is taken back: who has just been
 * let into a call need not answer it.
 * @param {Question} [other] none: the usual
 */
export function askOnIdle(other = USUAL) {
  if (question === other) return;
  question = other;
  watch?.anew();
}

/**
 * Is this operation open to who is here? The server says it of the session, and
 * of each record.
 * @param {Record<string, any>} thing @param {string} operation
 */
export const may = (thing, operation) => thing.may.includes(operation);

/** @param {Session} session Is somebody here for themselves, as a patient? */
export const isOwn = (session) => Boolean(session.user.patient_id);

/** @param {Session} session */
const pagesOf = (session) => NAV.filter(([,,, operation]) =>
  operation === '' ? isOwn(session) : may(session, operation));

/**
 * Where this person begins. A session that was read before it was a full one
 * does not say yet what is open: the first page asks again.
 * @param {Session} session
 */
export function home(session) {
  if (session.state !== 'active') return '/';
  return pagesOf(session)[0]?.[0] ?? '/account';
}

/**
 * The page to go to with a session in this state.
 * @param {Session} session
 * @param {string} [next] where the person wanted to go
 */
export function pageFor(session, next = '') {
  return STATES[session.state] ?? (safeNext(next) || home(session));
}

/**
 * A path of our own, or ''. Never another origin.
 * @param {string} next
 */
export function safeNext(next) {
  return /^\/[a-z][a-z-]*(\?[A-Za-z0-9=&-]*)?$/.test(next) ? next : '';
}

/** Takes everything that was read off the page. */
//= PA-10: nothing of a patient stays in the document after sign-out
function wipe() {
  for (const video of document.querySelectorAll('video'))
    video.srcObject = null;
  document.querySelector('main')?.replaceChildren();
  document.getElementById('who')?.replaceChildren();
  document.getElementById('nav')?.replaceChildren();
  for (const dialog of document.querySelectorAll('dialog')) dialog.remove();
  sessionStorage.clear();
  document.title = 'Signed out – Epione';
}

const tabs = new BroadcastChannel('epione');

/** @param {string} why a word for the sign-in page */
function leave(why) {
  const here = safeNext(location.pathname + location.search);

  wipe();
  location.replace(why === 'out' ? '/?signed=out'
    : `/?signed=${why}&next=${encodeURIComponent(here)}`);
}

/** Is this page signing out? What it asks beside that learns of it first. */
let goes = false;

/** Signs out here and in every tab. */
export async function signOut() {
  goes = true;
  try {
    await call('DELETE', '/v1/session');
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 0) {
      goes = false;
      announce('We could not sign you out. Check your internet.');
      showBanner(problem);
      return;
    }
  }
  tabs.postMessage('out');
  leave('out');
}

tabs.addEventListener('message', () => leave('out'));

// Back to a page that the browser kept: read it anew, or not at all.
//= PA-10: Back shows nothing of the session that ended
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  wipe();
  location.reload();
});

/** @param {Session} session */
function renderTop(session) {
  const here = location.pathname;
  const nav = document.getElementById('nav');
  const who = document.getElementById('who');

  const pages = session.state === 'active' ? pagesOf(session) : [];
  const waiting = /** @type {Record<string, number | null>} */ ({
    '/approvals': session.approvals_waiting,
    '/reviews': session.reviews_waiting });
  const links = pages.map(([path, text, name]) =>
    h('li', {}, h('a', { href: path,
      'aria-current': path === here ? 'page' : null }, icon(name), text,
    waiting[path]
      ? h('span', { class: 'count' }, String(waiting[path]),
        h('span', { class: 'unseen' }, ' waiting')) : null)));
  if (nav) fill(nav, ...links);
  if (who) fill(who, h('span', { class: 'who-name' },
    h('span', { class: 'unseen' }, 'Signed in as '),
    session.user.display_name),
    h('button', { type: 'button', class: 'button quiet',
      onclick: () => void signOut() }, icon('out'), 'Sign out'));
  const clinic = document.getElementById('clinic');
  if (clinic) clinic.textContent = session.user.clinic_name;
}

/** @param {Problem} problem a strip at the top that says so, and offers more */
function showBanner(problem) {
  hideBanner();
  const again = h('button', { type: 'button', class: 'button',
    onclick: () => location.reload() }, 'Try again');
  const strip = note('bad', h('p', {}, problem.message), again);

  strip.id = 'banner';
  strip.setAttribute('role', 'alert');
  document.querySelector('main')?.prepend(strip);
}

/** Takes the strip away. */
function hideBanner() {
  document.getElementById('banner')?.remove();
}

/** Watches one session: looks, touches, warns, leaves. */
class Watch {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.busyHands = false;
    this.touched = Date.now();
    this.asked = 0;
    /** How many questions were sent, and which of them the answer is to. */
    this.turn = this.heard = 0;
    /** @type {HTMLDialogElement | null} */
    this.dialog = null;
    this.quietUntil = 0;
    this.chimedAt = 0;
    this.title = '';
    this.saidEnd = false;
    this.limit = this.left();
    for (const kind of ['keydown', 'pointerdown', 'input'])
      addEventListener(kind, () => { this.busyHands = true; },
        { passive: true, capture: true });
    setInterval(() => void this.look(), LOOK_MS);
    setInterval(() => this.tick(), 1000);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.look();
    });
    addEventListener('online', () => void this.ask(true));
  }

  /** @returns {number} ms until automatic logoff */
  left() {
    return Date.parse(this.session.idle_expires_at) - serverNow();
  }

  /** Typing in a form is work, though no request shows it: so one does. */
  async look() {
    const touch = this.busyHands && !this.dialog &&
      Date.now() - this.touched > TOUCH_MS;

    await this.ask(!touch);
  }

  /** @param {boolean} background */
  async ask(background) {
    const turn = ++this.turn;

    this.asked = Date.now();
    if (!background) {
      this.busyHands = false;
      this.touched = Date.now();
    }
    try {
      const answer = await get('/v1/session', { background });
      if (turn < this.heard) return; // a later one was answered before
      this.heard = turn;
      this.session = answer.body;
      const way = STATES[this.session.state];
      //= IA-15: what expires in mid-session leads to its page
      if (way && way !== location.pathname) location.assign(way);
      hideBanner();
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 0)
        showBanner(problem);
    }
    this.tick();
  }

  /** Once a second: time to warn? time to go? */
  tick() {
    const left = this.left();

    this.limit = Math.max(this.limit, left);
    if ((left <= -2000 || document.getElementById('banner')) &&
        Date.now() - this.asked > 5000) void this.ask(true);
    if (left < Math.min(WARN_MS, this.limit / 2) &&
        Date.now() >= this.quietUntil)
      this.warn(Math.max(0, Math.ceil(left / 1000)));
    else this.unwarn();
    this.warnEnd();
  }

  /**
   * @param {number} seconds
   */
  //= PA-02: the warning comes two minutes ahead, and one key extends
  warn(seconds) {
    const text = seconds > 60
      ? `You will be signed out in ${Math.ceil(seconds / 60)} minutes`
      : `You will be signed out in ${seconds} seconds`;

    if (!this.dialog) {
      this.dialog = this.makeDialog();
      document.body.append(this.dialog);
      this.dialog.showModal();
      this.title = document.title;
      document.title = question.title;
      this.chimedAt = 0;
    }
    if (question.aloud && Date.now() - this.chimedAt >= CHIME_MS) {
      this.chimedAt = Date.now();
      chime();
    }
    const line = this.dialog.querySelector('.left');
    if (line && line.textContent !== text) line.textContent = text;
  }

  makeDialog() {
    const stay = h('button', { type: 'submit', class: 'button primary',
      autofocus: true }, question.stay);
    const form = h('form', { method: 'dialog' },
      h('h2', { id: 'idle-title' }, question.title),
      h('p', { id: 'idle-text' }, question.text),
      h('p', { class: 'left strong', 'aria-live': 'off' }),
      h('div', { class: 'actions' }, stay,
        h('button', { type: 'button', class: 'button',
          onclick: () => void signOut() }, 'Sign out now')));
    const dialog = h('dialog', { class: 'dialog', role: 'alertdialog',
      'aria-labelledby': 'idle-title', 'aria-describedby': 'idle-text' },
      form);

    // Escape closes it too: any answer means that somebody is there.
    dialog.addEventListener('close', () => {
      this.unwarn();
      void this.ask(false);
    });
    return dialog;
  }

  unwarn() {
    const dialog = this.dialog;

    this.dialog = null;
    if (!dialog) return;
    dialog.remove();
    document.title = this.title;
  }

  /** The session may be in use by now, in a way that the server must tell. */
  anew() {
    if (!this.dialog) return;
    this.unwarn();
    this.quietUntil = Date.now() + 5000;
    setTimeout(() => void this.ask(true), 4000);
  }

  /** The limit that nothing extends: said once, in time to save work. */
  warnEnd() {
    const left = Date.parse(this.session.expires_at) - serverNow();

    if (this.saidEnd || !(left < 5 * 60_000) || left <= 0) return;
    this.saidEnd = true;
    const main = document.querySelector('main');
    const text = 'Your session ends at ' +
      `${time(this.session.expires_at)}. Save your work, then sign in again.`;
    main?.prepend(note('warn', h('p', {}, text)));
    announce(text);
  }
}

/** @param {Session} session */
function warnPassword(session) {
  const end = session.password_expires_at;

  if (!end || location.pathname === '/password') return;
  const days = Math.floor((Date.parse(end) - serverNow()) / 86_400_000);
  if (days >= 14 || days < 0) return;
  //= IA-15: warnings from 14 days before
  const when = days < 1 ? 'today' : days === 1 ? 'tomorrow' : `in ${days} days`;
  document.querySelector('main')?.prepend(note('warn',
    h('p', {}, `Your password expires ${when}. `,
      h('a', { href: '/password' }, 'Choose a new one'))));
}

/** @param {Session} session the page is not for this role */
export function refuse(session) {
  const main = document.querySelector('main');

  if (main) fill(main, h('h1', {}, 'This page is not for your role'),
    h('p', {}, 'You are signed in, but this page is for other staff.'),
    h('p', {}, h('a', { class: 'button primary', href: home(session) },
      'Go to your start page')));
}

/**
 * Begins a page for people who are signed in. Answers when the session is
 * known to be right for it; else the browser is already on its way elsewhere
 * and the promise never resolves.
 * @param {string} operation that the page is there for; '' for all
 * @param {string} [state] in which the page is of use
 * @returns {Promise<Session>}
 */
export async function begin(operation, state = 'active') {
  const never = new Promise(() => {});
  const main = document.querySelector('main');

  // Until the page's own code listens, its forms must not be sent.
  if (main) main.inert = true;
  whenSignedOut(() => leave(goes ? 'out' : 'idle'));
  try {
    const session = /** @type {Session} */ ((await get('/v1/session')).body);
    if (session.state !== state && session.state !== 'active') {
      location.replace(pageFor(session));
      return /** @type {Promise<never>} */ (never);
    }
    renderTop(session);
    if (session.state === 'active' && operation &&
        !may(session, operation)) {
      refuse(session);
      return /** @type {Promise<never>} */ (never);
    }
    watch = new Watch(session);
    if (session.state === 'active') warnPassword(session);
    if (session.state === 'active' && !isOwn(session) &&
        may(session, 'recording_list'))
      void import('./uploads.js').then(({ sendLeft }) =>
        sendLeft(session.user.id));
    document.body.classList.add('ready');
    return session;
  } catch (problem) {
    if (problem instanceof Problem && problem.status !== 401)
      showBanner(problem);
    return /** @type {Promise<never>} */ (never);
  } finally {
    if (main) main.inert = false;
  }
}
