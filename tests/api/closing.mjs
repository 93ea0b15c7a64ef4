// The suite closes over the tables: every route of the API was answered with
// success, was denied to each role that lacks its permission, and left an
// audit row of both. Reads what the suites before it noted.
import { readFileSync } from 'node:fs';

const noted = readFileSync(process.env.EPIONE_COVERAGE ?? '', 'utf8').trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));
const document = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
const access = readFileSync(new URL('../../docs/ACCESS.md', import.meta.url), 'utf8');

const roles = ['patient', 'clinician', 'scheduler', 'admin', 'compliance', 'guest'];
const complaints = [];
let routes = 0;

/** docs/ACCESS.md, one row per call: which roles have no right to it at all. */
const rows = [...access.matchAll(/^\| `(\w+) ([^`]+)` \| ([^|]+)\| (\w+) \|((?: [^|]+\|){6})/gm)].map(([, method, path, open, permission, cells]) => ({
  method, path, open: open.trim(), permission,
  without: roles.filter((_, i) => cells.split('|')[i].trim() === '–'),
}));

const pattern = (path) => new RegExp('^' + path.replace(/\{\w+\}/g, '[^/]+') + '$');
const seen = noted.filter((n) => n.path);
const audits = noted.filter((n) => n.audit);

for (const row of rows) {
  routes++;
  const operation = document.paths[row.path]?.[row.method.toLowerCase()]?.operationId;
  if (!operation) complaints.push(`${row.method} ${row.path}: not in openapi.json`);
  const mine = seen.filter((n) => n.method === row.method && pattern(row.path).test(n.path));
  // a socket's success is 101, which no client of these suites sees as a status
  const socket = document.paths[row.path]?.[row.method.toLowerCase()]?.responses['101'];
  if (!socket && !mine.some((n) => n.status < 300)) complaints.push(`${row.method} ${row.path}: no success`);
  for (const role of row.without)
    if (!mine.some((n) => n.role === role && n.status === 404))
      complaints.push(`${row.method} ${row.path}: never denied to ${role}`);
  if (row.open !== 'no session needed' && !mine.some((n) => n.status === 401 || n.status === 403))
    complaints.push(`${row.method} ${row.path}: never refused without a session`);
  const recorded = document.paths[row.path]?.[row.method.toLowerCase()]?.['x-recorded'];
  const written = audits.some((a) => a.operation === operation && a.outcome === 'ok');
  if (recorded === 'all' && !written) complaints.push(`${row.method} ${row.path}: no audit row of a success`);
  if (recorded !== 'all' && written) complaints.push(`${row.method} ${row.path}: an audit row of what is told of oneself`);
  // refusals of whom nobody knows are counted, whatever they asked for
  if (row.without.length > 0 && !audits.some((a) => a.operation === operation && a.outcome !== 'ok'))
    complaints.push(`${row.method} ${row.path}: no audit row of a refusal`);
}
if (routes === 0) complaints.push('docs/ACCESS.md holds no route');
for (const c of complaints) console.error(c);
console.log(`${routes - new Set(complaints.map((c) => c.split(':')[0])).size} passed, ${new Set(complaints.map((c) => c.split(':')[0])).size} failed`);
process.exit(complaints.length === 0 ? 0 : 1);
