// Forms: what is wrong is said twice, in a summary that takes the focus and
// beside the field; nothing that was typed is lost.

import { Problem } from './api.js';
import { h, icon } from './dom.js';
import { span } from './format.js';

/**
 * @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Field
 */

/**
 * What to tell a person about a problem that has no field.
 * @param {unknown} problem
 */
export function words(problem) {
  if (!(problem instanceof Problem))
    return 'Something went wrong on this page. Load it again.';
  //= IA-09: whoever has to wait is told how not to
  if (problem.code === 'too_many_attempts')
    return `Too many failed tries. Wait ${span(problem.retryAfterS)}, or ` +
      'sign in on a device or network where you did before, or call ' +
      'your clinic: they can unlock your account or send you a new link.';
  if (problem.status === 429 && problem.retryAfterS > 0)
    return `Too many tries. Wait ${span(problem.retryAfterS)}, ` +
      'then try again.';
  if (problem.status >= 500 && problem.requestId)
    return `${problem.message} If you call us, say this number: ` +
      problem.requestId.slice(0, 8);
  return problem.message;
}

/** @param {HTMLFormElement} form @returns {Field[]} */
function fieldsOf(form) {
  return [...form.elements].filter((node) =>
    (node instanceof HTMLInputElement || node instanceof HTMLSelectElement ||
     node instanceof HTMLTextAreaElement)).map((node) =>
    /** @type {Field} */ (node));
}

/** @param {Field} field */
function labelOf(field) {
  const label = field.labels?.[0];
  const text = [...label?.childNodes ?? []].filter((node) =>
    !(node instanceof HTMLElement && (node.classList.contains('optional') ||
      node.classList.contains('required'))))
    .map((node) => node.textContent).join('');

  return label?.dataset.name ?? (text.trim() || field.name);
}

/** @param {Field} field what to say when it is empty */
const missing = (field) => field.dataset.missing ??
  `Enter the ${labelOf(field).toLowerCase()}`;

/** @param {Field} field what to say when its value is not one */
const invalid = (field) => field.dataset.invalid ??
  `Check the ${labelOf(field).toLowerCase()}`;

/**
 * A field with its label and hint, as forms that are made by a script have them.
 * @param {string} form what its ids begin with
 * @param {string} name @param {string} title @param {string} hint or ''
 * @param {HTMLElement} input
 */
export function fieldOf(form, name, title, hint, input) {
  input.id = `${form}-${name}`;
  input.setAttribute('name', name);
  input.dataset.missing ??= `Fill in: ${title}`;
  input.dataset.invalid ??= `Check: ${title}`;
  if (hint) input.setAttribute('aria-describedby', `${input.id}-hint`);
  return h('div', { class: 'field' }, h('label', { for: input.id }, title),
    hint ? h('p', { class: 'hint', id: `${input.id}-hint` }, hint) : null, input);
}

/**
 * Where some fields may stay empty, the labels of the others say that they may not.
 * The form need not be on the page yet, where its fields would know their labels.
 * @param {HTMLFormElement} form
 */
export function markRequired(form) {
  const fields = fieldsOf(form);

  if (fields.every((field) => field.required)) return;
  for (const field of fields.filter((one) => one.required))
    form.querySelector(`label[for="${field.id}"]`)?.append(' ',
      h('span', { class: 'required' }, '(required)'));
}

/** @type {WeakMap<Field, string>} what fields had before anybody typed */
const kept = new WeakMap();

/**
 * Takes what the form shows now as it is: what nobody touches is not judged.
 * @param {HTMLFormElement} form
 */
export function asKept(form) {
  for (const field of fieldsOf(form)) kept.set(field, field.value);
}

/** @param {Field} field is a code that is typed with spaces, or without? */
const isCode = (field) => field.autocomplete === 'one-time-code';

/** @param {Field} field what of it is sent */
function sentOf(field) {
  if (isCode(field)) return digits(field.value);
  // one that is shown is text, and still what was typed
  return field.autocomplete.endsWith('-password') ? field.value
    : field.value.trim();
}

/** @param {Field} field says how long it may be and how long it is, or '' */
function tooLong(field) {
  const most = Number(field.dataset.max);
  const n = [...sentOf(field).normalize('NFC')].length;

  if (!most || n <= most) return '';
  return isCode(field) ? invalid(field)
    : `${labelOf(field)} can have ${most} letters at most. This has ${n}`;
}

/** @param {Field} field what its own rules say is wrong, or '' */
function faultOf(field) {
  if (field.disabled || kept.get(field) === field.value) return '';
  if (tooLong(field)) return tooLong(field);
  if (field.validity.valid) return '';
  return field.validity.valueMissing ? missing(field) : invalid(field);
}

/**
 * What the server found wrong with a field, in the field's own words.
 * @param {Field | null} field
 * @param {unknown} problem
 */
function wordsFor(field, problem) {
  const code = problem instanceof Problem ? problem.code : '';

  if (field && code === 'missing_field') return missing(field);
  return field && code === 'invalid_field' ? invalid(field) : words(problem);
}

/** @param {Field} field @param {string} text */
function mark(field, text) {
  const id = `${field.id}-error`;
  const place = field.closest('.field') ?? field.parentElement;

  document.getElementById(id)?.remove();
  place?.classList.toggle('wrong', text !== '');
  const others = (field.getAttribute('aria-describedby') ?? '').split(' ')
    .filter((name) => name && name !== id);
  if (text) {
    const message = h('p', { class: 'error', id }, icon('alert'), text);
    const box = field.closest('.with-button') ?? field;
    box.before(message);
    box.closest('details')?.setAttribute('open', '');
    others.push(id);
    field.setAttribute('aria-invalid', 'true');
  } else field.removeAttribute('aria-invalid');
  if (others.length)
    field.setAttribute('aria-describedby', others.join(' '));
  else field.removeAttribute('aria-describedby');
}

/** @param {HTMLFormElement} form takes all messages away */
export function clearErrors(form) {
  form.querySelector('.summary')?.remove();
  for (const field of fieldsOf(form)) if (field.id) mark(field, '');
  document.title = document.title.replace(/^Problem: /, '');
}

/**
 * @param {HTMLFormElement} form
 * @param {Array<{field: Field | null, text: string}>} faults
 */
function showFaults(form, faults) {
  const items = faults.map(({ field, text }) => h('li', {}, field
    ? h('a', { href: `#${field.id}`, onclick: (event) => {
      event.preventDefault();
      field.focus();
    } }, text)
    : text));
  const title = h('h2', {}, 'There is a problem');
  const summary = h('div', { class: 'summary', tabindex: '-1',
    role: 'alert' }, title, h('ul', {}, ...items));

  for (const { field, text } of faults) if (field) mark(field, text);
  form.prepend(summary);
  summary.focus();
  summary.scrollIntoView({ block: 'nearest' });
  document.title = `Problem: ${document.title}`;
}

/**
 * The field that the server blames: by its name, or its last part
 * ("address.postal_code" and "/address/postal_code" are "postal_code").
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function fieldNamed(form, name) {
  const last = name.split(/[./]/).filter(Boolean).pop() ?? '';

  return fieldsOf(form).find((field) => field.name === name) ??
    fieldsOf(form).find((field) => field.name.split('.').pop() === last) ??
    null;
}

/**
 * @param {HTMLFormElement} form
 * @param {unknown} problem
 */
export function showProblem(form, problem) {
  const field = problem instanceof Problem && problem.field
    ? fieldNamed(form, problem.field) : null;

  clearErrors(form);
  showFaults(form, [{ field, text: wordsFor(field, problem) }]);
  if (!(problem instanceof Problem)) console.error(problem);
}

/**
 * A fault that only this page can know, such as two codes that differ.
 */
export class Fault extends Error {
  /** @param {string} name of the field @param {string} text */
  constructor(name, text) {
    super(text);
    this.field = name;
  }
}

/** @param {HTMLFormElement} form @param {boolean} busy */
function setBusy(form, busy) {
  for (const button of form.querySelectorAll('button')) {
    if (button.type !== 'submit') continue;
    button.setAttribute('aria-disabled', String(busy));
    button.classList.toggle('busy', busy);
  }
}

/**
 * Runs `work` when the form is sent and its fields are as they should be.
 * One at a time: a second press of the button does nothing meanwhile.
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>, button: HTMLElement | null)
 *   => Promise<void>} work
 */
export function onSubmit(form, work) {
  let busy = false;

  form.noValidate = true;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    clearErrors(form);
    const faults = fieldsOf(form).map((field) => ({ field,
      text: faultOf(field) })).filter(({ text }) => text);
    if (faults.length) return showFaults(form, faults);
    busy = true;
    setBusy(form, true);
    try {
      await work(valuesOf(form), event.submitter);
    } catch (problem) {
      if (problem instanceof Fault)
        showFaults(form, [{ field: fieldNamed(form, problem.field),
          text: problem.message }]);
      else showProblem(form, problem);
    } finally {
      busy = false;
      setBusy(form, false);
    }
  });
}

/**
 * Asks before what was typed and not saved is left behind.
 * @param {HTMLFormElement} form
 * @returns {() => void} to say that it is saved, or given up
 */
export function askBeforeLeaving(form) {
  let typed = false;

  form.addEventListener('input', ({ target }) => {
    // What was looked for is not written by anybody.
    if (!(target instanceof HTMLInputElement && target.type === 'search'))
      typed = true;
  });
  window.addEventListener('beforeunload', (event) => {
    if (typed) event.preventDefault();
  });
  return () => { typed = false; };
}

/**
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>} passwords as typed, the rest trimmed
 */
export function valuesOf(form) {
  /** @type {Record<string, string>} */
  const values = {};

  for (const field of fieldsOf(form)) {
    if (!field.name || field.disabled) continue;
    if (field instanceof HTMLInputElement && field.type === 'checkbox')
      values[field.name] = field.checked ? 'on' : '';
    else if (field instanceof HTMLInputElement && field.type === 'radio') {
      if (field.checked) values[field.name] = field.value;
    } else
      values[field.name] = sentOf(field);
  }
  return values;
}

/**
 * Says of a new password how long the clinic wants it.
 * @param {string} id of its field; the hint is `id`-hint
 * @param {number} least
 */
//= IA-12: what the page says is what the server asks for
export function wantsLength(id, least) {
  const field = document.getElementById(id);
  const hint = document.getElementById(`${id}-hint`);

  if (!(field instanceof HTMLInputElement) || !hint) return;
  field.minLength = least;
  field.dataset.invalid = `Use at least ${least} letters, numbers or signs`;
  hint.textContent = `At least ${least} letters, numbers or signs. ` +
    (hint.textContent ?? '').replace(/^At least [^.]*\. /, '');
}

/**
 * One button beside a password shows it, for those who type with care.
 * @param {HTMLFormElement} form
 */
export function revealers(form) {
  for (const button of form.querySelectorAll('button[data-reveals]')) {
    const id = button.getAttribute('data-reveals') ?? '';
    const field = document.getElementById(id);
    if (!(field instanceof HTMLInputElement)) continue;
    button.addEventListener('click', () => {
      const shown = field.type === 'text';
      field.type = shown ? 'password' : 'text';
      button.setAttribute('aria-pressed', String(!shown));
    });
    // A password that was shown is not left in the browser's form history.
    form.addEventListener('submit', () => { field.type = 'password'; });
  }
}

/**
 * One-time codes: what apps and mails put around the digits is dropped.
 * @param {string} text
 */
export const digits = (text) =>
  text.normalize('NFKC').replace(/[\s\p{Cf}-]/gu, '');

/**
 * What is pasted into an address brings along what cannot be seen; the browser's
 * own check would refuse it before the server could know better.
 * @param {HTMLInputElement} field
 */
export function plainAddress(field) {
  field.addEventListener('input', () => {
    const plain = field.value.normalize('NFKC').replace(/\p{Cf}/gu, '');

    if (plain !== field.value) field.value = plain;
  });
}
