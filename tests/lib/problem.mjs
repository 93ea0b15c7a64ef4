// The one form of a refusal, whoever made it: contract.md, Conventions.
import assert from 'node:assert/strict';

export const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

//= TR-03, TR-04, TR-05, TR-22: whoever refused, the answer has one form, and tells nothing of us
export function problem(r, status, code, about = '') {
  const what = `${about} ${r.status} ${r.text}`;
  assert.equal(r.status, status, what);
  assert.match(r.headers['content-type'], /^application\/problem\+json/, what);
  assert.match(r.headers['strict-transport-security'], /max-age=63072000; includeSubDomains/, what);
  assert.equal(r.headers['x-content-type-options'], 'nosniff', what);
  assert.equal(r.headers['referrer-policy'], 'no-referrer', what);
  assert.match(r.headers['content-security-policy'], /frame-ancestors 'none'/, what);
  assert.equal(r.headers['cache-control'], 'no-store', what);
  assert.match(r.headers['x-request-id'], uuid, what);
  assert.equal(r.headers.server, undefined, what);
  assert.equal(r.headers['access-control-allow-origin'], undefined, what);
  assert.equal(r.body.status, status, what);
  assert.equal(r.body.request_id, r.headers['x-request-id'], what);
  assert.equal(r.body.type, `urn:epione:problem:${r.body.code}`, what);
  assert.deepEqual(Object.keys(r.body).filter((k) => k !== 'field'), ['type', 'title', 'status', 'code', 'request_id'], what);
  assert.doesNotMatch(r.text, /SELECT|INSERT|sqlstate|libpq|\.c:|\/(usr|home|tmp|work)\//i, what);
  if (code) assert.equal(r.body.code, code, what);
}
