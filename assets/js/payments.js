// The desk's view of payments: who owes, what months came to, each payment, and
// refunds.

import { get, post, Problem, query } from './api.js';
import { announce, buttonOf, el, fill, formOf, h, icon, inputOf, note,
  selectOf, table } from './dom.js';
import { takeAway } from './download.js';
import { ask } from './dialog.js';
import { addDays, exact, isoDay, minorOf, money, plainAmount, shortDay, time,
  utc } from './format.js';
import { Fault, onSubmit, valuesOf, words } from './form.js';
import { limits } from './limits.js';
import { moneyChart, monthName } from './money-chart.js';
import { patientFinder } from './patient-finder.js';
import { DISPUTES, differenceWords, stateChip, STATES }
  from './payment-words.js';
import { begin, may } from './session.js';
import { stepUp } from './step-up.js';

const session = await begin('payment_export');
const form = formOf('form');
/** @type {string | null} whose payments alone are shown */
let patient = null;

/** @typedef {import('./money-chart.js').Month} Month */

/** @param {unknown} problem */
function complain(problem) {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
  el('note').scrollIntoView({ block: 'nearest' });
}

/** @param {HTMLElement} place @param {string} text */
const empty = (place, text) => fill(place, h('div', { class: 'card empty' },
  h('p', {}, text)));

/** @param {string} text @param {() => Promise<void>} go */
const moreButton = (text, go) => h('button', { type: 'button',
  class: 'button', onclick: () => void go().catch(complain) }, icon('plus'),
text);

// Who owes

/** @param {any} due */
const dueCells = (due) => [due.patient_name ?? 'Not known',
  `${shortDay(due.starts_at)}, ${time(due.starts_at)}`, due.title,
  money(due.amount_minor, due.currency),
  due.state ? stateChip(due.state) : 'Not asked for yet',
  h('a', { class: 'button', href: `/payment?visit=${due.visit_id}`,
    'aria-label': `Open: ${due.patient_name ?? 'a patient'}, ` +
      shortDay(due.starts_at) }, 'Open')];

/** @type {any[]} */
let dues = [];

/** @param {string} [cursor] */
async function loadDue(cursor) {
  const { body } = await get('/v1/payments/due' + query({ cursor }));

  dues = cursor ? [...dues, ...body.items] : body.items;
  if (dues.length) fill(el('due'), table('Not paid yet, the latest first',
    ['Patient', 'Visit', 'For', 'Amount', 'Payment', 'Do'],
    dues.map(dueCells)));
  else empty(el('due'), 'Everything is paid.');
  fill(el('due-more'), body.next_cursor ? moreButton('Show older ones',
    () => loadDue(body.next_cursor)) : null);
}

// Months

/** @param {Month} m */
const monthCells = (m) => [monthName(m.month),
  ...[m.paid_minor, m.refunded_minor, m.disputed_minor, m.cost_minor,
    m.net_minor, m.payout_minor].map((n) => money(n, m.currency))];

/** @param {Date} date */
const monthOf = (date) => isoDay(date).slice(0, 7);

async function loadMonths() {
  const now = new Date();
  const { body } = await get('/v1/payments/months' + query({
    from: monthOf(new Date(now.getFullYear(), now.getMonth() - 11)),
    to: monthOf(now) }));
  /** @type {Map<string, Month[]>} */
  const by = new Map();

  for (const m of body.items)
    by.set(m.currency, [m, ...by.get(m.currency) ?? []]);
  for (const currency of by.keys())
    selectOf('currency').add(new Option(currency, currency));
  if (!by.size) {
    empty(el('months'), 'Nothing was paid in the last twelve months.');
    return;
  }
  fill(el('months'), ...[...by].flatMap(([currency, months]) => [
    by.size > 1 ? h('h3', {}, currency) : null, moneyChart(months),
    table(`Months, ${currency}`, ['Month', 'Paid', 'Given back', 'Disputed',
      'Kept by the processor', 'Stays', 'Paid out to you'],
    months.toReversed().map(monthCells))]));
}

// What the processor has and we do not

const MOVED = /** @type {Record<string, string>} */ ({
  charge: 'Paid by somebody', payment: 'Paid by somebody',
  refund: 'Given back', payment_refund: 'Given back',
  adjustment: 'Disputed, or put right', payout: 'Paid out',
  payout_failure: 'A payout that came back', topup: 'Paid in by you',
  stripe_fee: 'Kept by the processor' });

/** @param {any} one */
async function resolve(one) {
  await post(`/v1/payment-differences/${one.id}/resolve`);
  announce('Taken off the list');
  await loadDifferences();
}

/** @param {any} one */
const differenceCells = (one) => [exact(one.moved_at),
  MOVED[one.kind] ?? 'Something else', money(one.amount_minor, one.currency),
  h('span', { class: 'mono' }, one.reference), h('button', { type: 'button',
    class: 'button', 'aria-label': `I have seen to it: ${one.reference}`,
    onclick: () => void resolve(one).catch(complain) }, 'I have seen to it')];

/** @type {any[]} */
let differences = [];

/** @param {string} [cursor] */
async function loadDifferences(cursor) {
  const { body } = await get('/v1/payment-differences' + query({ cursor }));

  differences = cursor ? [...differences, ...body.items] : body.items;
  el('differences-part').hidden = !differences.length;
  fill(el('differences'), table('Money that we know nothing of', ['When',
    'What', 'Amount', 'The processor’s number', 'Do'],
  differences.map(differenceCells)));
  fill(el('differences-more'), body.next_cursor ? moreButton('Show older ones',
    () => loadDifferences(body.next_cursor)) : null);
}

// Giving back

/** @param {any} payment @param {Record<string, string>} values */
async function refund(payment, values) {
  const body = { reason: values.reason,
    amount_minor: minorOf(values.amount ?? '', payment.currency) };

  if (!(body.amount_minor > 0 &&
      body.amount_minor <= payment.amount_minor - payment.refunded_minor))
    throw new Fault('amount', 'Enter an amount of up to ' +
      money(payment.amount_minor - payment.refunded_minor, payment.currency));
  try {
    await post(`/v1/payments/${payment.id}/refund`, body);
  } catch (problem) {
    if (problem instanceof Problem && problem.code === 'step_up_required' &&
        await stepUp('Giving money back needs a fresh code.'))
      return void await post(`/v1/payments/${payment.id}/refund`, body);
    throw problem;
  }
}

/** @param {any} payment */
function askRefund(payment) {
  const left = payment.amount_minor - payment.refunded_minor;
  const form = h('form', { 'data-call': 'POST /v1/payments/{id}/refund' },
    h('h2', { id: 'refund-title' },
      `Give money back to ${payment.patient_name ?? 'the payer'}?`),
    h('div', { class: 'field' }, h('label', { for: 'refund-amount' },
      `Amount in ${payment.currency}`),
    h('input', { id: 'refund-amount', name: 'amount', type: 'text',
      inputmode: 'decimal', required: true, autocomplete: 'off',
      value: plainAmount(left, payment.currency),
      'data-missing': 'Enter the amount' })),
    h('div', { class: 'field' }, h('label', { for: 'refund-reason' },
      'Reason'), h('p', { class: 'hint', id: 'refund-hint' },
      'Stays in the patient’s record. The processor is not told.'),
    h('input', { id: 'refund-reason', name: 'reason', type: 'text',
      required: true, autocomplete: 'off', 'aria-describedby': 'refund-hint',
      'data-missing': 'Say why' })),
    h('div', { class: 'actions' }, h('button', { type: 'submit',
      class: 'button danger' }, 'Give back'), h('button', { type: 'button',
      class: 'button', onclick: () => dialog.close() }, 'Go back')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'refund-title' }, form);

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async (values) => {
    await refund(payment, values);
    dialog.close();
    fill(el('note'), note('ok', h('p', {}, 'The money is on its way back.')));
    announce('The money is on its way back');
    await loadList();
  });
  return ask(dialog);
}

// Each payment

/** @param {any} p */
function stateCell(p) {
  const more = [p.refunded_minor && p.state !== 'refunded'
    ? `${money(p.refunded_minor, p.currency)} given back` : '',
  p.dispute ? DISPUTES[p.dispute] : '',
  p.difference ? differenceWords(p.difference) : '',
  p.restricted ? 'No health plan may be told.' : ''].filter(Boolean);

  return h('div', {}, stateChip(p.state), ...more.map((text) =>
    h('div', { class: 'small' }, text)));
}

/** @param {any} p */
const cells = (p) => [exact(p.created_at), p.patient_name ?? 'Not known',
  p.title, money(p.amount_minor, p.currency), stateCell(p),
  may(p, 'payment_refund')
    ? h('button', { type: 'button', class: 'button', 'aria-label':
      `Give back…: ${p.patient_name ?? 'a patient'}, ` +
      money(p.amount_minor, p.currency),
    onclick: () => void askRefund(p) }, 'Give back…') : ''];

/** Days as people mean them: the last one is part of the span. */
function filters() {
  const { from, to, state, currency } = valuesOf(form);

  return { state, currency, patient_id: patient,
    differs: inputOf('differs').checked ? 'true' : '',
    from: from ? utc(new Date(`${from}T00:00`)) : '',
    to: to ? utc(addDays(new Date(`${to}T00:00`), 1)) : '' };
}

/** @type {any[]} */
let payments = [];

/** @param {string} [cursor] */
async function loadList(cursor) {
  const { body } = await get('/v1/payments' + query({ ...filters(), cursor }));

  payments = cursor ? [...payments, ...body.items] : body.items;
  if (payments.length) fill(el('list'), table('Payments, newest first',
    ['Asked for', 'Patient', 'For', 'Amount', 'Status', 'Do'],
    payments.map(cells)));
  else empty(el('list'), 'No payments. Try a longer span or fewer filters.');
  fill(el('more'), body.next_cursor ? moreButton('Show older payments',
    () => loadList(body.next_cursor)) : null);
}

/** @param {...(string | Node)} what */
const exportSays = (...what) => fill(el('export-state'), ...what);

//= AZ-09: what leaves the clinic needs a fresh code
const copyOfPayments = () => takeAway({
  path: '/v1/payments/export' + query(filters()), name: 'payments',
  wait: 'Preparing the file.',
  why: 'A copy leaves the clinic’s system, so it needs a fresh code.',
  done: 'The file is among your downloads. It names nobody: patients and ' +
    'visits are in it by their ids.',
  says: exportSays,
});

buttonOf('export').addEventListener('click', () => void copyOfPayments());
onSubmit(form, async () => loadList());
el('fees-link').hidden = !may(session, 'fee_patch');
for (const [value, [text]] of Object.entries(STATES))
  selectOf('state').append(h('option', { value }, text));
inputOf('to').max = isoDay(new Date());
inputOf('from').max = isoDay(new Date());
if (may(session, 'patient_search')) {
  el('patient-part').hidden = false;
  patientFinder(inputOf('find'), buttonOf('find-button'), el('found'),
    (found) => {
      patient = found.id;
      el('patient-field').hidden = true;
      el('patient-chosen').hidden = false;
      el('patient-name').textContent = found.name;
      buttonOf('patient-other').focus();
      form.requestSubmit();
    });
  buttonOf('patient-other').addEventListener('click', () => {
    patient = null;
    el('patient-field').hidden = false;
    el('patient-chosen').hidden = true;
    inputOf('find').focus();
    form.requestSubmit();
  });
}
await Promise.all([loadDue(), loadMonths(), loadList(), loadDifferences()]
  .map((part) => part.catch(complain)));
