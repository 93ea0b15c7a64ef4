// How much a field may hold: from the server's own description of the call that
// the form makes, and from nowhere else. The server judges in any case.

import { get } from './api.js';

/**
 * What the description says of a field: "address.city" is a member of a member,
 * "items.title" one of each item.
 * @param {any} schema @param {string} name
 */
function memberOf(schema, name) {
  const [first = '', second] = name.split('.');
  const member = schema.properties[first];

  return second ? (member?.items ?? member)?.properties?.[second] : member;
}

/** @type {Promise<any> | null} read once for all forms of a page */
let description = null;

function described() {
  description ??= get('/v1/openapi.json', { keep: true }).then(({ body }) => body,
    (problem) => {
      description = null;
      throw problem;
    });
  return description;
}

/**
 * What the description says of the body of a call: "POST /v1/visits".
 * @param {string} call
 */
async function schemaOf(call) {
  const [method = '', path = ''] = call.split(' ');
  const { paths } = await described();
  const { content } = paths[path][method.toLowerCase()].requestBody;
  const [{ schema }] = /** @type {any[]} */ (Object.values(content));

  return schema;
}

/**
 * The values that a member of a call's body may have.
 * @param {string} call @param {string} name @returns {Promise<string[]>}
 */
export const choices = async (call, name) =>
  memberOf(await schemaOf(call), name)?.enum ?? [];

/**
 * Sets the limits of a form's fields. Lengths are counted in letters, which
 * `maxlength` does not do.
 * @param {HTMLFormElement} form with its call as `data-call`: "POST /v1/visits"
 */
export async function limits(form) {
  const schema = await schemaOf(form.dataset.call ?? '');

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
