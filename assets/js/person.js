// The patient's form: between the API's nested members and the flat fields
// of the page, named "address.city".

/** @typedef {Record<string, any>} Patient */

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
      field.value = String(value);
    }
}

/** @param {Record<string, string>} values @param {string} name */
const clean = (values, name) => name === 'address.country'
  ? (values[name] ?? '').toUpperCase() : values[name];

/**
 * A new patient: only what was filled in.
 * @param {Record<string, string>} values
 * @returns {Patient}
 */
export function toPatient(values) {
  /** @type {Patient} */
  const patient = {};

  for (const name of Object.keys(values)) {
    const [first = '', second] = name.split('.');
    const value = clean(values, name);
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

  for (const name of Object.keys(values)) {
    const [first = '', second] = name.split('.');
    const was = memberOf(before, name) ?? '';
    const value = clean(values, name) ?? '';
    if (was === value) continue;
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
