// How much a field may hold: from the server's own description of the call that
// the form makes, and from nowhere else. The server judges in any case.

import { get } from './api.js';

/**
 * What the description says of a field: "address.city" is a member of a member.
 * @param {any} schema @param {string} name
 */
function memberOf(schema, name) {
  const [first = '', second] = name.split('.');
  const member = schema.properties[first];

  return second ? member?.properties?.[second] : member;
}

/**
 * Sets the limits of a form's fields. Lengths are counted in letters, which
 * `maxlength` does not do.
 * @param {HTMLFormElement} form with its call as `data-call`: "POST /v1/visits"
 */
export async function limits(form) {
  const [method = '', path = ''] = (form.dataset.call ?? '').split(' ');
  const { body } = await get('/v1/openapi.json');
  const { content } = body.paths[path][method.toLowerCase()].requestBody;
  const [{ schema }] = /** @type {any[]} */ (Object.values(content));

  for (const field of form.elements) {
    if (!(field instanceof HTMLInputElement ||
          field instanceof HTMLTextAreaElement)) continue;
    const member = memberOf(schema, field.name);
    if (member?.maxLength) field.dataset.max = String(member.maxLength);
    if (!(field instanceof HTMLInputElement) || field.type !== 'number')
      continue;
    field.min = String(member?.minimum ?? '');
    field.max = String(member?.maximum ?? '');
  }
}
