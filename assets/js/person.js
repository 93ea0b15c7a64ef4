// The patient's form: between the API's nested members and the flat fields
// of the page, named "address.city".

/** @typedef {Record<string, any>} Patient */

/** Boxes that say that there is nothing to say, and of what. */
const NOTHING = { one_name: 'given_name', no_date: 'birth_date' };

const GROUPS = ['address', 'emergency_contact', 'insurance'];

/** @param {Patient} patient @param {string} name */
function memberOf(patient, name) {
  const [first = '', second] = name.split('.');

  return second ? patient[first]?.[second] : patient[first];
}

/**
 * @param {HTMLFormElement} form
 * @param {Patient} patient
 */
export function fillForm(form, patient) {
  for (const field of form.elements)
    if (field instanceof HTMLInputElement ||
        field instanceof HTMLSelectElement) {
      const value = memberOf(patient, field.name) ?? '';

      if (field instanceof HTMLSelectElement && value &&
          ![...field.options].some((option) => option.value === value))
        field.add(new Option(String(value), String(value)));
      if (field.type !== 'checkbox') field.value = String(value);
    }
  for (const [box, name] of Object.entries(NOTHING)) {
    const node = form.elements.namedItem(box);
    if (node instanceof HTMLInputElement)
      node.checked = patient[name] === null;
  }
  nothingToSay(form);
}

/**
 * A box that is ticked closes its field, and says null for it.
 * @param {HTMLFormElement} form
 */
export function nothingToSay(form) {
  for (const [box, name] of Object.entries(NOTHING)) {
    const node = form.elements.namedItem(box);
    const field = form.elements.namedItem(name);
    if (!(node instanceof HTMLInputElement) ||
        !(field instanceof HTMLInputElement) || node.disabled) continue;
    const follow = () => {
      field.disabled = node.checked;
      if (node.checked) field.value = '';
    };
    node.onchange = follow;
    follow();
  }
}

/** @param {Record<string, string>} values those that the API knows */
function members(values) {
  const known = { ...values };

  for (const [box, name] of Object.entries(NOTHING)) {
    if (known[box] === 'on') known[name] = '';
    delete known[box];
  }
  return known;
}

/** @param {Record<string, string>} values @param {string} name */
const clean = (values, name) => name === 'address.country' &&
  values[name]?.length === 2 ? values[name].toUpperCase() : values[name];

/**
 * A new patient: only what was filled in.
 * @param {Record<string, string>} values
 * @returns {Patient}
 */
export function toPatient(values) {
  /** @type {Patient} */
  const patient = { given_name: null, birth_date: null };
  const said = members(values);

  for (const name of Object.keys(said)) {
    const [first = '', second] = name.split('.');
    const value = clean(said, name);
    if (!value) continue;
    if (second) (patient[first] ??= {})[second] = value;
    else patient[first] = value;
  }
  return patient;
}

/**
 * What changed, as a merge patch: null takes a member away (RFC 7396).
 * @param {Patient} before
 * @param {Record<string, string>} values
 * @returns {Patient}
 */
export function toPatch(before, values) {
  /** @type {Patient} */
  const patch = {};
  const said = members(values);

  for (const name of Object.keys(said)) {
    const [first = '', second] = name.split('.');
    const was = memberOf(before, name) ?? '';
    const value = clean(said, name) ?? '';
    if (was === value || was === said[name]) continue;
    if (second) (patch[first] ??= {})[second] = value || null;
    else patch[first] = value || null;
  }
  // A group of which nothing is left goes away as a whole.
  for (const group of GROUPS)
    if (patch[group] && Object.keys(values).filter((name) =>
      name.startsWith(`${group}.`)).every((name) => !values[name]))
      patch[group] = null;
  return patch;
}
