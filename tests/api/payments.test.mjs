// Fees, payments through a processor that fails in every way, its events, refunds, and the ledger.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Client, freePort, startClinic, top, totp } from '../lib/clinic.mjs';
import { killedAtEach } from '../lib/killed.mjs';
import { earlyInThePeriod } from '../lib/periods.mjs';
import { PostgresRelay } from '../lib/postgres-relay.mjs';
import { callsOf, libraryOf, webhooks } from '../lib/stripe-library.mjs';
import * as its from '../lib/stripe-objects.mjs';
import { signature, startStripe, unflatten } from '../lib/stripe.mjs';

let clinic, stripe, jobs;
const as = {};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, look) => {
  for (const end = Date.now() + 90000; ; await sleep(100)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${JSON.stringify(await clinic.sql(`SELECT kind, state, attempts, error_code, run_at - now() AS due, record_id FROM job WHERE state <> 'done'`))}\n${jobs?.log.slice(-3000)}`);
  }
};
const one = async (text, params) => (await clinic.sql(text, params))[0];
const hurry = () => clinic.sql(`UPDATE job SET run_at = now() WHERE kind LIKE 'payment.%' AND state = 'waiting'; NOTIFY epione_job`);
const becomes = (id, state) => until(`${id} ${state}`, async () => {
  await hurry();
  const { body } = await as.scheduler.get(`/v1/payments/${id}`);
  return body.state === state && body;
});
const ledger = (id) => clinic.sql(`SELECT kind, debit, credit, amount_minor AS n FROM ledger WHERE payment_id = :'id' ORDER BY at, kind`, { id });
const kinds = async (id) => (await ledger(id)).map((l) => l.kind).sort();
const keptFor = async (id) => (await clinic.sql(`SELECT debit, credit, amount_minor AS n FROM ledger WHERE payment_id = :'id' AND kind = 'fee' AND reference LIKE 'dispute%' ORDER BY reference`, { id })).map((l) => [l.debit, l.credit, l.n]);
const session = (id) => [...stripe.sessions.values()].find((s) => s.client_reference_id === id);
const tell = (event, client = as.nobody) => client.post('/v1/stripe/events', event.body, event.headers);
const fees = [{ code: 'visit', title: 'Video visit', amount_minor: 12000, currency: 'USD' }, { code: 'yen', title: 'In yen', amount_minor: 5000, currency: 'JPY' }, { code: 'dinar', title: 'In dinars', amount_minor: 10500, currency: 'KWD' }];

/** The list of fees as its own test leaves it, for a test that is run alone. */
async function priced() {
  const { body, headers } = await as.scheduler.get('/v1/clinic/fees');
  if (body.items.length > 0) return;
  const r = await as.admin.patch('/v1/clinic/fees', { items: [{ ...fees[0], amount_minor: 15000 }, fees[1], fees[2]], pay_when: 'check_in' }, { 'if-match': headers.etag });
  assert.equal(r.status, 200, r.text);
}

let days = 300;
async function visitWith(fee_code) {
  if (fee_code) await priced();
  const r = await as.scheduler.create('/v1/visits', { patient_id: clinic.people.patient.patient_id, clinician_id: clinic.people.clinician.id,
    starts_at: new Date(Date.now() + days++ * 864e5).toISOString().replace(/\.\d+/, ''), duration_minutes: 30, reason: 'Sertraline refill', fee_code });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
}
async function paymentOf(visit) {
  const r = await as.patient.create(`/v1/visits/${visit}/payments`, {});
  assert.equal(r.status, 201, r.text);
  return r.body;
}
/** A visit, a payment of it, open at the processor. */
async function opened(fee_code = 'visit') {
  const { id } = await paymentOf(await visitWith(fee_code));
  return becomes(id, 'open');
}
async function paid(fee_code = 'visit') {
  const p = await opened(fee_code), intent = stripe.pay(session(p.id));
  assert.equal((await tell(stripe.event('checkout.session.completed', session(p.id)))).status, 200);
  await becomes(p.id, 'paid');
  return { id: p.id, intent };
}
/** The months in which this suite has run, by the clinic's clock. */
const span = async () => (await one(`SELECT format('from=%s&to=%s', to_char(min(at) AT TIME ZONE time_zone, 'YYYY-MM'), to_char(now() AT TIME ZONE time_zone, 'YYYY-MM')) AS span FROM clinic, ledger GROUP BY time_zone`)).span;
/** A job of the clock's, once; it is found by its key. */
async function clockAsks(kind) {
  const key = randomUUID();
  await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), :'kind', :'key', now()); NOTIFY epione_job`, { kind, key });
  return key;
}
async function clockRuns(kind) {
  const key = await clockAsks(kind);
  await until(`${kind} done`, async () => (await one(`SELECT state FROM job WHERE key = :'key'`, { key })).state === 'done');
}
const stepUp = async () => {
  const { scheduler } = clinic.people;
  await clinic.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, { id: await clinic.accountId(scheduler) });
  assert.equal((await as.scheduler.post('/v1/session/step-up', { code: totp(scheduler.totp_secret) })).status, 200);
};

before(async () => {
  stripe = await startStripe();
  // a relay that never answers: what is asked of it stays to be seen
  clinic = await startClinic({ settings: stripe.settings, jobs: stripe.jobs, mail: 'smtp_url smtps://localhost:9\nsmtp_from no-reply@example.org\n' });
  for (const name of ['admin', 'scheduler', 'clinician', 'compliance', 'patient', 'patient2']) as[name] = await clinic.signIn(clinic.people[name]);
  as.nobody = new Client(clinic.url);
  jobs = await clinic.startJobs();
});
after(async () => {
  for (const c of Object.values(as)) c.close();
  await clinic?.stop();
  await stripe?.close();
});

test('fees: of any currency, replaced as a list, and a visit keeps what it was booked with', async () => {
  const empty = await as.scheduler.get('/v1/clinic/fees');
  assert.deepEqual([empty.status, empty.body.items, empty.body.pay_when], [200, [], 'before']);
  const patch = (body, etag = empty.headers.etag) => as.admin.patch('/v1/clinic/fees', body, { 'if-match': etag });
  for (const [wrong, field] of [[{ currency: 'XXX' }, 'items.currency'], [{ currency: 'usd' }, 'items.currency'], [{ currency: 'KWD', amount_minor: 10501 }, 'items.amount_minor'], [{ amount_minor: 0 }, 'items.amount_minor'], [{ title: '4242 4242 4242 4242' }, 'items.title']]) {
    const r = await patch({ items: [{ ...fees[0], ...wrong }] });
    assert.deepEqual([r.status, r.body.field], [422, field], r.text);
  }
  assert.equal((await patch({ items: [fees[0], fees[0]] })).body.field, 'items.code');
  const set = await patch({ items: fees, pay_when: 'check_in' });
  assert.equal(set.status, 200, set.text);
  assert.deepEqual([set.body.items.length, set.body.pay_when], [3, 'check_in']);
  assert.equal((await patch({ items: [] })).status, 412, 'of a list that was seen before');
  const visit = await visitWith('visit');
  assert.equal((await patch({ items: [{ ...fees[0], amount_minor: 15000 }, fees[1], fees[2]] }, set.headers.etag)).status, 200);
  assert.deepEqual((await as.patient.get(`/v1/visits/${visit}`)).body.fee, fees[0]);
  assert.equal((await as.patient.get(`/v1/visits/${await visitWith('visit')}`)).body.fee.amount_minor, 15000);
  const free = await visitWith(null);
  assert.equal((await as.patient.get(`/v1/visits/${free}`)).body.fee, null);
  assert.deepEqual((await as.patient.create(`/v1/visits/${free}/payments`, {})).body.code, 'no_fee');
  const none = await as.scheduler.create('/v1/visits', { patient_id: clinic.people.patient.patient_id, clinician_id: clinic.people.clinician.id, starts_at: '2033-01-01T10:00:00Z', duration_minutes: 30, reason: 'x', fee_code: 'no such' });
  assert.deepEqual([none.status, none.body.field], [422, 'fee_code']);
});

//= PY-06: the fee of the visit says what is paid, and nobody else
//= PY-07: each request to the processor says an amount and ids, and nothing of the person
test('a payment is opened at the processor, once, with nothing of patient or visit', async () => {
  const visit = await visitWith('visit');
  for (const body of [{ amount_minor: 1 }, { currency: 'JPY' }, { state: 'paid' }])
    assert.equal((await as.patient.create(`/v1/visits/${visit}/payments`, body)).body.code, 'unknown_field');
  assert.equal((await as.patient2.create(`/v1/visits/${visit}/payments`, {})).status, 404, 'of others');
  const first = await paymentOf(visit), again = await paymentOf(visit);
  assert.deepEqual([first.id, first.amount_minor, first.currency], [again.id, 15000, 'USD']);
  const p = await becomes(first.id, 'open');
  const seen = (await as.patient.get(`/v1/payments/${p.id}`)).body;
  assert.equal(seen.checkout_url, session(p.id).url);
  assert.equal((await as.patient2.get(`/v1/payments/${p.id}`)).status, 404);
  assert.deepEqual((await as.patient2.get('/v1/payments')).body.items, []);
  assert.equal((await as.patient2.get(`/v1/payments?patient_id=${p.patient_id}`)).body.items.length, 0);
  assert.deepEqual((await as.patient.get(`/v1/payments?visit_id=${visit}`)).body.items.map((i) => i.id), [p.id]);
  const asked = stripe.requests.filter((r) => r.method === 'POST' && r.body.client_reference_id === p.id);
  assert.equal(asked.length, 1);
  const [{ body, headers, once }] = asked;
  assert.equal(once, p.id);
  assert.match(headers['stripe-version'], /^\d{4}-\d\d-\d\d/);
  assert.equal(body.line_items[0].price_data.unit_amount, '15000');
  const words = (await one(`SELECT name FROM clinic`)).name.split(' ').concat(['Sertraline', 'refill', 'Video', 'visit', clinic.people.patient.email, ...clinic.people.patient.name.split(' '), ...clinic.people.clinician.name.split(' '), visit, p.patient_id]);
  for (const r of stripe.requests)
    for (const word of words) assert.ok(!decodeURIComponent(`${r.url} ${r.raw}`).toLowerCase().includes(word.toLowerCase()), `${word} in ${r.url} ${r.raw}`);
});

test('currencies without a minor unit, and with three digits of it, are charged as they are', async () => {
  for (const [code, amount, money] of [['yen', '5000', 'jpy'], ['dinar', '10500', 'kwd']]) {
    const p = await opened(code), { price_data: item } = stripe.requests.find((r) => r.body.client_reference_id === p.id).body.line_items[0];
    assert.deepEqual([item.unit_amount, item.currency], [amount, money]);
  }
});

test('whatever fails between us and the processor, it is asked for one checkout', async () => {
  const broken = [true, { status: 409 }, { status: 429 }, { status: 500 }, { status: 401 }], lied = [true, { status: 500 }];
  stripe.before = (r) => (r.method === 'POST' ? broken.shift() : null);
  stripe.after = (r) => (r.method === 'POST' ? lied.shift() : null);
  const p = await opened();
  stripe.before = stripe.after = null;
  assert.deepEqual([broken.length, lied.length], [0, 0]);
  assert.equal([...stripe.sessions.values()].filter((s) => s.client_reference_id === p.id).length, 1);
  assert.equal(new Set(stripe.requests.filter((r) => r.body.client_reference_id === p.id).map((r) => r.once)).size, 1);
  // what it refuses for good is over, and another can be tried
  stripe.before = (r) => (r.method === 'POST' ? { status: 400 } : null);
  const visit = await visitWith('visit'), { id } = await paymentOf(visit);
  await becomes(id, 'failed');
  stripe.before = null;
  assert.notEqual((await paymentOf(visit)).id, id);
  assert.deepEqual(await kinds(id), ['failed', 'opened']);
});

test('jobs that die in the midst of it leave one checkout', async () => {
  stripe.after = () => { stripe.after = null; void jobs.kill('SIGKILL'); return true; };
  const { id } = await paymentOf(await visitWith('visit'));
  await jobs.exited;
  await clinic.sql(`UPDATE job SET run_at = now() WHERE kind = 'payment.open'`);
  // and the next one waits in vain for what was done
  let silent = 0;
  stripe.after = (r) => (r.once === id && silent++ === 0 ? 'silence' : null);
  clinic.writeJobs(`${stripe.jobs}stripe_seconds 5\n`);
  jobs = await clinic.startJobs();
  await becomes(id, 'open');
  stripe.after = null;
  assert.ok(silent >= 2);
  assert.equal([...stripe.sessions.values()].filter((s) => s.client_reference_id === id).length, 1);
  await jobs.kill();
  clinic.writeJobs(stripe.jobs);
  jobs = await clinic.startJobs();
});

//= AZ-07: care goes on while the processor is away
test('a visit goes on whatever becomes of the money', async () => {
  stripe.before = () => ({ status: 503 });
  const visit = await visitWith('visit');
  const p = await paymentOf(visit);
  await clinic.visitSoon(visit);
  assert.equal((await as.patient.post(`/v1/visits/${visit}/check-in`)).status, 200);
  assert.equal((await as.clinician.post(`/v1/visits/${visit}/admit`)).status, 200);
  assert.equal((await as.clinician.post(`/v1/visits/${visit}/end`)).status, 200);
  assert.equal((await as.patient.get(`/v1/payments/${p.id}`)).body.state, 'opening');
  stripe.before = null;
  await becomes(p.id, 'open');
});

//= PY-04: whatever is not signed by the processor, just now, is refused and does nothing
//= PY-08: two secrets count while one is rolled
test('an event is believed by its signature alone', async () => {
  const p = await opened(), s = session(p.id);
  stripe.pay(s);
  const good = stripe.event('checkout.session.completed', s), now = Math.floor(Date.now() / 1000);
  const header = good.headers['stripe-signature'];
  const wrong = {
    none: [good.body, null], empty: [good.body, ''], 'no time': [good.body, header.replace(/t=\d+,/, '')], 'v0 alone': [good.body, header.replace('v1', 'v0')],
    'other secret': [good.body, signature('whsec_other', good.body)], 'a letter more': [`${good.body} `, header],
    reserialised: [JSON.stringify(JSON.parse(good.body), null, 1), header], old: [good.body, signature(stripe.secrets[0], good.body, now - 400)],
    'far ahead': [good.body, signature(stripe.secrets[0], good.body, now + 400)], upper: [good.body, header.toUpperCase()],
    'cut short': [good.body, header.slice(0, -2)], 'no json': ['{', header],
  };
  const officially = (body, sent) => { try { return webhooks.constructEvent(body, sent ?? '', stripe.secrets[0]); } catch { return null; } };
  assert.equal(officially(good.body, header).type, 'checkout.session.completed');
  for (const [what, [body, sent]] of Object.entries(wrong)) {
    // its own library lets a clock be ahead, and we do not
    assert.ok(what === 'far ahead' || !officially(body, sent), what);
    const r = await as.nobody.post('/v1/stripe/events', body, { 'stripe-signature': sent });
    assert.deepEqual([r.status, r.body.code], [400, 'bad_signature'], what);
  }
  const huge = `{"x":"${'x'.repeat(70000)}"}`;
  assert.equal((await as.nobody.post('/v1/stripe/events', huge, { 'stripe-signature': signature(stripe.secrets[0], huge) })).status, 413);
  const live = stripe.event('checkout.session.completed', s, { more: { livemode: true } }), other = stripe.event('checkout.session.completed', s, { more: { account: 'acct_other' } });
  for (const event of [live, other]) assert.deepEqual((await tell(event)).body.code, 'other_account');
  assert.equal(Number((await one(`SELECT count(*) AS n FROM payment_event WHERE payment_id = :'id'`, { id: p.id })).n), 0);
  assert.equal((await as.patient.get(`/v1/payments/${p.id}`)).body.state, 'open');
  for (const event of [stripe.event('some.thing.new', s), stripe.event('charge.refunded', { object: 'charge', payment_intent: 'pi_of_others' }), stripe.event('x', null), stripe.event('checkout.session.completed', s, { secret: stripe.secrets[1] })])
    assert.equal((await tell(event)).status, 200);
  const several = `${header.split(',')[0]},v1=${'0'.repeat(64)},v0=x,${header.split(',')[1]}`;
  assert.equal((await as.nobody.post('/v1/stripe/events', good.body, { 'stripe-signature': several })).status, 200);
  await becomes(p.id, 'paid');
});

//= PY-05: twenty at once, late, out of order: one payment
test('an event counts once, whatever comes in whatever order', async () => {
  const p = await opened(), s = session(p.id), early = stripe.event('checkout.session.expired', s);
  const intent = stripe.pay(s), event = stripe.event('checkout.session.completed', s);
  const clients = Array.from({ length: 20 }, () => new Client(clinic.url));
  const answers = await Promise.all(clients.map((c) => tell(event, c)));
  for (const c of clients) c.close();
  assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
  assert.equal(Number((await one(`SELECT count(*) AS n FROM job WHERE kind = 'payment.fetch' AND record_id = :'id'`, { id: p.id })).n), 1);
  await becomes(p.id, 'paid');
  assert.equal((await tell(early)).status, 200);
  assert.equal((await tell(stripe.event('charge.succeeded', { object: 'charge', payment_intent: intent.id }))).status, 200);
  await until('all looked at', async () => { await hurry(); return (await one(`SELECT count(*) FILTER (WHERE state <> 'done') AS n FROM job WHERE kind = 'payment.fetch' AND record_id = :'id'`, { id: p.id })).n === '0'; });
  assert.equal((await as.patient.get(`/v1/payments/${p.id}`)).body.state, 'paid');
  assert.deepEqual(await ledger(p.id), [{ kind: 'opened', debit: 'patient', credit: 'income', n: '15000' }, { kind: 'fee', debit: 'fees', credit: 'processor', n: '59' }, { kind: 'paid', debit: 'processor', credit: 'patient', n: '15000' }]);
  assert.equal((await as.patient.create(`/v1/visits/${p.visit_id}/payments`, {})).body.code, 'already_done', 'nobody pays twice');
});

test('a refund needs a fresh code, in part or whole, and of two at once one is made', async () => {
  const { id, intent } = await paid();
  const refund = (body = {}) => as.scheduler.post(`/v1/payments/${id}/refund`, { reason: 'Moved away', ...body });
  await clinic.sql(`UPDATE session SET step_up_until = NULL`);
  assert.equal((await refund()).body.code, 'step_up_required');
  const offers = async (who, of = id) => (await who.get('/v1/payments?limit=100')).body.items.find((p) => p.id === of)?.may.includes('payment_refund');
  assert.deepEqual([await offers(as.scheduler), await offers(as.admin), await offers(as.patient)], [true, false, false]);
  await stepUp();
  assert.equal((await refund({ amount_minor: 15001 })).body.field, 'amount_minor');
  // both have come before either is done: the first is made once both have an answer
  await jobs.kill();
  const release = await clinic.hold(`SELECT FROM payment WHERE id = :'id' FOR UPDATE`, { id });
  const both = Promise.all([refund({ amount_minor: 5000 }), refund({ amount_minor: 5000 })]);
  await until('both wait', async () => (await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'epione_server'`)).length >= 2);
  await release();
  const two = await both;
  assert.deepEqual(two.map((r) => r.status).sort(), [200, 409], two.map((r) => r.text).join());
  jobs = await clinic.startJobs();
  const part = await becomes(id, 'paid');
  await until('the part is seen', async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${id}`)).body.refunded_minor === 5000; });
  assert.equal(part.id, id);
  assert.equal((await refund({ amount_minor: 10001 })).status, 422);
  // a refund whose answer is lost is made once
  let lost = 2;
  stripe.after = (r) => (r.path === '/v1/refunds' && r.method === 'POST' && lost-- > 0 ? true : null);
  assert.equal((await refund()).status, 200);
  assert.equal((await becomes(id, 'refunded')).refunded_minor, 15000);
  stripe.after = null;
  assert.equal([...stripe.refunds.values()].filter((r) => r.payment_intent === intent.id).length, 2);
  assert.deepEqual((await ledger(id)).filter((l) => l.kind === 'refunded').map((l) => l.n).sort(), ['10000', '5000']);
  assert.equal((await refund()).status, 409);
  // the answer is lost for a day, and somebody tries once more: Stripe has forgotten the key
  const late = await paid();
  stripe.after = (r) => (r.path === '/v1/refunds' && r.method === 'POST' ? true : null);
  // a second try would find the refund: the day has to pass before the first
  await clinic.operator('jobs', 'pause', 'payment.refund');
  assert.equal((await as.scheduler.post(`/v1/payments/${late.id}/refund`, { reason: 'x', amount_minor: 100 })).status, 200);
  const [{ job }] = await clinic.sql(`UPDATE job SET asked_at = asked_at - interval '1 day' WHERE kind = 'payment.refund' AND state <> 'done' RETURNING id AS job`);
  await clinic.operator('jobs', 'resume');
  await until('dead', async () => { await hurry(); return (await one(`SELECT state FROM job WHERE id = :'job'`, { job })).state === 'dead'; });
  stripe.after = null;
  stripe.forget();
  assert.equal((await as.admin.post(`/v1/jobs/${job}/retry`)).status, 200);
  await until('given back', async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${late.id}`)).body.refunded_minor === 100; });
  assert.equal([...stripe.refunds.values()].filter((r) => r.payment_intent === late.intent.id).length, 1);
  assert.ok(!stripe.requests.some((r) => r.raw.includes('Moved')), 'why stays here');
});

test('who paid gets a receipt that names the clinic and the money, and no visit', async () => {
  const [{ name: before }] = await clinic.sql('SELECT name FROM clinic'), name = 'Ярмо عيادة النور Clínica';
  const open = await opened('dinar'), early = await as.patient.get(`/v1/payments/${open.id}/receipt`);
  assert.deepEqual([early.status, early.body.code], [409, 'no_receipt']);
  assert.ok(!(await as.patient.get(`/v1/payments/${open.id}`)).body.may.includes('payment_receipt'));
  await clinic.sql(`UPDATE clinic SET name = :'name', time_zone = 'Pacific/Kiritimati'`, { name });
  const { id } = await paid();
  const text = async (minor) => {
    await until('the receipt', async () => { await hurry(); return (await clinic.sql(`SELECT id FROM payment WHERE id = :'id' AND receipt_minor = :'minor'`, { id, minor: String(minor) })).length; });
    const r = await as.patient.get(`/v1/payments/${id}/receipt`);
    assert.deepEqual([r.status, r.headers['content-type'], r.headers['content-disposition']], [200, 'application/pdf', 'attachment; filename="receipt.pdf"']);
    return execFileSync('pdftotext', ['-layout', '-', '-'], { input: r.bytes }).toString();
  };
  const first = await text(0);
  assert.ok((await as.patient.get(`/v1/payments/${id}`)).body.may.includes('payment_receipt'));
  for (const said of ['Receipt', 'Ярмо', 'عيادة', 'النور', 'Clínica', '150.00 USD', id]) assert.ok(first.normalize('NFKC').includes(said), `${said} in ${first}`);
  const [{ on }] = await clinic.sql(`SELECT to_char(paid_at AT TIME ZONE 'Pacific/Kiritimati', 'FMDD FMMonth YYYY') AS on FROM payment WHERE id = :'id'`, { id });
  assert.ok(first.includes(on), `${on} in ${first}`);
  assert.doesNotMatch(first, /Given back/);
  for (const word of ['visit', 'video', 'sertraline', 'refill', ...clinic.people.patient.name.split(' '), ...clinic.people.clinician.name.split(' ')])
    assert.ok(!first.toLowerCase().includes(word.toLowerCase()), word);
  // money that goes back is on the next one, and a late drawing of the one before is not put over it
  await stepUp();
  assert.equal((await as.scheduler.post(`/v1/payments/${id}/refund`, { reason: 'x', amount_minor: 1005 })).status, 200);
  const second = await text(1005);
  assert.match(second, /Given back +10\.05 USD\s+Paid in the end +139\.95 USD/);
  await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at, record_id) SELECT clinic_id, gen_random_uuid(), 'payment.receipt', 'again', now(), id FROM payment WHERE id = :'id'; NOTIFY epione_job`, { id });
  await until('drawn again', async () => (await one(`SELECT state FROM job WHERE key = 'again'`)).state === 'done');
  assert.equal(await text(1005), second);
  assert.equal((await as.scheduler.get(`/v1/payments/${id}/receipt`)).status, 200);
  assert.equal((await as.patient2.get(`/v1/payments/${id}/receipt`)).status, 404, 'of others');
  assert.equal((await as.clinician.get(`/v1/payments/${id}/receipt`)).status, 404);
  assert.equal((await clinic.audit(`operation = 'payment_receipt' AND outcome = 'ok' AND record_id = '${id}'`)).length, 4);
  await clinic.sql(`UPDATE clinic SET name = :'name', time_zone = 'UTC'`, { name: before });
});

test('jobs that would have no font for receipts do not start', async () => {
  const fonts = path.join(clinic.dir, 'no-fonts.conf'), jobsBinary = path.join(top, process.env.BUILD ?? 'build', 'epione-jobs');
  writeFileSync(fonts, '<?xml version="1.0"?><fontconfig></fontconfig>');
  const check = (env) => spawnSync(jobsBinary, ['--config', path.join(clinic.dir, 'epione-jobs.conf'), '--check'], { env: { ...process.env, ...env }, encoding: 'utf8' });
  assert.deepEqual(check({}).status, 0, check({}).stderr);
  const none = check({ FONTCONFIG_FILE: fonts });
  assert.equal(none.status, 1);
  assert.match(none.stderr, /no font.*install fonts-dejavu-core/);
});

test('an event that never came is made good, and what cannot be is shown to the desk', async () => {
  const lost = await opened(), gone = await opened(), odd = await opened();
  stripe.pay(session(lost.id));
  stripe.expire(session(gone.id));
  session(odd.id).amount_total = 1;
  stripe.pay(session(odd.id));
  await clockRuns('payment.reconcile');
  await becomes(lost.id, 'paid');
  await becomes(gone.id, 'expired');
  assert.deepEqual(await kinds(gone.id), ['expired', 'opened']);
  const differs = await until('shown', async () => (await as.admin.get('/v1/payments?differs=true')).body.items.find((p) => p.id === odd.id));
  assert.deepEqual([differs.difference, differs.state], ['amount', 'open']);
  assert.equal((await as.patient.get(`/v1/payments/${odd.id}`)).body.difference, null);
});

test('money at the processor that we know nothing of is shown until somebody has looked', async () => {
  const clinicId = (await one('SELECT id FROM clinic')).id, run = () => clockRuns('payment.compare');
  // an event that never came, and a payment whose name for it is not known here
  const lost = await opened();
  stripe.pay(session(lost.id));
  // more than a page of what nobody here asked for; and what the processor does with the balance
  const many = Array.from({ length: 130 }, (_, i) => stripe.move('charge', 100 + i, 'usd', its.charge({ metadata: i % 2 ? { tenant: clinicId } : {} })));
  const payout = stripe.move('payout', -5000, 'usd', its.payout({})), kept = stripe.move('stripe_fee', -200, 'usd', null), back = stripe.move('payout_failure', 1000, 'usd', its.payout({}));
  const odd = stripe.move('topup', 700, 'usd', its.topup({}));
  stripe.move('charge', 1, 'usd', its.charge({}), { created: Math.floor(Date.now() / 1000) - 30 * 86400 });
  const broken = [true, { status: 500 }, { status: 429 }];
  stripe.after = (r) => (r.path === '/v1/balance_transactions' ? broken.shift() : null);
  const ran = run();
  await until('the failures', async () => { await hurry(); return broken.length === 0; });
  stripe.after = null;
  await until('the next try', async () => { await hurry(); return (await one(`SELECT count(*) AS n FROM payment_difference`)).n !== '0'; });
  await ran;
  await becomes(lost.id, 'paid');
  await run(); // once more: nothing is counted twice
  const seen = [];
  for (let cursor = ''; cursor !== null;) {
    const { body } = await as.admin.get(`/v1/payment-differences?limit=50${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...body.items);
    cursor = body.next_cursor;
  }
  assert.deepEqual(seen.map((d) => d.reference).sort(), [odd, ...many].map((t) => t.id).sort());
  assert.deepEqual(seen.find((d) => d.reference === odd.id), { ...seen.find((d) => d.reference === odd.id), kind: 'topup', amount_minor: 700, currency: 'USD' });
  const booked = await clinic.sql(`SELECT kind, reference, debit, credit, amount_minor AS n FROM ledger WHERE payment_id IS NULL ORDER BY amount_minor`);
  assert.deepEqual(booked, [{ kind: 'fee', reference: kept.id, debit: 'fees', credit: 'processor', n: '200' }, { kind: 'payout', reference: back.id, debit: 'processor', credit: 'bank', n: '1000' }, { kind: 'payout', reference: payout.id, debit: 'bank', credit: 'processor', n: '5000' }]);
  const { id } = seen[0], resolved = await as.scheduler.post(`/v1/payment-differences/${id}/resolve`);
  assert.equal(resolved.status, 200, resolved.text);
  assert.equal((await as.admin.post(`/v1/payment-differences/${id}/resolve`)).body.code, 'already_done');
  assert.ok(!(await as.admin.get('/v1/payment-differences?limit=100')).body.items.some((d) => d.id === id));
  const months = (await as.admin.get(`/v1/payments/months?${await span()}`)).body.items;
  assert.equal(months.filter((m) => m.currency === 'USD').reduce((sum, m) => sum + m.payout_minor, 0), 4000);
  await clinic.sql(`UPDATE payment_difference SET resolved_at = now()`);
});

test('the processor is asked as its own library asks it, which reads what the double says', async () => {
  const { id, intent } = await paid(), tenant = (await one('SELECT id FROM clinic')).id, from = stripe.requests.length;
  await stepUp();
  assert.equal((await as.scheduler.post(`/v1/payments/${id}/refund`, { reason: 'x', amount_minor: 1000 })).status, 200);
  await until('given back', async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${id}`)).body.refunded_minor === 1000; });
  stripe.dispute(intent, 'won');
  await tell(stripe.event('charge.dispute.updated', { object: 'dispute', payment_intent: intent.id }));
  await until('won', async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${id}`)).body.dispute === 'won'; });
  assert.deepEqual(await keptFor(id), [['fees', 'processor', '1500'], ['processor', 'fees', '1500']], 'what a dispute cost that was won');
  for (let i = 0; i < 100; i++) stripe.move('payout', -1, 'usd', its.payout({ amount: 1 }));
  await clockRuns('payment.compare');
  const asked = stripe.requests.slice(), calls = callsOf(libraryOf(stripe));
  const ours = (method, where, look = (r) => asked.indexOf(r) >= from) => asked.find((r) => r.method === method && r.path === where && look(r));
  const parts = ({ method, path: where, query, body, once, headers }) => ({ method, where, query, body, once, version: headers['stripe-version'], type: method === 'POST' ? headers['content-type'] : null });
  /** Both ask the same; what it reads of the answer. */
  const same = async (mine, call) => {
    assert.ok(mine);
    const answer = await call;
    assert.deepEqual(parts(mine), parts(stripe.requests.findLast((r) => /^Stripe\//.test(r.headers['user-agent'] ?? ''))));
    return answer;
  };
  const made = await same(ours('POST', '/v1/checkout/sessions', (r) => r.once === id), calls.open({ payment: id, tenant, amount: 15000, currency: 'usd', back: `${clinic.url}/payment?id=${id}` }));
  const seen = await same(ours('GET', `/v1/checkout/sessions/${made.id}`), calls.fetch(made.id));
  assert.deepEqual([seen.payment_status, seen.payment_intent.id, seen.payment_intent.latest_charge.amount_refunded, seen.payment_intent.latest_charge.balance_transaction.fee], ['paid', intent.id, 1000, 59]);
  const of = (r) => [r.body.payment_intent, r.query.payment_intent].includes(intent.id), back = ours('POST', '/v1/refunds', of);
  assert.deepEqual((await same(ours('GET', '/v1/refunds', of), calls.refunds(intent.id))).data.map((r) => r.metadata.refund), [back.once]);
  assert.equal((await same(back, calls.refund({ payment: id, refund: back.once, intent: intent.id, amount: 1000 }))).status, 'succeeded');
  assert.equal((await same(ours('GET', '/v1/disputes', of), calls.disputes(intent.id))).data[0].status, 'won');
  const pages = asked.slice(from).filter((r) => r.path === '/v1/balance_transactions'), since = Number(pages[0].query.created.gte);
  const newest = await same(pages[0], calls.movements(since));
  assert.deepEqual([newest.has_more, newest.data.length], [true, 100]);
  assert.equal((await same(pages[1], calls.movements(since, newest.data.at(-1).id))).data[0].source.metadata.payment, id);
});

test('the pretend processor of the demo answers and signs as the real one', async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-checkout-')), key = 'sk_test_pretend', secret = 'whsec_pretend', heard = [];
  mkdirSync(path.join(dir, 'tls'));
  cpSync(stripe.ca, path.join(dir, 'tls/cert.pem'));
  cpSync(path.join(path.dirname(stripe.ca), 'key.pem'), path.join(dir, 'tls/key.pem'));
  for (const [name, text] of [['stripe.key', key], ['stripe.webhook', secret]]) writeFileSync(path.join(dir, name), `${text}\n`);
  const ear = https.createServer({ key: readFileSync(path.join(dir, 'tls/key.pem')), cert: readFileSync(stripe.ca) }, (rq, rs) => {
    let body = '';
    rq.on('data', (d) => { body += d; }).on('end', () => { heard.push({ body, header: rq.headers['stripe-signature'] }); rs.end('{}'); });
  });
  await new Promise((done) => ear.listen(0, '127.0.0.1', () => done(undefined)));
  const port = await freePort(2), page = port + 1, { port: server } = /** @type {import('node:net').AddressInfo} */ (ear.address());
  const pretend = spawn(path.join(top, process.env.BUILD ?? 'build', 'epione-demo'), ['checkout', dir, String(port), String(page), `https://localhost:${server}`], { stdio: 'inherit' });
  t.after(() => { pretend.kill(); ear.closeAllConnections(); ear.close(); rmSync(dir, { recursive: true }); });
  await until('the page', () => fetch(`http://localhost:${page}/`).then((r) => r.ok, () => false));
  const calls = callsOf(libraryOf({ key, port, ca: stripe.ca })), order = { payment: randomUUID(), tenant: randomUUID(), amount: 15000, currency: 'usd', back: 'https://localhost/payment' };
  /** Of what it says nothing has another name or kind than what Stripe says; and nothing that we read is left out. */
  const like = (seen, whole, read) => {
    for (const [name, value] of Object.entries(seen))
      assert.ok(name in whole && (value === null || whole[name] === null || typeof value === typeof whole[name]), `${whole.object}: ${name} is ${value}`);
    assert.deepEqual(read.filter((name) => !(name in seen)), [], whole.object);
  };
  const made = await calls.open(order);
  assert.equal((await calls.open(order)).id, made.id);
  const press = (act) => fetch(`http://localhost:${page}/pay/${made.id}`, { method: 'POST', redirect: 'manual', headers: { origin: `http://localhost:${page}`, 'content-type': 'application/x-www-form-urlencoded' }, body: `act=${act}` });
  assert.equal((await press('pay')).status, 303);
  const seen = await calls.fetch(made.id), { payment_intent: intent } = seen, { latest_charge: charge } = intent;
  const { lastResponse: _, ...back } = await calls.refund({ payment: order.payment, refund: randomUUID(), intent: intent.id, amount: 1000 });
  assert.deepEqual((await calls.refunds(intent.id)).data.map((r) => r.id), [back.id]);
  await press('dispute');
  const [contested] = (await calls.disputes(intent.id)).data, moved = (await calls.movements(0)).data;
  like({ ...seen, lastResponse: undefined }, { ...its.session({}), lastResponse: undefined }, ['amount_total', 'currency', 'payment_status', 'status', 'payment_intent']);
  like(intent, its.intent({}), ['id', 'latest_charge']);
  like(charge, its.charge({}), ['amount_refunded', 'balance_transaction', 'disputed', 'payment_intent', 'metadata']);
  like(charge.balance_transaction, its.movement({}), ['currency', 'fee']);
  like(back, its.refund({}), ['id', 'status']);
  like(contested, its.dispute({ charge: charge.id }), ['status', 'payment_intent']);
  assert.deepEqual(moved.map((m) => m.type).sort(), ['charge', 'refund']);
  for (const m of moved) like(m, its.movement({}), ['id', 'type', 'amount', 'currency', 'created', 'source']);
  const events = heard.map(({ body, header }) => webhooks.constructEvent(body, header, secret));
  assert.deepEqual(events.map((e) => e.type), ['checkout.session.completed', 'charge.refunded', 'charge.dispute.updated']);
  for (const e of events) like(e, its.event('', {}), ['id', 'type', 'livemode', 'data']);
});

test('a payment that the processor does not know is shown, and one that was never opened ends', async () => {
  const gone = await opened();
  stripe.sessions.delete(session(gone.id).id);
  await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at, record_id) SELECT clinic_id, gen_random_uuid(), 'payment.fetch', :'key', now(), id FROM payment WHERE id = :'id'; NOTIFY epione_job`, { key: randomUUID(), id: gone.id });
  await until('shown', async () => (await as.admin.get(`/v1/payments/${gone.id}`)).body.difference === 'missing');
  assert.equal((await as.admin.get(`/v1/payments/${gone.id}`)).body.state, 'open');
  // a day without network
  stripe.before = () => true;
  const visit = await visitWith('visit'), { id } = await paymentOf(visit), opening = async () => one(`SELECT state, attempts FROM job WHERE kind = 'payment.open' AND record_id = :'id'`, { id });
  await until('tried', async () => (await opening()).attempts > 0);
  assert.equal((await as.patient.get(`/v1/payments/${id}`)).body.state, 'opening');
  await clinic.sql(`UPDATE job SET asked_at = asked_at - interval '1 day' WHERE kind = 'payment.open' AND record_id = :'id'`, { id });
  await until('given up', async () => { await hurry(); return (await opening()).state === 'dead'; });
  await clockRuns('payment.reconcile');
  await becomes(id, 'failed');
  assert.deepEqual(await kinds(id), ['failed', 'opened']);
  stripe.before = null;
  const again = await paymentOf(visit);
  assert.notEqual(again.id, id);
  await becomes(again.id, 'open');
});

test('jobs killed at each step of whatever is done about payments do each once', async (t) => {
  const relay = await PostgresRelay.before(clinic), through = relay.through(clinic, 'epione-jobs.conf'), direct = through.replace('/relay', '');
  t.after(() => relay.stop());
  const lost = await opened();
  await jobs.kill();
  clinic.writeJobs(stripe.jobs, through);
  const idle = () => clinic.sql(`UPDATE job SET state = 'done', ended_at = now(), lease = NULL WHERE state IN ('waiting', 'running')`);
  await idle();
  const job = async (kind) => (await one(`SELECT id FROM job WHERE kind = :'kind' AND state <> 'done' ORDER BY created_at DESC LIMIT 1`, { kind })).id;
  const noted = async (kind) => (await clinic.audit(`operation = '${{ 'payment.open': 'checkout_open', 'payment.fetch': 'checkout_fetch', 'payment.refund': 'refund_send', 'payment.reconcile': 'payment_reconcile', 'payment.compare': 'payment_compare' }[kind]}' AND outcome = 'ok'`)).length;
  const each = async (kind) => {
    const id = await job(kind), before = await noted(kind);
    const steps = await killedAtEach(clinic, relay, id, () => until(`${kind} done`, async () => (await one(`SELECT state FROM job WHERE id = :'id'`, { id })).state === 'done'));
    assert.ok(steps > 2, `${kind}: ${steps} steps`);
    assert.equal(await noted(kind), before + 1, `${kind} is noted once`);
  };
  const p = await paymentOf(await visitWith('visit')), made = () => [...stripe.sessions.values()].filter((s) => s.client_reference_id === p.id);
  await each('payment.open');
  assert.equal(made().length, 1);
  const intent = stripe.pay(session(p.id));
  await tell(stripe.event('checkout.session.completed', session(p.id)));
  await each('payment.fetch');
  assert.equal((await as.scheduler.get(`/v1/payments/${p.id}`)).body.state, 'paid');
  await stepUp();
  assert.equal((await as.scheduler.post(`/v1/payments/${p.id}/refund`, { reason: 'x', amount_minor: 1000 })).status, 200);
  await each('payment.refund');
  assert.equal([...stripe.refunds.values()].filter((r) => r.payment_intent === intent.id).length, 1);
  // what the clock asks for: an event that never came, and money that nobody here knows of
  stripe.pay(session(lost.id));
  const payout = stripe.move('payout', -777, 'usd', its.payout({ amount: 777 })), odd = stripe.move('topup', 7, 'usd', its.topup({}));
  for (const kind of ['payment.compare', 'payment.reconcile']) {
    await earlyInThePeriod();
    await idle();
    await clockAsks(kind);
    await each(kind);
  }
  assert.deepEqual(await clinic.sql(`SELECT amount_minor AS n FROM ledger WHERE reference = :'id'`, { id: payout.id }), [{ n: '777' }]);
  assert.equal((await clinic.sql(`UPDATE payment_difference SET resolved_at = now() WHERE reference = :'id' RETURNING id`, { id: odd.id })).length, 1);
  clinic.writeJobs(stripe.jobs, direct);
  // what a killed process had in hand is not waited for as long as its lease lasts
  await clinic.sql(`UPDATE job SET run_at = now() WHERE state = 'running'`);
  jobs = await clinic.startJobs();
  await becomes(lost.id, 'paid');
  assert.deepEqual(await kinds(lost.id), ['fee', 'opened', 'paid']);
  await until('given back', async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${p.id}`)).body.refunded_minor === 1000; });
  assert.deepEqual(await kinds(p.id), ['fee', 'opened', 'paid', 'refunded']);
});

test('a dispute is told, and how it ends is in the ledger', async () => {
  const { id, intent } = await paid();
  const about = (status) => { stripe.dispute(intent, status); return tell(stripe.event('charge.dispute.updated', { object: 'dispute', payment_intent: intent.id })); };
  const shows = (state) => until(state, async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${id}`)).body.dispute === state; });
  await about('needs_response');
  await shows('open');
  // who keeps the books is told once, however often the event comes
  const told = stripe.event('charge.dispute.created', { object: 'dispute', payment_intent: intent.id });
  const mails = () => clinic.sql(`SELECT a.role FROM job j JOIN account a ON a.id = j.record_id WHERE j.kind = 'mail.send' ORDER BY a.role`);
  const before = (await mails()).length;
  assert.deepEqual([(await tell(told)).status, (await tell(told)).status], [200, 200]);
  assert.deepEqual((await mails()).map((m) => m.role).slice(before), ['admin', 'scheduler']);
  await stepUp();
  assert.equal((await as.scheduler.post(`/v1/payments/${id}/refund`, { reason: 'x' })).status, 409);
  assert.ok((await as.admin.get('/v1/payments?differs=true')).body.items.some((p) => p.id === id));
  await about('lost');
  await shows('lost');
  assert.deepEqual(await kinds(id), ['disputed', 'fee', 'fee', 'lost', 'opened', 'paid']);
  assert.deepEqual(await keptFor(id), [['fees', 'processor', '1500']], 'what the dispute itself cost, once');
});

test('the desk sees who owes until it is paid or cancelled', async () => {
  const owing = async (who = as.scheduler, more = '') => (await who.get(`/v1/payments/due?limit=100${more}`)).body.items;
  const one = await visitWith('visit'), other = await visitWith('yen'), off = await visitWith('visit');
  const of = (list, id) => list.find((d) => d.visit_id === id);
  const due = of(await owing(), one);
  assert.deepEqual([due.patient_name, due.title, due.amount_minor, due.currency, due.payment_id, due.state], [clinic.people.patient.name, 'Video visit', 15000, 'USD', null, null]);
  assert.ok(of(await owing(as.admin), other));
  assert.equal((await as.scheduler.post(`/v1/visits/${off}/cancel`)).status, 200);
  const p = await becomes((await paymentOf(one)).id, 'open');
  const list = await owing(as.scheduler, `&patient_id=${clinic.people.patient.patient_id}`);
  assert.deepEqual([of(list, one).state, of(list, one).payment_id, of(list, off)], ['open', p.id, undefined]);
  assert.deepEqual(await owing(as.scheduler, `&patient_id=${clinic.people.patient2.patient_id}`), []);
  stripe.pay(session(p.id));
  await tell(stripe.event('checkout.session.completed', session(p.id)));
  await becomes(p.id, 'paid');
  assert.equal(of(await owing(), one), undefined);
  // a page at a time, each once
  const seen = [];
  for (let cursor = ''; cursor !== null;) {
    const { body } = await as.scheduler.get(`/v1/payments/due?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...body.items.map((d) => d.visit_id));
    cursor = body.next_cursor;
  }
  assert.deepEqual(seen, (await owing()).map((d) => d.visit_id));
});

test('pages of payments lose none that were made in one second', async () => {
  const [{ at }] = await clinic.sql(`SELECT (now() + interval '1 hour')::text AS at`);
  const ids = [];
  for (let i = 0; i < 4; i++) ids.push((await paymentOf(await visitWith('visit'))).id);
  for (const [i, id] of ids.entries()) await clinic.sql(`UPDATE payment SET created_at = date_trunc('second', :'at'::timestamptz) + :'ms' * interval '1 millisecond' WHERE id = :'id'`, { at, id, ms: String(100 + i) });
  const seen = [];
  for (let cursor = ''; cursor !== null && seen.length < 4;) {
    const { body } = await as.scheduler.get(`/v1/payments?limit=1&currency=USD&to=2100-01-01T00:00:00Z${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    seen.push(...body.items.map((p) => p.id));
    cursor = body.next_cursor;
  }
  assert.deepEqual(seen, ids.reverse());
  assert.deepEqual((await as.scheduler.get('/v1/payments?currency=KWD')).body.items.map((p) => p.currency).filter((c) => c !== 'KWD'), []);
});

//= AU-07: a spreadsheet runs nothing of a file of payments
//= AZ-09: payments are taken away with a fresh code
test('months come to what the ledger says, and payments are taken away as a file', async () => {
  await paid();
  const { body } = await as.admin.get(`/v1/payments/months?${await span()}`);
  for (const m of body.items) {
    const of = `currency = :'currency' AND to_char(at AT TIME ZONE (SELECT time_zone FROM clinic), 'YYYY-MM') = :'month'`;
    const sum = async (kind) => Number((await one(`SELECT coalesce(sum(amount_minor), 0) AS n FROM ledger WHERE kind = :'kind' AND ${of}`, { kind, ...m })).n);
    const cost = Number((await one(`SELECT coalesce(sum(CASE debit WHEN 'fees' THEN amount_minor ELSE -amount_minor END), 0) AS n FROM ledger WHERE kind = 'fee' AND ${of}`, m)).n);
    assert.deepEqual([m.paid_minor, m.refunded_minor, m.cost_minor, m.disputed_minor], [await sum('paid'), await sum('refunded'), cost, await sum('disputed') - await sum('won')]);
    assert.equal(m.net_minor, m.paid_minor - m.refunded_minor - m.cost_minor - m.disputed_minor);
  }
  assert.ok(body.items.some((m) => m.currency === 'USD' && m.paid_minor > 0));
  for (const [asked, field] of [['from=2026-13&to=2026-12', 'from'], ['from=2026-1x&to=2026-12', 'from'], ['from=2026-02&to=2026-01', 'to'], ['from=2020-01&to=2026-01', 'to'], ['to=2026-01', 'from']])
    assert.equal((await as.scheduler.get(`/v1/payments/months?${asked}`)).body.field, field, asked);
  await clinic.sql(`UPDATE session SET step_up_until = NULL`);
  assert.equal((await as.scheduler.get('/v1/payments/export')).body.code, 'step_up_required');
  await stepUp();
  await clinic.sql(`UPDATE fee SET title = '=HYPERLINK("http://x")' WHERE code = 'yen'`);
  const visit = await visitWith('yen'), p = await paymentOf(visit), r = await as.scheduler.get('/v1/payments/export?currency=JPY');
  assert.equal(r.status, 200);
  assert.match(r.headers['content-type'], /^text\/csv/);
  const [names, newest] = r.text.split('\r\n');
  assert.equal(names, 'id,visit_id,patient_id,fee,amount_minor,currency,state,refunded_minor,dispute,difference,restricted,created_at,paid_at');
  assert.ok(newest.startsWith(`"${p.id}","${visit}","${clinic.people.patient.patient_id}","'=HYPERLINK(""http://x"")","5000","JPY","opening","0","","",`), newest);
  assert.ok(!r.text.includes(clinic.people.patient.name.split(' ')[0]), 'nobody is named');
  await clinic.sql(`UPDATE fee SET title = 'In yen' WHERE code = 'yen'`);
});

//= PR-04: what its payer asked for stays with the payment, and is seen by who deals with plans
test('who pays for themselves can keep it from their health plan', async () => {
  const { id } = await paid(), ask = (who, restricted) => who.post(`/v1/payments/${id}/restrict`, { restricted });
  assert.equal((await ask(as.patient2, true)).status, 404, 'of others');
  assert.equal((await ask(as.clinician, true)).status, 404);
  assert.equal((await as.patient.post(`/v1/payments/${id}/restrict`, { restricted: 'yes' })).body.field, 'restricted');
  const said = await ask(as.patient, true);
  assert.deepEqual([said.status, said.body.restricted], [200, true], said.text);
  await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at, record_id) SELECT clinic_id, gen_random_uuid(), 'payment.fetch', :'key', now(), id FROM payment WHERE id = :'id'; NOTIFY epione_job`, { key: randomUUID(), id });
  await until('looked at anew', async () => (await as.admin.get(`/v1/payments/${id}`)).body.version > said.body.version);
  assert.equal((await as.admin.get(`/v1/payments/${id}`)).body.restricted, true);
  await stepUp();
  const line = (await as.scheduler.get('/v1/payments/export?state=paid')).text.split('\r\n').find((l) => l.includes(id));
  assert.match(line, /,"yes","[^"]*","[^"]*"$/);
  assert.equal((await ask(as.scheduler, false)).body.restricted, false);
});

test('the ledger is zero, and is only added to', async () => {
  const [{ n }] = await clinic.sql(`SELECT coalesce(sum(a), 0) AS n FROM (SELECT amount_minor AS a FROM ledger UNION ALL SELECT -amount_minor FROM ledger) AS x`);
  assert.equal(n, '0');
  for (const change of ['UPDATE ledger SET amount_minor = 1', 'DELETE FROM ledger', 'TRUNCATE ledger'])
    await assert.rejects(clinic.sql(change), /only added to/);
  // the balance of each patient is what is not paid yet
  const owed = await clinic.sql(`SELECT p.state, sum(CASE WHEN 'patient' = l.debit THEN l.amount_minor WHEN 'patient' = l.credit THEN -l.amount_minor ELSE 0 END) AS n FROM payment p JOIN ledger l ON l.payment_id = p.id GROUP BY p.id, p.state, p.amount_minor HAVING (sum(CASE WHEN 'patient' = l.debit THEN l.amount_minor WHEN 'patient' = l.credit THEN -l.amount_minor ELSE 0 END) > 0) <> (p.state IN ('opening', 'open'))`);
  assert.deepEqual(owed, []);
});

test('without a secret no payment is taken, and no event', async () => {
  await clinic.restart({ stripe_webhook_secret: '' });
  const visit = await visitWith('visit');
  assert.equal((await as.patient.create(`/v1/visits/${visit}/payments`, {})).body.code, 'payments_off');
  assert.equal((await tell(stripe.event('x', {}))).status, 404);
});
