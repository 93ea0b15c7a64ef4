// Reads that arrive together are one transaction: of each, the answer, the right
// and the audit row stay its own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startClinic } from '../lib/clinic.mjs';

const CROWD = 12; // of each kind: more than the first trips of two workers take
let clinic, as, mine, other, first, second;

const metric = async (name) => [...(await as.admin.get('/metrics')).text.matchAll(new RegExp(`^epione_${name}\\{[^}]*\\} (\\d+)$`, 'gm'))]
  .reduce((sum, m) => sum + Number(m[1]), 0);
const shared = () => metric('database_transactions_shared_total');

/** All at once: they wait for a table, so that those behind the first trips travel together. */
async function together(asks) {
  const release = await clinic.hold('LOCK TABLE patient IN ACCESS EXCLUSIVE MODE');
  const all = Promise.all(asks.map((ask) => ask()));
  while ((await metric('database_waiting')) < 8) await sleep(20); // of the worker that says so, at least
  await release();
  return all;
}

/** Each worker has to have seen who asks, or it would not know what to expect. */
async function known(client, id) {
  for (let round = 0; round < 2; round++) await Promise.all(Array.from({ length: 20 }, () => client.get(`/v1/patients/${id}`)));
}

const rows = (answers) => clinic.sql(
  `SELECT request_id, outcome, actor_id, patient_id, count(*) AS n FROM audit WHERE request_id = ANY (:'ids'::uuid[]) GROUP BY 1, 2, 3, 4`,
  { ids: `{${answers.map((r) => r.headers['x-request-id'])}}` });

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const [name, person] of Object.entries(clinic.people)) as[name] = await clinic.signIn(person);
  const make = async (client) => {
    const r = await client.create('/v1/patients', { family_name: 'Together', given_name: randomUUID(), birth_date: '1970-01-01', sex: 'female' });
    assert.equal(r.status, 201, r.text);
    return r.body.id;
  };
  first = await clinic.accountId(clinic.people.clinician);
  second = await clinic.accountId(clinic.people.clinician2);
  mine = await make(as.clinician);
  other = await make(as.clinician2);
});
after(() => clinic?.stop());

//= AZ-01, AU-01, SE-03
test('each has its own answer, right and audit row', async () => {
  const ended = await clinic.signIn(clinic.people.clinician);
  await known(as.clinician, mine);
  await known(as.clinician2, other);
  await known(ended, mine);
  await clinic.sql(`UPDATE session SET ended_at = now() WHERE id = (SELECT id FROM session WHERE account_id = :'id' AND ended_at IS NULL ORDER BY created_at DESC LIMIT 1)`,
    { id: first });
  const kinds = [
    { ask: () => as.clinician.get(`/v1/patients/${mine}`), status: 200, actor: first, patient: mine },
    { ask: () => ended.get(`/v1/patients/${mine}`), status: 401 }, // behind one who may
    { ask: () => as.clinician2.get(`/v1/patients/${other}`), status: 200, actor: second, patient: other },
    { ask: () => as.clinician.get(`/v1/patients/${other}`), status: 404, actor: first, patient: other },
    { ask: () => as.clinician2.get(`/v1/patients/${randomUUID()}`), status: 404, actor: second },
  ];
  const before = await shared(), asked = Array.from({ length: CROWD }, () => kinds).flat();
  const answers = await together(asked.map((k) => k.ask));
  assert.ok((await shared()) > before, 'some travelled together');
  const written = Map.groupBy(await rows(answers), (r) => r.request_id);
  answers.forEach((r, i) => {
    const { status, actor, patient } = asked[i], of = written.get(r.headers['x-request-id']) ?? [];
    assert.equal(r.status, status, r.text);
    if (status === 200) assert.equal(r.body.id, patient);
    if (status === 401) {
      assert.ok(of.every((e) => e.outcome !== 'ok'), 'nothing was done in the name of a session that ended');
      return;
    }
    assert.deepEqual(of.map((e) => [e.outcome === 'ok', e.actor_id, e.n]), [[status === 200, actor, '1']]);
    if (patient) assert.equal(of[0].patient_id, patient);
  });
});

//= AU-01: one without its audit row gets no answer, and those beside it do
test('one that fails takes no other with it', async () => {
  await known(as.clinician, mine);
  await known(as.clinician2, other);
  await clinic.sql(`CREATE FUNCTION fail_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no row'; END $$;
    CREATE TRIGGER fail_here BEFORE INSERT ON audit_log FOR EACH ROW WHEN (NEW.patient_id = ${`'${other}'`}) EXECUTE FUNCTION fail_here()`);
  const kinds = [() => as.clinician.get(`/v1/patients/${mine}`), () => as.clinician.get(`/v1/patients/${mine}`), () => as.clinician.get(`/v1/patients/${mine}`),
    () => as.clinician2.get(`/v1/patients/${other}`)];
  const before = await shared();
  const answers = await together(Array.from({ length: CROWD }, () => kinds).flat());
  assert.ok((await shared()) > before, 'some travelled together');
  await clinic.sql('DROP TRIGGER fail_here ON audit_log; DROP FUNCTION fail_here()');
  answers.forEach((r, i) => assert.equal(r.status >= 500, i % 4 === 3, `${r.status} ${r.text}`));
  const good = answers.filter((r) => r.status === 200);
  assert.deepEqual((await rows(good)).map((e) => [e.outcome, e.n]), good.map(() => ['ok', '1']));
});
