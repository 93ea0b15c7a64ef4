// What visits cost, as a list that is kept as a whole: each change is saved at
// once, and a list that somebody else has changed meanwhile is read again.

import { get, patch, Problem } from './api.js';
import { announce, buttonOf, el, fill, formOf, h, note, selectOf, table }
  from './dom.js';
import { ask, confirm } from './dialog.js';
import { minorOf, money, plainAmount } from './format.js';
import { Fault, onSubmit, words } from './form.js';
import { choices, limits } from './limits.js';
import { begin } from './session.js';

/**
 * @typedef {object} Fee
 * @property {string} code
 * @property {string} title
 * @property {number} amount_minor
 * @property {string} currency
 */

await begin('fee_patch');
const form = formOf('form');
/** @type {Fee[]} */
let fees = [];
let etag = '';
/** @type {string[]} */
let currencies = [];

/** @param {unknown} problem */
function complain(problem) {
  fill(el('note'), note('bad', h('p', { role: 'alert' }, words(problem))));
}

/** @param {Record<string, unknown>} change @param {string} said */
async function save(change, said) {
  try {
    await patch('/v1/clinic/fees', change, etag);
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 412) await load();
    throw problem;
  }
  await load();
  fill(el('note'), note('ok', h('p', {}, said)));
  announce(said);
}

/**
 * @param {string} name @param {string} label @param {string} value
 * @param {string} missing @param {string} [hint]
 */
const field = (name, label, value, missing, hint = '') =>
  h('div', { class: 'field' }, h('label', { for: `fee-${name}` }, label),
    hint && h('p', { class: 'hint', id: `fee-${name}-hint` }, hint),
    h('input', { id: `fee-${name}`, name: `items.${name}`, type: 'text',
      required: true, autocomplete: 'off', value, 'data-missing': missing,
      'aria-describedby': hint ? `fee-${name}-hint` : null,
      inputmode: name === 'amount' ? 'decimal' : null }));

/** @param {Fee | null} fee none: a new one */
function edit(fee) {
  const money = h('select', { id: 'fee-currency', name: 'items.currency',
    required: true }, ...currencies.map((code) => h('option',
    { value: code, selected: code === (fee?.currency ?? fees[0]?.currency ??
      'USD') }, code)));
  const form = h('form', { 'data-call': 'PATCH /v1/clinic/fees' },
    h('h2', { id: 'fee-title-of' }, fee ? 'Change a fee' : 'Add a fee'),
    field('code', 'Short name', fee?.code ?? '', 'Enter the short name',
      'Tells it apart from others, such as VIDEO30'),
    field('title', 'Name', fee?.title ?? '', 'Enter the name',
      'Patients see this'),
    field('amount', 'Amount', fee
      ? plainAmount(fee.amount_minor, fee.currency) : '',
    'Enter the amount'),
    h('div', { class: 'field' }, h('label', { for: 'fee-currency' },
      'Currency'), money),
    h('div', { class: 'actions' }, h('button', { type: 'submit',
      class: 'button primary' }, 'Save'), h('button', { type: 'button',
      class: 'button', onclick: () => dialog.close() }, 'Cancel')));
  const dialog = h('dialog', { class: 'dialog',
    'aria-labelledby': 'fee-title-of' }, form);

  void limits(form).catch(() => {}); // the server judges, too
  onSubmit(form, async (values) => {
    const currency = values['items.currency'] ?? '';
    const made = { code: values['items.code'] ?? '',
      title: values['items.title'] ?? '', currency,
      amount_minor: minorOf(values['items.amount'] ?? '', currency) };
    const others = fees.filter((one) => one !== fee);

    if (!(made.amount_minor > 0))
      throw new Fault('items.amount', 'Enter an amount, such as 45.00');
    if (others.some((one) => one.code === made.code))
      throw new Fault('items.code', 'Another fee has this short name');
    await save({ items: fee ? fees.map((one) => one === fee ? made : one)
      : [...fees, made] }, `${made.title} is saved.`);
    dialog.close();
  });
  void ask(dialog);
}

/** @param {Fee} fee */
async function remove(fee) {
  if (!await confirm({ title: `Take ${fee.title} off the list?`, text:
    'Visits that were booked with it keep it.', yes: 'Take it off' })) return;
  await save({ items: fees.filter((one) => one !== fee) },
    `${fee.title} is off the list.`);
}

/** @param {Fee} fee */
const cells = (fee) => [fee.title, fee.code,
  money(fee.amount_minor, fee.currency), h('div', { class: 'actions' },
    h('button', { type: 'button', class: 'button', 'aria-label':
      `Change ${fee.title}`, onclick: () => edit(fee) }, 'Change'),
    h('button', { type: 'button', class: 'button quiet', 'aria-label':
      `Take off ${fee.title}`,
    onclick: () => void remove(fee).catch(complain) }, 'Take off'))];

async function load() {
  const answer = await get('/v1/clinic/fees');

  fees = answer.body.items;
  ({ etag } = answer);
  selectOf('pay_when').value = answer.body.pay_when;
  fill(el('fees'), fees.length ? table('Fees', ['Name', 'Short name',
    'Amount', 'Do'], fees.map(cells)) : h('div', { class: 'card empty' },
    h('p', {}, 'No fees: visits cost nothing.')));
  form.hidden = false;
}

buttonOf('add').addEventListener('click', () => edit(null));
onSubmit(form, async ({ pay_when }) => save({ pay_when }, 'Saved.'));
void limits(form).catch(() => {});
await load().then(async () => {
  currencies = await choices('PATCH /v1/clinic/fees', 'items.currency');
}).catch((problem) => {
  fill(el('fees'));
  complain(problem);
});
