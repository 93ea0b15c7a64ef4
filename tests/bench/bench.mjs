// Everything that is measured, in one run; writes docs/BENCH.md. Figures of
// one side mean nothing by themselves: both sides of a ratio ran in turns.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startClinic, top } from '../lib/clinic.mjs';
import { fair, idle } from './crowd.mjs';
import { hostile, slow } from './hostile.mjs';
import { large } from './large.mjs';
import { handshakes, plain } from './plain.mjs';
import { reading, signIns, statements } from './reading.mjs';
import { recording } from './recording.mjs';
import { sealing } from './sealing.mjs';
import { searching } from './searching.mjs';
import { signaling } from './signaling.mjs';
import { snooping } from './snooping.mjs';

const parts = { signaling, reading, statements, plain, signins: signIns, handshakes, idle, fair, hostile, slow, searching, recording, sealing, snooping };
const apart = { large }; // an hour of its own
const wanted = process.env.BENCH?.split(',') ?? Object.keys(parts);
const say = (line) => process.stderr.write(line + '\n');

const measured = (r) => r.value ?? r.ratio;
const reached = (r) => r.aim === undefined ? '' : (r.least ? measured(r) >= r.aim : measured(r) <= r.aim) ? 'yes' : '**no**';
const aim = (r) => r.aim === undefined ? '' : `${r.least ? '≥' : '≤'} ${r.aim}${r.unit ? ' ' + r.unit : ''}`;
const ratio = (r) => r.ratio === undefined ? '' : r.ratio.toFixed(2);
const table = (rows) => ['| | ours | beside it | ratio | aim | reached |', '|---|---:|---:|---:|---:|---|',
  ...rows.map((r) => `| ${r.what} | ${r.ours} | ${r.other ?? ''} | ${ratio(r)} | ${aim(r)} | ${reached(r)} |`)].join('\n');

const clinic = await startClinic({ settings: 'join_minutes_before 1440\njoin_minutes_after 1440\n' });
const rows = [];
try {
  for (const name of wanted)
    rows.push(...(await (parts[name] ?? apart[name])(clinic, say)));
} finally {
  await clinic.stop();
}
console.log(table(rows));
if (!process.env.BENCH) {
  const page = fs.readFileSync(path.join(top, 'tests/bench/page.md'), 'utf8')
    .replace('@DATE@', new Date().toISOString().slice(0, 10))
    .replace('@MACHINE@', `${os.cpus().length} cores (${os.cpus()[0].model.trim()}), ${Math.round(os.totalmem() / 2 ** 30)} GiB`)
    .replace('@LOAD@', os.loadavg()[2].toFixed(1))
    .replace('@TABLE@', table(rows));
  fs.writeFileSync(process.env.BENCH_OUT ?? path.join(top, 'docs/BENCH.md'), page);
}
