// What a visit costs, and how its payment stands. Paying happens on the page of
// the processor: a card number is typed there and nowhere else.
//= PY-02: no page of ours takes a card
//= PY-03: payers go there by a link; nothing of theirs runs or shows here

import { get, post, Problem, query } from './api.js';
import { announce, el, fill, h, note } from './dom.js';
import { fullDay, money, shortDay, time } from './format.js';
import { words } from './form.js';
import { begin } from './session.js';

/**
 * @typedef {object} Payment
 * @property {string} id
 * @property {string} visit_id
 * @property {string} state
 * @property {number} amount_minor
 * @property {string} currency
 * @property {number} refunded_minor
 * @property {string | null} checkout_url
 * @property {string | null} paid_at
 * @property {boolean} restricted no health plan is told of it
 * @property {string[]} may
 */

/** How often a payment that is on its way is looked at, in ms. */
const LOOK_MS = 2000;

await begin('payment_list');
const params = new URLSearchParams(location.search);
let wanted = false; // the payer waits for the page to pay at
let shown = '';

/** @param {unknown} problem */
function complain(problem) {
  wanted = false;
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
}

/** @param {string} visit the last payment of it, with where to pay */
async function newestOf(visit) {
  const { body } = await get(`/v1/payments${query({ visit_id: visit })}`);

  return body.items.length
    ? (await get(`/v1/payments/${body.items[0].id}`)).body : null;
}

/** @param {Payment | null} payment @returns {Promise<any>} its visit */
async function visitOf(payment) {
  const id = payment?.visit_id ?? params.get('visit') ?? '';

  return (await get(`/v1/visits/${id}`)).body;
}

/** @param {Payment} payment what has become of it, as one says it */
function standing(payment) {
  const { amount_minor: whole, refunded_minor: back, currency } = payment;

  if (payment.state === 'paid' && back > 0)
    return ['ok', `Paid. ${money(back, currency)} was given back to you.`];
  return /** @type {Record<string, string[]>} */ ({
    opening: ['info', 'The page to pay at is being prepared.'],
    open: ['info', 'Not paid yet. If you have just paid, this page says so ' +
      'in a moment: there is no need to pay again.'],
    paid: ['ok', `Paid${payment.paid_at
      ? ` on ${shortDay(payment.paid_at)}` : ''}. Thank you.`],
    failed: ['warn', 'It did not work, and nothing was taken.'],
    expired: ['warn', 'The page to pay at has closed, and nothing was taken.'],
    refunding: ['info', 'Money is on its way back to you.'],
    refunded: ['ok', `${money(whole, currency)} was given back to you.`],
  })[payment.state] ?? ['info', ''];
}

/** @param {any} visit */
async function pay(visit) {
  fill(el('note'));
  wanted = true;
  announce('The page to pay at is being prepared');
  try {
    await post(`/v1/visits/${visit.id}/payments`, {});
    await show();
  } catch (problem) {
    complain(problem);
  }
}

/** @param {Payment} payment */
//= PR-04: whoever pays for themselves can keep it from their health plan
function restriction(payment) {
  const box = h('input', { id: 'restricted', type: 'checkbox',
    checked: payment.restricted, 'aria-describedby': 'restricted-hint',
    onchange: async () => {
      try {
        await post(`/v1/payments/${payment.id}/restrict`,
          { restricted: box.checked });
        announce(box.checked ? 'Your health plan is not told'
          : 'Your health plan may be told');
        await show();
        el('restricted').focus(); // it was drawn anew
      } catch (problem) {
        complain(problem);
      }
    } });

  return h('div', {}, h('div', { class: 'check' }, box,
    h('label', { for: 'restricted' },
      'Do not tell my health plan about this visit')),
  h('p', { class: 'hint', id: 'restricted-hint' }, 'You paid for it ' +
    'yourself, so you can ask for this. Your clinic keeps to it.'));
}

/** @param {any} visit @param {Payment | null} payment */
function draw(visit, payment) {
  const due = payment ?? visit.fee;
  const payable = visit.fee && visit.status !== 'cancelled' && (!payment ||
    ['opening', 'open', 'failed', 'expired'].includes(payment.state));
  const [kind, text] = payment ? standing(payment) : ['info', ''];

  if (!due) return [h('p', {}, 'Nothing is to be paid for this visit.')];
  const amount = money(due.amount_minor, due.currency);
  return [
    h('section', { class: 'card stack-s', 'aria-labelledby': 'what' },
      h('h2', { id: 'what' }, visit.fee?.title ?? 'Visit'),
      h('p', { class: 'when' }, amount),
      h('p', {}, `${fullDay(visit.starts_at)}, ${time(visit.starts_at)}, ` +
        `with ${visit.clinician_name}`),
      text ? note(kind, h('p', {}, text)) : null,
      payable ? h('button', { type: 'button', class: 'button primary',
        disabled: wanted, onclick: () => void pay(visit) },
      `Pay ${amount}`) : null,
      payable ? h('p', { class: 'muted small' },
        'You pay on the page of Stripe, and come back here. Your visit takes ' +
        'place whether it is paid or not. If you pay without a health plan, ' +
        `${amount} is what we expect the visit to cost you, and you can ask ` +
        'us for an estimate in writing.') : null,
      payment?.may.includes('payment_receipt') ? h('p', {}, h('a', {
        class: 'button', href: `/v1/payments/${payment.id}/receipt`,
        download: '' }, 'Receipt (PDF)')) : null,
      payment?.state === 'paid' ? restriction(payment) : null),
    h('p', {}, h('a', { href: '/visits' }, 'Back to your visits'))];
}

async function show() {
  const id = params.get('id');
  /** @type {Payment | null} */
  const payment = id && !wanted ? (await get(`/v1/payments/${id}`)).body
    : await newestOf(params.get('visit') ?? visitId);
  const visit = await visitOf(payment);
  const state = JSON.stringify([payment, wanted]);

  visitId = visit.id;
  if (wanted && payment?.checkout_url) {
    location.assign(payment.checkout_url);
    return;
  }
  if (wanted && payment && !['opening', 'open'].includes(payment.state))
    wanted = false;
  if (state === shown) return;
  shown = state;
  fill(el('payment'), ...draw(visit, payment));
}

let visitId = '';
await show().catch((problem) => {
  fill(el('payment'));
  complain(problem instanceof Problem ? problem : new Error('not shown'));
});
setInterval(() => {
  if (!document.hidden && visitId) void show().catch(() => {});
}, LOOK_MS);
