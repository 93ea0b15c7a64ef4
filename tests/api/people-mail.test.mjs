// Invitations of a clinic that has mail: the link goes to its owner alone.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client, startClinic } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';

let clinic, box, boss, desk, doctor;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
before(async () => {
  box = await startMailbox();
  clinic = await startClinic({ mail: box.settings, jobs: box.jobs });
  await clinic.startJobs();
  boss = await clinic.signIn(clinic.people.admin);
  desk = await clinic.signIn(clinic.people.scheduler);
  doctor = await clinic.signIn(clinic.people.clinician);
});
after(async () => {
  for (const c of [boss, desk, doctor]) c?.close();
  await clinic?.stop();
  await box?.close();
});

const GOOD = 'fifteen letters long';
/** The link in the next message to an address. */
async function linkFor(address, seen = 0) {
  for (const end = Date.now() + 60000; Date.now() < end; await sleep(50)) {
    const mine = box.messages.filter((m) => m.to.includes(address));
    if (mine.length > seen) return mine.at(-1).mail.text.match(/https:\S+\/invitation#[\w-]{43}/)[0];
  }
  throw new Error(`no mail to ${address}`);
}
async function accept(url, phrase) {
  const client = new Client(clinic.url);
  const r = await client.post(`/v1/invitations/${url.split('#')[1]}/accept`, { password: GOOD, phrase, client: 'api' });
  client.close();
  return r;
}

//= IA-19: the link goes to its owner, and never to the caller
test('a colleague’s link is mailed, and still needs the second person’s phrase', async () => {
  const email = 'mailed@people.example';
  const r = await boss.create('/v1/users', { email, display_name: 'Mailed', role: 'scheduler' });
  assert.equal(r.status, 201, r.text);
  assert.deepEqual([r.body.invitation.sent_to, r.body.invitation.state], [email, 'waiting']);
  assert.doesNotMatch(r.text, /invitation#|invitation_url/);
  const url = await linkFor(email);
  assert.equal((await accept(url, undefined)).body.code, 'not_confirmed');
  const phrase = await clinic.confirm(r.body);
  assert.equal((await accept(url, undefined)).body.field, 'phrase');
  assert.equal((await accept(url, phrase)).status, 200);
});

//= IA-09: the owner is told, once a day, and nobody else learns of it
test('the owner gets a mail when others guess', async () => {
  const { compliance } = clinic.people;
  const mine = () => box.messages.filter((m) => m.to.includes(compliance.email) && /tries to sign in/.test(m.mail.subject));
  const guess = async (n) => {
    const client = new Client(clinic.url, { from: '127.0.77.1' });
    for (let i = 0; i < n; i++) await client.post('/v1/session', { email: compliance.email, password: 'not the password', client: 'api' });
    client.close();
  };
  await guess(5);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM account WHERE warned_at IS NOT NULL`))[0].n, '0', 'five slips are no attack');
  await guess(4);
  for (const end = Date.now() + 60000; mine().length === 0; await sleep(50)) assert.ok(Date.now() < end, 'no mail');
  const { mail } = mine()[0];
  assert.match(mail.text, /nobody got in/);
  assert.ok(!mail.text.includes(compliance.email) && !mail.text.includes('127.0.77.1') && !mail.text.includes(compliance.name ?? compliance.email));
  await guess(4);
  await clinic.sql(`UPDATE attempt SET blocked_until = NULL`);
  await guess(2);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM job WHERE record_id = :'id'`, { id: await clinic.accountId(compliance) }))[0].n, '1', 'one a day');
});

test('a reset is told to its owner before it happens, by mail', async () => {
  const id = await clinic.accountId(clinic.people.clinician2);
  const r = await boss.post(`/v1/users/${id}/reset-password`);
  assert.deepEqual([r.status, r.body.invitation.sent_to, r.body.invitation_url], [200, clinic.people.clinician2.email, undefined], r.text);
  const url = await linkFor(clinic.people.clinician2.email);
  const [letter] = box.messages.filter((m) => m.to.includes(clinic.people.clinician2.email));
  assert.match(letter.mail.text, /Until a second person there agrees, nothing changes/);
  assert.equal((await accept(url, await clinic.confirm(r.body))).status, 200);
});

test('a patient is let in by mail alone where somebody else wrote the address down', async () => {
  const person = () => ({ family_name: 'Post', given_name: 'Pia', birth_date: '1970-03-04', sex: 'female', email: `pia-${randomUUID()}@people.example` });
  const known = person();
  const { body: { id } } = await desk.create('/v1/patients', known);
  assert.equal((await desk.post(`/v1/patients/${id}/care-team/${await clinic.accountId(clinic.people.clinician)}`)).status, 204);
  const r = await doctor.create(`/v1/patients/${id}/account`, {});
  assert.equal(r.status, 201, r.text);
  assert.deepEqual([r.body.approval, r.body.invitation.state, r.body.invitation.sent_to, r.body.invitation_url], [null, 'open', known.email, undefined]);
  // the desk changes the address and invites: nobody else vouches for it
  const moved = `moved-${randomUUID()}@people.example`;
  const { headers } = await desk.get(`/v1/patients/${id}`);
  assert.equal((await desk.patch(`/v1/patients/${id}`, { email: moved }, { 'if-match': headers.etag })).status, 200);
  const own = await desk.create(`/v1/patients/${id}/account`, {});
  assert.equal(own.body.invitation.sent_to, moved, own.text);
  assert.notEqual(own.body.approval, null);
  assert.equal((await accept(await linkFor(known.email), undefined)).body.code, 'link_expired', 'the first went to the old address');
  assert.equal((await accept(await linkFor(moved), undefined)).body.code, 'not_confirmed');
  // and once the clinician asks, the desk is the other
  const again = await doctor.create(`/v1/patients/${id}/account`, {});
  assert.equal(again.body.approval, null, again.text);
  assert.equal((await accept(await linkFor(moved, 1), undefined)).status, 200);
});
