// Comments that name what is no longer there: functions, columns, settings (whatever
// has an underscore) and files. Prints file:line and the name.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const top = new URL('../../', import.meta.url);
const files = execFileSync('git', ['ls-files'], { cwd: top, encoding: 'utf8' }).split('\n')
  .filter((f) => /^(src|sql|assets|conf|tools|deps|tests)\//.test(f) && !/\.(png|bin|json)$|^tests\/vectors|common_passwords/.test(f));
// of others: PostgreSQL, libpq's generated header, what stands for a name
const foreign = new Set(['pg_type', 'serialization_failure', 'deadlock_detected', 'query_canceled', 'operation_in', 'NAME_answer', 'pi_test_X', 'cs_test_X', 'gen/sql.h', 'build/gen/sql.h']);
const COMMENT = /\/\*[^]*?\*\/|(?<![:"'\\])\/\/[^\n]*/g;

const comments = [];
const names = new Set();
for (const file of files.filter((f) => existsSync(new URL(f, top)))) {
  let text = readFileSync(new URL(file, top), 'utf8');
  if (/^(src|assets\/js)\/.*\.(c|h|def|js)$/.test(file))
    text = text.replace(COMMENT, (said, at) => { comments.push([file, text.slice(0, at).split('\n').length, said]); return ' '; });
  for (const [name] of `${file} ${text}`.matchAll(/\w+/g)) names.add(name.toLowerCase());
}
const known = (name) => foreign.has(name) || [name, name.replace(/^sql_/, ''), name.replace(/^D(?=FIBER)/, ''), name.replace(/_+$/, '')].some((n) => names.has(n.toLowerCase()));
for (const [file, line, said] of comments) {
  const missing = [
    ...[...said.matchAll(/\b[a-zA-Z]+_\w+\b/g)].map(([n]) => n).filter((n) => !known(n)),
    ...[...said.matchAll(/\b(?:[a-z_-]+\/)*[a-z_-]+\.(?:c|h|js|def|mjs)\b/g)].map(([n]) => n).filter((n) => !foreign.has(n) && !files.some((f) => f === n || f.endsWith(`/${n}`))),
  ];
  for (const name of missing) console.log(`${file}:${line}: ${name}`);
}
