// Nobody alone opens an account that sees charts, or takes one over: every call
// that an administrator has, in every order that could matter, reads no chart.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Client, startClinic, top, totp } from '../lib/clinic.mjs';

let clinic, boss, bossId, as;
before(async () => {
  clinic = await startClinic();
  boss = await clinic.signIn(clinic.people.admin);
  bossId = await clinic.accountId(clinic.people.admin);
  as = {};
  for (const role of ['clinician', 'scheduler', 'patient']) as[role] = await clinic.signIn(clinic.people[role]);
});
after(async () => {
  for (const c of [boss, ...Object.values(as ?? {})]) c?.close();
  await clinic?.stop();
});
beforeEach(() => clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL; UPDATE account SET totp_last_step = 0`));

const GOOD = 'fifteen letters long';
const expected = (r, status, want, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, want, field], r.text);
const tokenOf = (url) => url.split('#')[1];
const accept = (url, phrase, client = new Client(clinic.url)) => client.post(`/v1/invitations/${tokenOf(url)}/accept`, { password: GOOD, phrase, client: 'api' }).finally(() => client.close());
const look = async (url) => {
  const client = new Client(clinic.url);
  return client.get(`/v1/invitations/${tokenOf(url)}`).finally(() => client.close());
};
let count = 0;
const invite = async (role = 'scheduler', by = boss) => {
  const r = await by.create('/v1/users', { email: `somebody${++count}@people.example`, display_name: `Somebody ${count}`, role });
  assert.equal(r.status, 201, r.text);
  return r.body;
};
const stepUp = async (client, secret) => {
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  const r = await client.post('/v1/session/step-up', { code: totp(secret) });
  assert.equal(r.status, 200, r.text);
};
/** A person of any role, let in by two as it should be. */
async function colleague(role) {
  const made = await invite(role);
  const client = new Client(clinic.url, { role });
  const r = await client.post(`/v1/invitations/${tokenOf(made.invitation_url)}/accept`, { password: GOOD, phrase: await clinic.confirm(made), client: 'api' });
  assert.equal(r.status, 200, r.text);
  const offer = await client.post('/v1/account/totp');
  assert.equal((await client.post('/v1/account/totp/confirm', { code: totp(offer.body.secret) })).status, 200);
  return { id: made.id, client, secret: offer.body.secret };
}

//= IA-19, AZ-05: the link of who asked, and the phrase of who agreed, open an account together
test('an invitation opens nothing before a second person has confirmed it, nor without the phrase', async () => {
  const made = await invite('scheduler');
  assert.deepEqual(Object.keys(made.invitation).sort(), ['expires_at', 'id', 'sent_to', 'state']);
  assert.deepEqual([made.invitation.state, made.invitation.sent_to], ['waiting', null]);
  assert.ok(Math.abs(Date.parse(made.invitation.expires_at) - Date.now() - 86400_000) < 60_000);
  assert.equal(made.approval.deciders, 1, 'the officer; not who asked, nor who is asked for');
  assert.deepEqual((await look(made.invitation_url)).body, { state: 'waiting', phrase: true, reset: false, clinic_name: 'Harbor Family Clinic', password_min_length: 12 });
  expected(await accept(made.invitation_url, undefined), 409, 'not_confirmed');
  expected(await accept(made.invitation_url, '0000-0000-0000'), 409, 'not_confirmed');
  const phrase = await clinic.confirm(made);
  assert.match(phrase, /^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){2}$/);
  assert.deepEqual((await look(made.invitation_url)).body.state, 'open');
  expected(await accept(made.invitation_url, undefined), 422, 'missing_field', 'phrase');
  expected(await accept(made.invitation_url, '0000-0000-0000'), 401, 'invalid_phrase', 'phrase');
  expected(await accept(made.invitation_url, 'not a phrase'), 401, 'invalid_phrase', 'phrase');
  // as a person hears it: capitals, spaces, O for 0
  const heard = phrase.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O');
  assert.equal((await accept(made.invitation_url, heard)).status, 200);
  expected(await accept(made.invitation_url, phrase), 410, 'link_expired');
  expected(await look(made.invitation_url), 410, 'link_expired');
  const kept = (await clinic.sql(`SELECT string_agg(i::text, ' ') || string_agg(a::text, ' ') AS all FROM invitation i, approval a`))[0].all;
  assert.ok(!kept.includes(phrase) && !clinic.log.includes(phrase), 'the phrase is kept nowhere');
});

test('five wrong phrases end a link, also when they come at once; a weak password costs none', async () => {
  const made = await invite();
  const phrase = await clinic.confirm(made);
  for (let n = 0; n < 6; n++) {
    const client = new Client(clinic.url);
    expected(await client.post(`/v1/invitations/${tokenOf(made.invitation_url)}/accept`, { password: 'short', phrase }), 422, 'weak_password', 'password');
    client.close();
  }
  const tried = await Promise.all(Array.from({ length: 12 }, (_, n) => accept(made.invitation_url, `0000-0000-00${n + 10}`)));
  assert.equal(tried.filter((r) => r.status === 401).length, 5, tried.map((r) => r.status).join());
  assert.equal(tried.filter((r) => r.status === 410).length, 7);
  expected(await accept(made.invitation_url, phrase), 410, 'link_expired');
  assert.deepEqual((await boss.get(`/v1/users/${made.id}`)).body.state, 'none');
});

//= AZ-09
test('confirming needs a fresh code, and is not for who asked', async () => {
  const made = await invite();
  const officer = await clinic.signIn(clinic.people.compliance);
  const place = `/v1/approvals/${made.approval.id}`;
  expected(await officer.post(`${place}/confirm`), 403, 'step_up_required');
  await stepUp(boss, clinic.people.admin.totp_secret);
  const second = await colleague('admin');
  expected(await boss.post(`${place}/confirm`), 409, 'own_request');
  for (const role of ['clinician', 'patient', 'scheduler']) {
    expected(await as[role].post(`${place}/confirm`), 404, 'not_found');
    expected(await as[role].post(`${place}/refuse`), 404, 'not_found');
  }
  expected(await boss.post(`/v1/approvals/${randomUUID()}/confirm`), 404, 'not_found');
  assert.equal((await officer.post(`${place}/refuse`)).body.phrase, null);
  expected(await officer.post(`${place}/refuse`), 409, 'already_done');
  expected(await second.client.post(`${place}/refuse`), 409, 'already_done');
  expected(await accept(made.invitation_url, undefined), 410, 'link_expired');
  const late = await invite();
  await clinic.sql(`UPDATE approval SET expires_at = now() - interval '1 second' WHERE id = :'id'`, late.approval);
  await assert.rejects(clinic.confirm(late), /410.*request_expired/);
  // who asked takes it back
  const mine = await invite();
  assert.equal((await boss.post(`/v1/approvals/${mine.approval.id}/refuse`)).body.state, 'refused');
  await assert.rejects(clinic.confirm(mine), /409.*already_done/);
  await boss.post(`/v1/users/${second.id}/deactivate`);
  officer.close();
  second.client.close();
});

test('of two who decide at once one does', async () => {
  const made = await invite();
  const others = [await colleague('admin'), await colleague('compliance')];
  for (const o of others) await stepUp(o.client, o.secret);
  const both = await Promise.all(others.map((o) => o.client.post(`/v1/approvals/${made.approval.id}/confirm`)));
  assert.deepEqual(both.map((r) => r.status).sort(), [200, 409], both.map((r) => r.text).join());
  for (const o of others) {
    await boss.post(`/v1/users/${o.id}/deactivate`);
    o.client.close();
  }
});

test('the list says what waits, newest first, to who may decide it; its owner sees it too', async () => {
  const made = await invite('clinician');
  const officer = await clinic.signIn(clinic.people.compliance);
  const list = await officer.get('/v1/approvals?state=waiting');
  assert.equal(list.status, 200, list.text);
  const [first] = list.body.items;
  assert.deepEqual([first.id, first.kind, first.state, first.account.role, first.account.display_name, first.requested_by.display_name, first.decided_by, first.yours],
    [made.approval.id, 'invite', 'waiting', 'clinician', `Somebody ${count}`, clinic.people.admin.name, null, false]);
  assert.equal((await boss.get('/v1/approvals?state=waiting')).body.items[0].yours, true);
  const mine = list.body.items.filter((i) => !i.yours).length;
  assert.equal((await officer.get('/v1/session')).body.approvals_waiting, mine, 'what the navigation counts');
  assert.equal((await boss.get('/v1/session')).body.approvals_waiting, 0, 'not what one asked for oneself');
  assert.equal((await as.clinician.get('/v1/session')).body.approvals_waiting, null);
  assert.ok(list.body.items.every((i) => i.state === 'waiting'));
  const page = await officer.get('/v1/approvals?limit=1');
  assert.notEqual((await officer.get(`/v1/approvals?limit=1&cursor=${page.body.next_cursor}`)).body.items[0].id, page.body.items[0].id);
  const desk = (await as.scheduler.get('/v1/approvals?limit=100')).body.items;
  assert.ok(!desk.some((i) => i.id === made.approval.id || i.account.role !== 'patient'), 'the desk decides of patients alone');
  for (const role of ['clinician', 'patient']) expected(await as[role].get('/v1/approvals'), 404, 'not_found');
  expected(await officer.get('/v1/approvals?state=lost'), 422, 'invalid_field', 'state');
  // whom it is about
  const target = await clinic.accountId(clinic.people.clinician);
  await boss.post(`/v1/users/${target}/reset-password`);
  const [own] = (await as.clinician.get('/v1/account/approvals')).body.items;
  assert.deepEqual([own.kind, own.state, own.account.id, own.requested_by.id], ['reset_password', 'waiting', target, bossId]);
  await boss.post(`/v1/approvals/${own.id}/refuse`);
  assert.equal((await as.clinician.get('/v1/account/approvals')).body.items[0].state, 'refused');
  assert.deepEqual(await clinic.audit(`event = 'approval.listed' AND outcome = 'ok' AND actor_id = '${target}'`), [], 'what one is told of oneself is no event');
  assert.equal((await as.clinician.get('/v1/visits')).status, 200, 'a request that was refused has changed nothing');
  officer.close();
});

test('an invitation is sent again by a new link, which is confirmed anew', async () => {
  const made = await invite();
  const phrase = await clinic.confirm(made);
  const r = await boss.post(`/v1/invitations/${made.invitation.id}/resend`);
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.id, made.id);
  assert.notEqual(r.body.invitation.id, made.invitation.id);
  expected(await accept(made.invitation_url, phrase), 410, 'link_expired');
  expected(await accept(r.body.invitation_url, phrase), 409, 'not_confirmed');
  expected(await boss.create('/v1/users', { email: `somebody${count}@people.example`, display_name: 'Twice', role: 'scheduler' }), 409, 'email_taken', 'email');
  assert.equal((await accept(r.body.invitation_url, await clinic.confirm(r.body))).status, 200);
  expected(await boss.post(`/v1/invitations/${r.body.invitation.id}/resend`), 409, 'wrong_status');
  expected(await boss.post(`/v1/invitations/${randomUUID()}/resend`), 404, 'not_found');
  for (const role of ['clinician', 'scheduler', 'patient']) expected(await as[role].post(`/v1/invitations/${made.invitation.id}/resend`), 404, 'not_found');
  // none, invited, active, deactivated
  const fresh = await invite();
  const state = async () => (await boss.get('/v1/users?limit=1')).body.items[0];
  assert.deepEqual([(await state()).id, (await state()).state, (await state()).waiting.kind], [fresh.id, 'invited', 'invite'], 'the newest first');
  await clinic.sql(`UPDATE invitation SET expires_at = now() - interval '1 second' WHERE id = :'id'`, fresh.invitation);
  assert.equal((await state()).state, 'none');
  await boss.post(`/v1/users/${fresh.id}/deactivate`);
  assert.equal((await state()).state, 'deactivated');
  assert.equal((await boss.get(`/v1/users/${made.id}`)).body.state, 'active');
});

//= AZ-05: the whole of the back door
test('an administrator tries every call, and reads no chart', async () => {
  const chart = `/v1/patients/${clinic.people.patient.patient_id}`;
  const victim = await colleague('scheduler');
  assert.equal((await victim.client.get(chart)).status, 200, 'whose eyes the administrator would like to have');
  const patientAccount = await clinic.accountId(clinic.people.patient);
  const targets = [bossId, victim.id, await clinic.accountId(clinic.people.clinician), await clinic.accountId(clinic.people.compliance), patientAccount, (await invite('scheduler')).id, (await invite('admin')).id];
  const document = JSON.parse(readFileSync(path.join(top, 'docs/openapi.json'), 'utf8'));
  await stepUp(boss, clinic.people.admin.totp_secret);

  /** Every secret that an answer gave the administrator: links, phrases, tokens. */
  const links = new Set(), phrases = new Set([undefined, '0000-0000-0000']);
  const harvest = (r) => {
    for (const [, token] of r.text.matchAll(/invitation#([\w-]{43})/g)) links.add(token);
    if (typeof r.body?.phrase === 'string') phrases.add(r.body.phrase);
    for (const item of [r.body, ...(r.body?.items ?? [])]) for (const id of [item?.approval?.id, item?.waiting?.id, item?.kind && item.id]) if (id) approvals.add(id);
    for (const item of [r.body, ...(r.body?.items ?? [])]) if (item?.invitation?.id) invitations.add(item.invitation.id);
  };
  const approvals = new Set(), invitations = new Set();
  const roles = ['admin', 'clinician', 'scheduler', 'compliance'];

  // everything that the description has, twice over, so that what the first
  // round left behind is there for the second
  for (let round = 0; round < 2; round++)
    for (const [place, operations] of Object.entries(document.paths))
      for (const method of Object.keys(operations).map((m) => m.toUpperCase())) {
        if (/^(DELETE|PUT) |account\/totp|\/session|\/signal$|clinic\/policy/.test(`${method} ${place}`) && !/care-team/.test(place)) continue;
        if (/deactivate/.test(place) && round === 0) continue;
        const ids = !place.includes('{id}') ? [null] : place.includes('/approvals/') ? [...approvals] : place.includes('/invitations/') ? [...invitations]
          : place.includes('/patients/') ? clinic.patients.slice(0, 2) : targets;
        for (const id of ids) {
          if (id === bossId && /mark-compromised/.test(place)) continue; // ends the own session, and gains nothing
          const target = place.replace('{id}', id).replace('{user_id}', bossId).replace('{token}', [...links][0] ?? 'A'.repeat(43));
          const bodies = method === 'GET' || method === 'DELETE' ? [undefined]
            : method === 'PATCH' ? roles.map((role) => ({ role }))
            : place === '/v1/users' ? roles.map((role) => ({ email: `x${++count}@people.example`, display_name: 'X', role }))
            : [{}];
          for (const body of bodies) {
            const etag = method === 'PATCH' ? (await boss.get(target)).headers.etag : undefined;
            const r = await boss.request(method, target, body, etag ? { 'if-match': etag } : {});
            assert.doesNotMatch(r.text, /1984-03-09|Harbor Lane|MRN-\d/, `${method} ${target}`);
            harvest(r);
          }
        }
      }
  assert.ok(links.size >= 10 && approvals.size >= 10 && invitations.size >= 5, `${links.size} ${approvals.size} ${invitations.size}`);
  for (const id of approvals) harvest(await boss.post(`/v1/approvals/${id}/confirm`));
  assert.equal(phrases.size, 2, 'no phrase was shown to who asked');
  for (const token of links)
    for (const phrase of phrases) {
      const client = new Client(clinic.url);
      const r = await client.post(`/v1/invitations/${token}/accept`, { password: GOOD, phrase, client: 'api' });
      assert.ok([409, 410].includes(r.status), r.text);
      assert.equal((await client.get(chart)).status, 401);
      client.close();
    }
  assert.equal((await boss.get('/v1/session')).body.user.role, 'admin');
  expected(await boss.get(chart), 404, 'not_found');
  const [{ stolen }] = await clinic.sql(`SELECT count(*) AS stolen FROM approval WHERE state = 'confirmed' AND requested_by = :'id' AND (decided_by = :'id' OR decided_by = account_id)`, { id: bossId });
  assert.equal(stolen, '0');
  await clinic.sql(`UPDATE account SET deactivated_at = NULL, compromised_at = NULL WHERE password_hash IS NOT NULL; UPDATE session SET ended_at = NULL WHERE ended_at > now() - interval '10 minutes' AND account_id IN (SELECT id FROM account WHERE role IN ('clinician', 'scheduler', 'patient', 'admin', 'compliance'))`);
  victim.client.close();
});

//= AZ-05
test('one’s own account and role are for others, and who has left has asked for nothing', async () => {
  const second = await colleague('admin');
  for (const what of ['reset-password', 'reset-totp', 'deactivate']) expected(await boss.post(`/v1/users/${bossId}/${what}`), 409, 'own_account');
  const { headers } = await boss.get(`/v1/users/${bossId}`);
  expected(await boss.patch(`/v1/users/${bossId}`, { role: 'clinician' }, { 'if-match': headers.etag }), 409, 'own_account', 'role');
  // asked for by the second, who is then gone; nor may the subject confirm
  const made = await invite('scheduler', second.client);
  const asked = await second.client.post(`/v1/users/${bossId}/reset-password`);
  await stepUp(boss, clinic.people.admin.totp_secret);
  expected(await boss.post(`/v1/approvals/${asked.body.approval.id}/confirm`), 409, 'own_request');
  assert.equal((await boss.post(`/v1/users/${second.id}/deactivate`)).status, 200);
  expected(await second.client.post(`/v1/approvals/${made.approval.id}/confirm`), 401, 'not_signed_in');
  for (const gone of [made, asked.body]) await assert.rejects(clinic.confirm(gone), /410.*request_expired/);
  // an invited second administrator is no second person yet
  const puppet = await invite('admin');
  expected(await accept(puppet.invitation_url, undefined), 409, 'not_confirmed');
  second.client.close();
});

//= IA-19: the second lock is the table's own
test('the table itself takes no second person who is the first', async () => {
  const made = await invite();
  await assert.rejects(clinic.sql(`UPDATE approval SET state = 'confirmed', decided_by = requested_by, decided_at = now() WHERE id = :'id'`, made.approval), /approval_second_person/);
  await assert.rejects(clinic.sql(`SET ROLE epione_server; DELETE FROM approval`), /permission denied/);
  await assert.rejects(clinic.sql(`SET ROLE epione_server; UPDATE approval SET requested_by = account_id`), /permission denied/);
  await assert.rejects(clinic.sql(`SET ROLE epione_server; UPDATE invitation SET hash = hash`), /permission denied/);
});

test('who invites a patient cannot come in as the patient', async () => {
  const made = await as.scheduler.create('/v1/patients', { family_name: 'Portal', given_name: 'Pat', birth_date: '1980-01-02', sex: 'other', email: `pat-${randomUUID()}@people.example` });
  assert.equal((await as.scheduler.post(`/v1/patients/${made.body.id}/care-team/${await clinic.accountId(clinic.people.clinician)}`)).status, 204);
  const r = await as.clinician.create(`/v1/patients/${made.body.id}/account`, {});
  assert.equal(r.status, 201, r.text);
  expected(await accept(r.body.invitation_url, undefined), 409, 'not_confirmed');
  expected(await as.clinician.post(`/v1/approvals/${r.body.approval.id}/confirm`), 404, 'not_found');
  assert.ok(r.body.approval.deciders >= 3, 'the desk, the administrator and the officer');
  // the desk, which knows the patient, is the second person
  const place = `/v1/approvals/${r.body.approval.id}/confirm`;
  const [waits] = (await as.scheduler.get('/v1/approvals?state=waiting')).body.items;
  assert.deepEqual([waits.id, waits.account.display_name], [r.body.approval.id, 'Pat Portal']);
  await clinic.operator('approval', 'list');
  const officer = await clinic.signIn(clinic.people.compliance);
  const looked = (await officer.get(`/v1/patients/${made.body.id}/accesses?limit=2`)).body.items;
  assert.deepEqual(looked.map((e) => [e.event, e.actor_role]), [['approval.listed', 'operator'], ['approval.listed', 'scheduler']]); //= AU-12
  await stepUp(as.scheduler, clinic.people.scheduler.totp_secret);
  const phrase = (await as.scheduler.post(place)).body.phrase;
  assert.equal((await accept(r.body.invitation_url, phrase)).status, 200);
  // and not of what it asked for itself
  const other = await as.scheduler.create('/v1/patients', { family_name: 'Portal', given_name: 'Pim', birth_date: '1980-01-02', sex: 'other', email: `pim-${randomUUID()}@people.example` });
  const own = await as.scheduler.create(`/v1/patients/${other.body.id}/account`, {});
  expected(await as.scheduler.post(`/v1/approvals/${own.body.approval.id}/confirm`), 409, 'own_request');
  const [row] = await clinic.audit(`event = 'approval.confirmed' AND outcome = 'ok' AND patient_id = '${made.body.id}'`);
  assert.equal(row.actor_role, 'scheduler');
});

//= AZ-02: what an administrator sees of patients' accounts, the patient can follow
test('a list that shows a patient’s account is an access to that patient', async () => {
  const { id } = { id: clinic.people.patient.patient_id };
  const r = await boss.get('/v1/users?role=patient');
  assert.equal(r.status, 200, r.text);
  const [seen] = (await as.patient.get(`/v1/patients/${id}/accesses`)).body.items;
  assert.deepEqual([seen.event, seen.actor_name], ['user.listed', clinic.people.admin.name]);
  await boss.get('/v1/users');
  assert.equal((await as.patient.get(`/v1/patients/${id}/accesses`)).body.items[0].at, seen.at, 'a list of colleagues is not');
  await boss.get(`/v1/users/${await clinic.accountId(clinic.people.patient)}`);
  const [single] = (await as.patient.get(`/v1/patients/${id}/accesses`)).body.items;
  assert.deepEqual([single.event, single.actor_name, single.purpose], ['user.read', clinic.people.admin.name, 'HSYSADMIN']);
});

test('what was asked for and decided is in the trail, by whom and about whom', async () => {
  const made = await invite();
  await clinic.confirm(made);
  const rows = await clinic.audit(`record_id = '${made.id}'`);
  assert.deepEqual(rows.map((e) => [e.event, e.actor_role]), [['user.created', 'admin'], ['approval.confirmed', 'compliance']]);
});

const ctl = (...args) => clinic.ctl(...args).then((r) => ({ code: 0, ...r }), (e) => e);

test('a clinic with nobody else goes on by the operator alone', async () => {
  const config = path.join(clinic.dir, 'epione.conf');
  const owner = await clinic.address('owner');
  const at = ['--config', config, '--database', owner];
  assert.equal((await ctl('clinic', 'add', ...at, '--name', 'Alone')).code, 0);
  const link = await ctl('user', 'add', ...at, '--clinic', 'Alone', '--role', 'admin', '--name', 'Solo', '--email', 'solo@alone.example');
  const solo = new Client(clinic.url, { role: 'admin' });
  const opened = await solo.post(`/v1/invitations/${tokenOf(link.stdout.trim())}/accept`, { password: GOOD, client: 'api' });
  assert.equal(opened.status, 200, opened.text);
  const offer = await solo.post('/v1/account/totp');
  await solo.post('/v1/account/totp/confirm', { code: totp(offer.body.secret) });
  const made = await invite('clinician', solo);
  assert.equal(made.approval.deciders, 0);
  await stepUp(solo, offer.body.secret);
  const own = await solo.post(`/v1/approvals/${made.approval.id}/confirm`);
  expected(own, 409, 'no_second_person');
  assert.match(own.body.title, /Nobody else here can confirm/);
  const list = await ctl('approval', 'list', ...at, '--clinic', 'Alone');
  assert.deepEqual([list.code, list.stdout.split('  ')[0]], [0, made.approval.id], list.stderr);
  assert.match(list.stdout, /invite +Somebody \d+ <somebody\d+@people\.example>, clinician; asked by Solo; until /);
  const phrase = await ctl('approval', 'confirm', ...at, '--clinic', 'Alone', made.approval.id);
  assert.equal(phrase.code, 0, phrase.stderr);
  assert.equal((await accept(made.invitation_url, phrase.stdout.trim())).status, 200);
  assert.match((await ctl('approval', 'confirm', ...at, '--clinic', 'Alone', made.approval.id)).stderr, /already been done/);
  assert.match((await ctl('approval', 'confirm', ...at, '--clinic', 'Alone', randomUUID())).stderr, /no such request/);
  assert.equal((await ctl('approval', 'confirm', ...at, '--clinic', 'Alone')).code, 2);
  const [row] = await clinic.sql(`SELECT actor_role, event FROM audit WHERE operation = 'epionectl approval confirm'`);
  assert.deepEqual(row, { actor_role: 'operator', event: 'approval.confirmed' });
  solo.close();
});

test('where no mail is sent, who forgot a password is told whom to call', async () => {
  const client = new Client(clinic.url);
  expected(await client.post('/v1/account/reset', { email: clinic.people.scheduler.email }), 409, 'no_mail', undefined);
  expected(await client.post('/v1/account/reset', { email: 'nobody@people.example' }), 409, 'no_mail', undefined);
  for (const email of ['no address', '', 7]) expected(await client.post('/v1/account/reset', { email }), 422, 'invalid_field', 'email');
  expected(await client.post('/v1/account/reset', {}), 422, 'missing_field', 'email');
  client.close();
});
