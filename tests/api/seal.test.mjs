// The sealed log: what epione-jobs makes of it, what `epionectl audit verify` finds
// in one that somebody wrote into, and what others can prove of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { checkpointRead, isConsistent, keyAfter, leafHash, rootByInclusion, rootOf } from '../lib/audit-verifier.mjs';
import { startClinic } from '../lib/clinic.mjs';
import { runUntil } from '../lib/killed.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';

const NIL = '00000000-0000-0000-0000-000000000000';
const run = promisify(execFile);
let clinic, as, jobs, id;

const number = async (text, params) => Number(Object.values((await clinic.sql(text, params))[0])[0]);
/** Until all that was committed is sealed, or all before what still runs: a loaded machine takes its time. */
async function sealed(before = 'true') {
  const unsealed = () => number(`SELECT count(*) FROM audit_log l, audit_sealed s WHERE (l.tx, l.seq) > (s.tx, s.seq) AND ${before}`);
  for (let i = 0; await unsealed() > 0; i++) {
    assert.ok(i < 1200, 'the log is sealed');
    await sleep(100);
  }
}
/** What `epionectl audit verify` says: {status, out, err}. */
async function verify(...more) {
  const args = ['audit', 'verify', '--config', path.join(clinic.dir, 'epione.conf'), '--database', await clinic.address('owner'), ...more];
  return clinic.ctl(...args).then((r) => ({ status: 0, out: r.stdout, err: r.stderr }), (e) => ({ status: e.code, out: e.stdout, err: e.stderr }));
}
const right = async () => {
  const r = await verify();
  assert.deepEqual([r.status, r.err], [0, '']);
  return r.out;
};
const wrong = async (what, ...more) => {
  const r = await verify(...more);
  assert.equal(r.status, 1, `${what}: ${r.out}${r.err}`);
  assert.match(r.err, what);
};
/** The events of a clinic as docs/AUDIT.md says that they are sealed. */
async function events(of) {
  return (await clinic.sql(`SELECT to_jsonb(e) - 'tx' - 'clinic_id' AS e, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at
      FROM audit_log l CROSS JOIN LATERAL audit_entry_of(l) AS e, audit_sealed s WHERE e.clinic_id = :'of' AND (e.tx, e.seq) <= (s.tx, s.seq) ORDER BY e.tx, e.seq`, { of }))
    .map((r) => {
      const e = JSON.parse(r.e);
      return { ...e, at: r.at, returned: e.returned ?? [] };
    });
}
const tree = async (of) => (await clinic.sql(`SELECT t.*, encode(edge, 'hex') AS edge, (SELECT encode(public, 'base64') FROM audit_key k WHERE k.clinic_id = t.clinic_id ORDER BY version DESC LIMIT 1) AS public
  FROM audit_tree t WHERE clinic_id = :'of'`, { of }))[0];
const leaves = async (of) => Buffer.from((await clinic.sql(`SELECT encode(string_agg(hashes, '' ORDER BY first), 'hex') AS h FROM audit_tile WHERE clinic_id = :'of' AND level = 0`, { of }))[0].h, 'hex');

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const name of ['clinician', 'clinician2', 'compliance', 'patient']) as[name] = await clinic.signIn(clinic.people[name]);
  id = (await clinic.sql('SELECT id FROM clinic'))[0].id;
  await as.clinician.search({ family_name: 'nobody-at-all' });
  // more than a tile, of nobody too
  await clinic.sql(`INSERT INTO audit_log (clinic_id, request_id, event, operation, purpose, action, session)
    SELECT CASE WHEN n % 10 = 0 THEN :'nil' ELSE :'id' END::uuid, gen_random_uuid(), audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R', -n
      FROM generate_series(1, 1300) n`, { id, nil: NIL });
  jobs = await clinic.startJobs();
});
after(() => clinic?.stop());

//= AU-04: somebody who has nothing of ours but the papers comes to the same
test('what was committed is sealed, for each clinic and for nobody, and signed', async () => {
  await sealed();
  await jobs.kill(); // what is looked at stays as it is
  const out = await right();
  for (const of of [id, NIL]) {
    const all = await events(of), t = await tree(of), hashes = all.map(leafHash);
    assert.equal(Number(t.size), all.length);
    assert.match(out, new RegExp(`: ${all.length} events are as they were sealed`));
    assert.deepEqual(await leaves(of), Buffer.concat(hashes));
    const name = `localhost:${clinic.port}/audit/${of}`, typed = Buffer.concat([Buffer.of(1), Buffer.from(t.public, 'base64')]);
    const keyId = createHash('sha256').update(name).update('\n').update(typed).digest('hex').slice(0, 8);
    const said = checkpointRead(t.note, `${name}+${keyId}+${typed.toString('base64')}`);
    assert.deepEqual(said, { origin: name, size: all.length, root: rootOf(hashes) });
    assert.ok(all.length < 256 || await number(`SELECT octet_length(hashes) FROM audit_tile WHERE clinic_id = :'of' AND level = 0 AND first = 0`, { of }) === 8192);
  }
  assert.equal((await clinic.audit(`event = 'audit.verified'`)).length > 0, true);
  jobs = await clinic.startJobs();
});

test('a lower number that is committed later is a later leaf, and moves none', async () => {
  await sealed();
  const insert = `INSERT INTO audit_log (clinic_id, request_id, event, operation, purpose, action)
    VALUES (:'id', gen_random_uuid(), audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R')`;
  const last = await number('SELECT max(seq) FROM audit_log');
  const commit = await clinic.hold(insert, { id });
  await sealed('l.tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint');
  const size = Number((await tree(id)).size), was = await leaves(id);
  await clinic.sql(insert, { id });
  const [{ at }] = await clinic.sql('SELECT clock_timestamp() AS at');
  // turns go by, which would have taken it
  await sleep(2500);
  assert.equal(Number((await tree(id)).size), size, `nothing is sealed before ${at} while an older one may come`);
  await commit();
  await sealed();
  const now = await leaves(id);
  assert.deepEqual(now.subarray(0, was.length), was);
  assert.ok(now.length - was.length >= 64, 'both are leaves by now');
  assert.ok((await events(id)).slice(was.length / 32).every((e) => e.seq > last));
  await right();
});

test('of several sealers one seals; killed at any moment they leave nothing half', async () => {
  let stop = false;
  const busy = (async () => {
    while (!stop) await as.clinician.get('/v1/visits');
  })();
  for (let i = 0; i < 4; i++) {
    const other = await clinic.startJobs();
    await sleep(300 * i);
    await jobs.kill('SIGKILL');
    jobs = other;
  }
  stop = true;
  await busy;
  const other = await clinic.startJobs();
  await as.clinician.get('/v1/visits');
  await sealed();
  await Promise.all([other.kill(), jobs.kill()]); // what is looked at stays as it is
  assert.equal(Number((await tree(id)).size), (await events(id)).length);
  await right();
  jobs = await clinic.startJobs();
});

test('a sealer that is killed with any of its messages leaves a whole log, or none of it', async (t) => {
  const relay = await PostgresRelay.before(clinic), through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(() => relay.stop());
  await sealed();
  await jobs.kill();
  clinic.writeJobs('', through);
  for (const arrives of [false, true])
    for (const where of ['audit_unsealed', 'audit_tile_put', 'audit_tree_put', 'audit_sealed_to', 'COMMIT']) {
      await clinic.sql(`INSERT INTO audit_log (clinic_id, request_id, event, operation, purpose, action)
        SELECT :'id', gen_random_uuid(), audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R' FROM generate_series(1, 300)`, { id });
      let begun = false;
      assert.ok(await runUntil(clinic, relay, sealed, (text) => {
        begun ||= text.includes('\0audit_unsealed\0');
        return begun && text.includes(where);
      }, arrives), where);
      // what arrived is still done by whoever it came to
      while (await number(`SELECT count(*) FROM pg_stat_activity WHERE usename = 'epione_jobs'`) > 0) await sleep(20);
      const t = await tree(id), all = (await events(id)).map(leafHash);
      assert.deepEqual([Number(t.size), rootOf(all).toString('base64')], [all.length, t.note.split('\n')[2]], where);
    }
  clinic.writeJobs('', direct);
  jobs = await clinic.startJobs();
  await sealed();
  await right();
});

const decoded = (hashes) => hashes.map((text) => {
  const bytes = Buffer.from(text, 'base64');
  assert.deepEqual([bytes.length, bytes.toString('base64')], [32, text]);
  return bytes;
});
const ok = (r) => {
  assert.equal(r.status, 200, r.text);
  return r.body;
};
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);

//= AU-04: what the officer is told, the officer proves to somebody who trusts neither us nor them
test('each event is proved to be in the log that is signed, and that log in each later one', async () => {
  await sealed();
  const about = {}; // checkpoints as they were seen, by size
  const plain = async (path) => {
    const r = await as.compliance.get(path);
    assert.deepEqual([r.status, r.headers['content-type']], [200, 'text/plain; charset=utf-8'], r.text);
    return r.text;
  };
  for (const [scope, of] of [['clinic', id], ['nobody', NIL]]) {
    const key = await plain(`/v1/audit/key?scope=${scope}`), said = checkpointRead(await plain(`/v1/audit/checkpoint?scope=${scope}`), key);
    const all = await events(of);
    about[scope] = [];
    for (const i of [0, 1, 63, 127, 255, 256, 257, 511, 700, said.size - 1].filter((n) => n < said.size)) {
      const { event, leaf } = ok(await as.compliance.get(`/v1/audit/${all[i].seq}`));
      assert.deepEqual(event, all[i]);
      assert.deepEqual([leaf.index, leaf.hash], [i, leafHash(event).toString('base64')]);
      const proof = ok(await as.compliance.get(`/v1/audit/${event.seq}/proof`));
      assert.deepEqual(Object.keys(proof).sort(), ['checkpoint', 'hashes', 'leaf_index', 'tree_size']);
      const now = checkpointRead(proof.checkpoint, key);
      assert.deepEqual([proof.leaf_index, proof.tree_size, now.origin], [i, now.size, said.origin]);
      assert.deepEqual(rootByInclusion(leafHash(event), i, now.size, decoded(proof.hashes)), now.root);
      const other = rootByInclusion(leafHash({ ...event, count: event.count + 1 }), i, now.size, decoded(proof.hashes));
      assert.notDeepEqual(other, now.root, 'an event that says something else is not proved');
      about[scope].push(now);
    }
    await sealed();
    const hashes = (await events(of)).map(leafHash), last = about[scope].at(-1);
    for (const from of [0, 1, 2, 3, 64, 128, 200, 255, 256, 257, 300, 512, last.size - 1, last.size].filter((n) => n >= 0 && n <= last.size)) {
      const { hashes: proof } = ok(await as.compliance.get(`/v1/audit/consistency?from=${from}&to=${last.size}&scope=${scope}`));
      const old = rootOf(hashes.slice(0, from));
      assert.ok(isConsistent(from, old, last.size, last.root, decoded(proof)), `${scope}: ${from} to ${last.size}`);
      if (from > 0) assert.ok(!isConsistent(from, rootOf([...hashes.slice(0, from - 1), hashes[0].map((b) => b ^ 1)]), last.size, last.root, decoded(proof)));
    }
    for (const [from, to] of [[1, 256], [255, 257], [3, 7]].filter(([, n]) => n <= last.size)) {
      const { hashes: proof } = ok(await as.compliance.get(`/v1/audit/consistency?from=${from}&to=${to}&scope=${scope}`));
      assert.ok(isConsistent(from, rootOf(hashes.slice(0, from)), to, rootOf(hashes.slice(0, to)), decoded(proof)), `${from} to ${to}`);
    }
  }
  // what is proved today is in what is signed later
  const [early] = about.clinic;
  await sealed();
  const later = checkpointRead(await plain('/v1/audit/checkpoint'), await plain('/v1/audit/key'));
  assert.ok(later.size > early.size, 'what was asked here is in the log by now');
  assert.ok(isConsistent(early.size, early.root, later.size, later.root, decoded(ok(await as.compliance.get(`/v1/audit/consistency?from=${early.size}&to=${later.size}`)).hashes)));
  refused(await as.compliance.get('/v1/audit/consistency'), 422, 'missing_field', 'from');
  refused(await as.compliance.get('/v1/audit/consistency?from=9&to=8'), 422, 'invalid_field', 'from');
  refused(await as.compliance.get('/v1/audit/consistency?from=1&to=99999999'), 422, 'invalid_field', 'to');
  refused(await as.compliance.get('/v1/audit/999999999999'), 404, 'not_found');
  refused(await as.compliance.get('/v1/audit/999999999999/proof'), 404, 'not_found');
  for (const seq of ['x', '-1', '01', '1e3', '9'.repeat(19)]) refused(await as.compliance.get(`/v1/audit/${seq}`), 404, 'not_found');
});

test('what is not sealed yet has no leaf and no proof, and both say so', async () => {
  await sealed();
  await jobs.kill();
  await as.clinician.get('/v1/visits');
  const [{ seq }] = await clinic.sql(`SELECT max(seq) AS seq FROM audit_log WHERE clinic_id = :'id'`, { id });
  assert.equal(ok(await as.compliance.get(`/v1/audit/${seq}`)).leaf, null);
  refused(await as.compliance.get(`/v1/audit/${seq}/proof`), 409, 'not_sealed');
  jobs = await clinic.startJobs();
  await sealed();
  assert.equal(typeof ok(await as.compliance.get(`/v1/audit/${seq}`)).leaf.hash, 'string');
  // of another clinic's there is nothing, and no longer of nobody's
  const theirs = await clinic.operator('clinic', 'add', '--name', 'Theirs');
  const [{ seq: foreign }] = await clinic.sql(`INSERT INTO audit_log (clinic_id, request_id, event, operation, purpose, action)
    VALUES (:'theirs', gen_random_uuid(), audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R') RETURNING seq`, { theirs });
  const [{ seq: stranger }] = await clinic.sql(`SELECT min(seq) AS seq FROM audit_log WHERE clinic_id = :'nil'`, { nil: NIL });
  await sealed();
  for (const path of [`${foreign}`, `${foreign}/proof`, `${stranger}`, `${stranger}/proof`]) refused(await as.compliance.get(`/v1/audit/${path}`), 404, 'not_found');
  for (const path of ['key', 'checkpoint']) refused(await as.compliance.get(`/v1/audit/${path}?scope=nobody`), 409, 'several_clinics', 'scope');
  await clinic.sql(`DELETE FROM audit_log WHERE clinic_id = :'theirs'; DELETE FROM audit_tree WHERE clinic_id = :'theirs'; DELETE FROM audit_tile WHERE clinic_id = :'theirs';
    DELETE FROM audit_key WHERE clinic_id = :'theirs'; DELETE FROM class_key WHERE clinic_id = :'theirs'; DELETE FROM clinic WHERE id = :'theirs'`, { theirs });
});

//= AU-12, AZ-02: the patient proves who saw their record, and learns of nobody else by it
test('a patient proves the events of their own record, and no others', async () => {
  const own = clinic.people.patient.patient_id, accesses = `/v1/patients/${own}/accesses`;
  await as.clinician.get(`/v1/patients/${own}`);
  await as.clinician.get('/v1/visits');
  await sealed();
  const { items } = ok(await as.patient.get(`${accesses}?limit=100`));
  const listed = (await clinic.sql(`SELECT seq FROM audit_log WHERE returned @> ARRAY[:'own'::uuid] AND cardinality(returned) > 1 AND patient_id IS NULL ORDER BY seq DESC LIMIT 1`, { own }))[0]?.seq;
  let seen;
  for (const seq of [items[0].seq, items.at(-1).seq, ...(listed ? [Number(listed)] : [])]) {
    const r = await as.patient.get(`${accesses}/${seq}/proof`), proof = ok(r);
    assert.deepEqual(Object.keys(proof).sort(), ['checkpoint', 'consistency', 'hashes', 'key', 'leaf_hash', 'leaf_index', 'succession', 'tree_size']);
    assert.equal(proof.consistency, null);
    const now = checkpointRead(proof.checkpoint, proof.key);
    const [entry] = (await events(id)).filter((e) => e.seq === seq);
    assert.equal(proof.leaf_hash, leafHash(entry).toString('base64'), 'whoever is shown the entry makes the same of it');
    assert.deepEqual(rootByInclusion(decoded([proof.leaf_hash])[0], proof.leaf_index, now.size, decoded(proof.hashes)), now.root);
    for (const other of [entry.request_id, entry.session, ...entry.returned.filter((p) => p !== own)]) assert.ok(!r.text.includes(other));
    seen ??= now;
  }
  await sealed();
  const again = ok(await as.patient.get(`${accesses}/${items[0].seq}/proof?from=${seen.size}`)), now = checkpointRead(again.checkpoint, again.key);
  assert.ok(now.size > seen.size && isConsistent(seen.size, seen.root, now.size, now.root, decoded(again.consistency)));
  assert.equal(ok(await as.patient.get(`${accesses}/${items[0].seq}/proof?from=99999999`)).consistency, null, 'a log that was longer');
  assert.equal(typeof ok(await as.compliance.get(`${accesses}/${items[0].seq}/proof`)).leaf_hash, 'string', 'the officer proves it to them');
  refused(await as.patient.get(`${accesses}/${items[0].seq}/proof?from=0`), 422, 'invalid_field', 'from');
  // others' events, what was refused, and what is no event
  const [{ seq: others }] = await clinic.sql(`SELECT max(seq) AS seq FROM audit_log WHERE clinic_id = :'id' AND patient_id IS NULL AND returned IS NULL`, { id });
  await as.clinician2.get(`/v1/patients/${own}`);
  const [{ seq: denied }] = await clinic.sql(`SELECT max(seq) AS seq FROM audit WHERE outcome = 'not_found'`);
  await sealed();
  for (const seq of [others, denied, 0, 999999999999]) refused(await as.patient.get(`${accesses}/${seq}/proof`), 404, 'not_found');
  refused(await as.patient.get(`/v1/patients/${clinic.patients.find((p) => p !== own)}/accesses/${items[0].seq}/proof`), 404, 'not_found');
  for (const path of ['key', 'checkpoint', 'consistency?from=1', items[0].seq, `${items[0].seq}/proof`]) refused(await as.patient.get(`/v1/audit/${path}`), 404, 'not_found');
  assert.ok((await clinic.audit(`event = 'patient.access_proved' AND outcome = 'ok' AND patient_id = '${own}'`)).length >= 4);
});

//= AU-04, EN-07: whoever trusts a key of before comes to the new one by it
test('the key turns: each says which follows it, and what was kept under an older one counts', async () => {
  const text = async (path) => (await as.compliance.get(`/v1/audit/${path}`)).text;
  const seen = async () => {
    const key = (await text('key')).trim(), note = await text('checkpoint');
    return { key, note, ...checkpointRead(note, key) };
  };
  const kept = path.join(clinic.dir, 'checkpoint'), turn = () => clinic.operator('key', 'rotate', '--class', 'audit');
  await sealed();
  const first = await seen();
  writeFileSync(kept, first.note);
  await jobs.kill();
  const was = await tree(id);
  assert.match(await turn(), new RegExp(`^${id} +audit +version 2\n${NIL} +audit +version 2$`));
  const second = await seen(); // nothing is sealed meanwhile: key and checkpoint belong together
  assert.notEqual(second.key, first.key);
  assert.deepEqual([second.size, second.root], [Number(was.size), checkpointRead(was.note, first.key).root]);
  await right();
  // under the key of before nothing is signed any more
  await clinic.sql(`UPDATE audit_tree SET note = :'note' WHERE clinic_id = :'id'`, { note: was.note, id });
  await wrong(/the signature of the checkpoint is not the clinic's/);
  await clinic.sql(`UPDATE audit_tree SET note = :'note' WHERE clinic_id = :'id'`, { note: second.note, id });
  jobs = await clinic.startJobs();
  await turn();
  await as.clinician.get('/v1/visits');
  await sealed();
  const third = await seen(), { hashes, succession } = ok(await as.compliance.get(`/v1/audit/consistency?from=${first.size}&to=${third.size}`));
  assert.equal(succession.length, 2);
  assert.equal(keyAfter(first.key, succession), third.key);
  assert.equal(keyAfter(second.key, succession), third.key);
  assert.ok(third.size > first.size && isConsistent(first.size, first.root, third.size, third.root, decoded(hashes)));
  assert.throws(() => keyAfter(first.key, [succession[0].replace(second.key, third.key)]), /not signed/);
  assert.throws(() => checkpointRead(succession[0], first.key), /another log/);
  const own = clinic.people.patient.patient_id, { items } = ok(await as.patient.get(`/v1/patients/${own}/accesses?limit=100`));
  assert.deepEqual(ok(await as.patient.get(`/v1/patients/${own}/accesses/${items.at(-1).seq}/proof`)).succession, succession, 'and the patient');
  assert.equal((await verify('--checkpoint', kept)).status, 0, 'what was kept under the first key');
  assert.equal((await clinic.audit(`event = 'key.rotated' AND operation = 'epionectl key rotate audit'`)).length, 4);
  await jobs.kill();
  const told = (column, value) => clinic.sql(`UPDATE audit_key SET ${column} = ${value} WHERE clinic_id = :'id' AND version = 2`, { id });
  await told('follows', `replace(follows, '/key', '/kez')`);
  await wrong(/what others are told of the key was altered/);
  await told('follows', `replace(follows, '/kez', '/key')`);
  const [{ public: is }] = await clinic.sql(`SELECT public FROM audit_key WHERE clinic_id = :'id' AND version = 2`, { id });
  await told('public', `sha256('x')`);
  await wrong(/what others are told of the key was altered/);
  await told('public', `'${is}'`);
  await right();
  await assert.rejects(clinic.operator('key', 'retire', '--class', 'audit', '1'), /no class of this name/);
  await assert.rejects(clinic.sql(`SET ROLE epione_jobs; SET epione.clinic = '${id}'; INSERT INTO class_key (clinic_id, class, version, wrapped) VALUES ('${id}', 'audit', 9, '')`), /row-level security/);
  jobs = await clinic.startJobs();
});

//= AU-04: a server that is honest says itself that the log is not
test('an event that was altered has no proof, nor has one whose hashes were removed', async () => {
  await sealed();
  const [{ seq }] = await clinic.sql(`SELECT seq FROM audit_log WHERE clinic_id = :'id' ORDER BY tx, seq LIMIT 1 OFFSET 300`, { id });
  const both = async (code) => {
    for (const path of [`${seq}`, `${seq}/proof`]) refused(await as.compliance.get(`/v1/audit/${path}`), 409, code);
  };
  await clinic.sql(`UPDATE audit_log SET count = 2 WHERE seq = :'seq'`, { seq });
  await both('seal_broken');
  await clinic.sql(`UPDATE audit_log SET count = NULL WHERE seq = :'seq'`, { seq });
  assert.equal((await as.compliance.get(`/v1/audit/${seq}/proof`)).status, 200);
  await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_tile WHERE clinic_id = :'id' AND level = 0 AND first = 0; DELETE FROM audit_tile WHERE clinic_id = :'id' AND level = 0 AND first = 0`, { id });
  refused(await as.compliance.get(`/v1/audit/consistency?from=3&to=200`), 409, 'seal_broken');
  await clinic.sql('INSERT INTO audit_tile SELECT * FROM was; DROP TABLE was');
});

//= AU-04: the server says what happened; when, in which order and under which seal is not its to say
test('neither server nor jobs can choose a number, a time or an order, or write a seal', async () => {
  const attempt = (role, text) => clinic.sql(`SET ROLE epione_${role}; SET epione.clinic = ${`'${id}'`}; ${text}`).then(() => 'done', (e) => e.message);
  const words = `audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R', gen_random_uuid(), '${id}'`;
  const columns = 'event, operation, purpose, action, request_id, clinic_id';
  for (const role of ['server', 'jobs']) {
    assert.equal(await attempt(role, `INSERT INTO audit_log (${columns}) VALUES (${words})`), 'done');
    for (const [column, value] of [['seq', '1'], ['at', 'now()'], ['tx', '1']])
      assert.match(await attempt(role, `INSERT INTO audit_log (${columns}, ${column}) VALUES (${words}, ${value})`), /permission denied|cannot insert a non-DEFAULT value into column "seq"/, column);
    for (const table of ['audit_log', 'audit_tile', 'audit_tree', 'audit_sealed', 'audit_key', 'audit_word'])
      for (const text of [`DELETE FROM ${table}`, `TRUNCATE ${table}`, table === 'audit_log' ? 'UPDATE audit_log SET count = 2' : `INSERT INTO ${table} DEFAULT VALUES`])
        assert.match(await attempt(role, text), /permission denied/, `${role}: ${text}`);
  }
  assert.match(await attempt('server', 'SELECT audit_sealed_to(1, 1)'), /permission denied/);
  assert.match(await attempt('jobs', `SELECT audit_tile_put('${id}', 0, 0, sha256('x'), 1, 1)`), /sealed already/);
  assert.match(await attempt('jobs', `SELECT audit_tree_put('${id}', 1, 2, sha256('x'), '')`), /sealed by another/);
  assert.match(await attempt('jobs', 'SELECT audit_sealed_to(1, 1)'), /sealed already/);
  assert.equal(await attempt('server', `DO $$ BEGIN ASSERT (SELECT count(*) FROM class_key WHERE class = 'audit') = 0; END $$`), 'done', 'what signs is not the server\'s');
});

//= AU-04: whatever is written into the log by whoever owns the database is found, and named
test('each column that is altered, each row that is removed, inserted or moved is named', async () => {
  await sealed();
  await jobs.kill();
  await right();
  const rows = await clinic.sql(`SELECT l.seq, l.tx FROM audit_log l, audit_sealed s WHERE clinic_id = :'id' AND (l.tx, l.seq) <= (s.tx, s.seq) ORDER BY l.tx, l.seq`, { id });
  const [middle, next, far] = [600, 601, 700].map((i) => rows[i].seq);
  const columns = (await clinic.sql(`SELECT attname AS name FROM pg_attribute WHERE attrelid = 'audit_log'::regclass AND attnum > 0 AND NOT attisdropped`)).map((r) => r.name);
  const other = {
    at: `at + interval '1 microsecond'`, clinic_id: `'${NIL}'`, event: `audit_word('patient.updated')`, outcome: `audit_word('not_found')`,
    operation: `audit_word('patient_list')`, actor_role: `audit_word('admin')`, purpose: `audit_word('ETREAT')`, action: `'U'`, address: `'192.0.2.1'`,
    count: '2', returned: 'ARRAY[gen_random_uuid()]', session: '7', seq: null, tx: 'tx + 100000',
  };
  for (const name of columns) {
    const change = other[name] === undefined ? 'gen_random_uuid()' : other[name];
    if (change === null) continue; // GENERATED ALWAYS: by removal and insertion, below
    await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_log WHERE seq = :'middle'; UPDATE audit_log SET ${name} = ${change} WHERE seq = :'middle'`, { middle });
    await wrong(name === 'tx' ? /leaf 600: .*(removed|order)/ : name === 'clinic_id' ? /leaf 600: 1 of the events sealed here were removed, before: event \d+/ : new RegExp(`leaf 600: an event was altered: event ${middle} of .*`));
    await clinic.sql(`UPDATE audit_log l SET (${name}) = (SELECT ${name} FROM was) WHERE seq = :'middle'; DROP TABLE was`, { middle });
  }
  await clinic.sql(`UPDATE audit_log SET seq = DEFAULT WHERE seq = :'middle'`, { middle });
  await wrong(/leaf 600: .*(altered|removed|order)/);
  const [{ moved }] = await clinic.sql(`SELECT max(seq) AS moved FROM audit_log`);
  const put = `INSERT INTO audit_log OVERRIDING SYSTEM VALUE SELECT * FROM was; DROP TABLE was`;
  await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_log WHERE seq = :'moved'; DELETE FROM audit_log WHERE seq = :'moved'; UPDATE was SET seq = :'middle'; ${put}`, { moved, middle });
  await right();
  for (const [what, seqs] of [['the first', [rows[0].seq]], ['one in the middle', [middle]], ['some', [middle, next]], ['the last', [rows.at(-1).seq]]]) {
    await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_log WHERE seq IN (${seqs}); DELETE FROM audit_log WHERE seq IN (${seqs})`);
    await wrong(what === 'the last' ? /this event and all after it were removed/ : new RegExp(`leaf ${what === 'the first' ? 0 : 600}: ${seqs.length} of the events sealed here were removed, before: event`));
    await clinic.sql(put);
  }
  const swap = `UPDATE audit_log l SET tx = o.tx FROM audit_log o WHERE (l.seq, o.seq) IN ((${middle}, ${far}), (${far}, ${middle}))`;
  const swapped = `CREATE TABLE was AS SELECT * FROM audit_log WHERE seq IN (${middle}, ${far}); DELETE FROM audit_log WHERE seq IN (${middle}, ${far});
    UPDATE was SET seq = CASE WHEN seq = ${middle} THEN ${far} ELSE ${middle} END; ${put}`;
  await clinic.sql(`${swap}; ${swapped}`);
  await wrong(/leaf 600: an event was altered|leaf 600: events were put in another order/);
  await clinic.sql(`${swapped}; ${swap}`);
  await right();
  await clinic.sql(`INSERT INTO audit_log (seq, tx, at, clinic_id, request_id, event, operation, purpose, action) OVERRIDING SYSTEM VALUE
    SELECT 0, tx, at, clinic_id, gen_random_uuid(), event, operation, purpose, action FROM audit_log WHERE seq = :'middle'`, { middle });
  await wrong(/an event was inserted: event 0 of/);
  await clinic.sql('DELETE FROM audit_log WHERE seq = 0');
  for (const nobody of ['00000000-0000-0000-0000-000000000001', 'ffffffff-ffff-ffff-ffff-ffffffffffff']) {
    await clinic.sql(`INSERT INTO audit_log (seq, tx, at, clinic_id, request_id, event, operation, purpose, action) OVERRIDING SYSTEM VALUE
      SELECT 0, tx, at, :'nobody', gen_random_uuid(), event, operation, purpose, action FROM audit_log WHERE seq = :'middle'`, { middle, nobody });
    await wrong(/no clinic: an event was inserted, or the tree that it is in was removed: event 0 of/);
    await clinic.sql('DELETE FROM audit_log WHERE seq = 0');
  }
  await clinic.sql(`UPDATE audit_word SET word = 'patient.reads' WHERE word = 'patient.read'`);
  await wrong(/an event was altered/);
  await clinic.sql(`UPDATE audit_word SET word = 'patient.read' WHERE word = 'patient.reads'`);
  await right();
});

//= AU-04: whoever starts it, and whatever the database prefers
test('it is checked under a parent that waits for nobody, and in a database that writes dates otherwise', async () => {
  const program = path.join(import.meta.dirname, '../..', process.env.BUILD ?? 'build', 'epionectl');
  const args = ['audit', 'verify', '--config', path.join(clinic.dir, 'epione.conf'), '--database', await clinic.address('owner')];
  const { stdout } = await run('bash', ['-c', `trap '' CHLD; exec "$@"`, 'bash', program, ...args],
    { env: { ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg/pgpass') }, timeout: 120_000 }); // it would wait for ever
  assert.match(stdout, /events are as they were sealed/);
  await clinic.sql(`ALTER DATABASE epione SET datestyle TO 'German'`);
  await right();
  await clinic.sql('ALTER DATABASE epione RESET datestyle');
});

//= AU-04: nor is what was made over whole
test('a tree, a root or a signature that is made over is found; and what was cut off, by a checkpoint kept outside', async () => {
  const t = await tree(id), kept = path.join(clinic.dir, 'checkpoint');
  writeFileSync(kept, t.note);
  assert.equal((await verify('--checkpoint', kept)).status, 0);
  const set = (column, value) => clinic.sql(`UPDATE audit_tree SET ${column} = :'value' WHERE clinic_id = :'id'`, { value, id });
  await set('note', t.note.replace(/\n\d+\n/, `\n${Number(t.size) + 1}\n`));
  await wrong(/the signature of the checkpoint is not the clinic's/);
  await set('note', (await tree(NIL)).note);
  await wrong(/the signature of the checkpoint is not the clinic's/);
  await set('note', t.note);
  await set('edge', `\\x${'00'.repeat(t.edge.length / 2)}`);
  await wrong(/the root of the tree was altered/);
  await set('edge', `\\x${t.edge}`);
  await clinic.sql(`CREATE TABLE was AS SELECT * FROM audit_tile WHERE clinic_id = :'id' AND level = 1; UPDATE audit_tile SET hashes = sha256('x') || substr(hashes, 33) WHERE clinic_id = :'id' AND level = 1`, { id });
  await wrong(/a hash of the tree itself was altered or removed/);
  await clinic.sql(`DELETE FROM audit_tile WHERE clinic_id = :'id' AND level = 1; INSERT INTO audit_tile SELECT * FROM was; DROP TABLE was`, { id });
  await right();
  writeFileSync(kept, t.note.replace(/\n\d+\n/, `\n${Number(t.size) - 1}\n`));
  await wrong(/the checkpoint that was kept is not signed by this clinic's key/, '--checkpoint', kept);
  writeFileSync(kept, 'nothing\n');
  await wrong(/the checkpoint is of none of these clinics/, '--checkpoint', kept);
  await clinic.noteAudit();
  // the newest rows go, with their leaves, and all is sealed anew by the right key
  writeFileSync(kept, t.note);
  await clinic.sql(`DELETE FROM audit_log WHERE seq IN (SELECT seq FROM audit_log WHERE clinic_id = :'id' ORDER BY tx DESC, seq DESC LIMIT 400);
    DELETE FROM audit_tile; DELETE FROM audit_tree; UPDATE audit_sealed SET tx = 0, seq = 0`, { id });
  jobs = await clinic.startJobs();
  await sealed();
  await right();
  await wrong(/the newest events were cut off: the log is shorter than the checkpoint that was kept/, '--checkpoint', kept);
  await clinic.sql(`INSERT INTO audit_log (clinic_id, request_id, event, operation, purpose, action)
    SELECT :'id', gen_random_uuid(), audit_word('patient.read'), audit_word('patient_read'), audit_word('TREAT'), 'R' FROM generate_series(1, 500)`, { id });
  await sealed();
  await wrong(/the log does not begin as the checkpoint that was kept says/, '--checkpoint', kept);
});
