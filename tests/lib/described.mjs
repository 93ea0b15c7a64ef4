// Holds every answer of the suites to docs/openapi.json: its status is foreseen
// there, and its body has the members that are described, and no others.
import { readFileSync } from 'node:fs';

const document = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
const paths = Object.entries(document.paths).map(([path, operations]) => ({ path, operations, pattern: new RegExp('^' + path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+') + '$') }));
const follow = (node) => node?.$ref ? node.$ref.slice(2).split('/').reduce((at, name) => at[name], document) : node;

const formats = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  date: /^\d{4}-\d\d-\d\d$/,
};
const typeOf = (v) => v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v;

/** What of a value is not as its JSON Schema has it, '' if nothing. */
function fault(value, schema, at) {
  const s = follow(schema), type = typeOf(value);
  if (s.type && ![s.type].flat().includes(type)) return `${at} is ${type}`;
  if (value === null) return '';
  if (s.enum && !s.enum.includes(value)) return `${at} is ${value}`;
  if (type === 'string') {
    const length = [...value].length;
    if (formats[s.format] && !formats[s.format].test(value)) return `${at} is no ${s.format}`;
    if (s.pattern && !new RegExp(s.pattern, 'u').test(value)) return `${at} does not match ${s.pattern}`;
    if (length < (s.minLength ?? 0) || length > (s.maxLength ?? Infinity)) return `${at} has ${length} characters`;
  }
  if (type === 'integer' && (value < (s.minimum ?? -Infinity) || value > (s.maximum ?? Infinity))) return `${at} is ${value}`;
  if (type === 'array') return value.map((v, i) => fault(v, s.items ?? {}, `${at}[${i}]`)).find(Boolean) ?? '';
  if (type !== 'object') return '';
  for (const name of s.required ?? []) if (!(name in value)) return `${at} lacks ${name}`;
  for (const [name, v] of Object.entries(value)) {
    if (!s.properties?.[name]) {
      if (s.additionalProperties === false) return `${at} has ${name}`;
      continue;
    }
    const inner = fault(v, s.properties[name], `${at}.${name}`);
    if (inner) return inner;
  }
  return '';
}

/** Throws if the description does not foresee this answer. */
export function described(method, target, answer) {
  const found = paths.find(({ pattern }) => pattern.test(target.split('?')[0]));
  const operation = found?.operations[method.toLowerCase()];
  if (!operation) return;
  // what the operation and the gate refuse stands there by itself; what the server does, for all
  const own = [401, 403, 404, 409, 410, 412, 415, 422, 426, 428, 429].includes(answer.status) && target.startsWith('/v1/') && !target.startsWith('/v1/openapi');
  const foreseen = follow(operation.responses[answer.status] ?? (answer.status >= 400 && !own ? operation.responses.default : null));
  const what = `${method} ${found.path} ${answer.status}`;
  if (!foreseen) throw new Error(`${what}: not described`);
  for (const name of Object.keys(foreseen.headers ?? {})) if (answer.headers[name.toLowerCase()] === undefined) throw new Error(`${what}: no ${name}`);
  const media = (answer.headers['content-type'] ?? '').split(';')[0], content = foreseen.content ?? { '': {} };
  if (!content[media]) throw new Error(`${what}: ${answer.headers['content-type']}, not ${Object.keys(content).join(' or ')}`);
  const { schema } = content[media];
  const wrong = schema && answer.body !== null ? fault(answer.body, schema, 'body') : '';
  if (wrong) throw new Error(`${what}: ${wrong}: ${answer.text.slice(0, 500)}`);
}
