// Fees, payments through a processor that fails in every way, its events, refunds, and the ledger.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Client, startClinic, totp } from '../lib/clinic.mjs';
import { signature, startStripe } from '../lib/stripe.mjs';

let clinic, stripe, jobs;
const as = {};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (what, look) => {
  for (const end = Date.now() + 90000; ; await sleep(100)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${jobs?.log.slice(-3000)}`);
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
const session = (id) => [...stripe.sessions.values()].find((s) => s.client_reference_id === id);
const tell = (event, client = as.nobody) => client.post('/v1/stripe/events', event.body, event.headers);
const fees = [{ code: 'visit', title: 'Video visit', amount_minor: 12000, currency: 'USD' }, { code: 'yen', title: 'In yen', amount_minor: 5000, currency: 'JPY' }, { code: 'dinar', title: 'In dinars', amount_minor: 10500, currency: 'KWD' }];

let days = 300;
async function visitWith(fee_code) {
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
const stepUp = async () => {
  const { scheduler } = clinic.people;
  await clinic.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, { id: await clinic.accountId(scheduler) });
  assert.equal((await as.scheduler.post('/v1/session/step-up', { code: totp(scheduler.totp_secret) })).status, 200);
};

before(async () => {
  stripe = await startStripe();
  clinic = await startClinic({ settings: stripe.settings, jobs: stripe.jobs });
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
  const broken = [{ status: 409 }, { status: 429 }, { status: 500 }, { status: 401 }], lied = [true, { status: 500 }];
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
  jobs = await clinic.startJobs();
  await becomes(id, 'open');
  assert.equal([...stripe.sessions.values()].filter((s) => s.client_reference_id === id).length, 1);
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
  for (const [what, [body, sent]] of Object.entries(wrong)) {
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
  await stepUp();
  assert.equal((await refund({ amount_minor: 15001 })).body.field, 'amount_minor');
  // both have come before either is done: the first is made soon after
  const release = await clinic.hold(`SELECT FROM payment WHERE id = :'id' FOR UPDATE`, { id });
  const both = Promise.all([refund({ amount_minor: 5000 }), refund({ amount_minor: 5000 })]);
  await until('both wait', async () => (await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'epione_server'`)).length >= 2);
  await release();
  const two = await both;
  assert.deepEqual(two.map((r) => r.status).sort(), [200, 409], two.map((r) => r.text).join());
  const part = await becomes(id, 'paid');
  await until('the part is seen', async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${id}`)).body.refunded_minor === 5000; });
  assert.equal(part.id, id);
  assert.equal((await refund({ amount_minor: 10001 })).status, 422);
  // a refund whose answer is lost is made once
  let lost = 2;
  stripe.after = (r) => (r.path === '/v1/refunds' && lost-- > 0 ? true : null);
  assert.equal((await refund()).status, 200);
  assert.equal((await becomes(id, 'refunded')).refunded_minor, 15000);
  stripe.after = null;
  assert.equal([...stripe.refunds.values()].filter((r) => r.payment_intent === intent.id).length, 2);
  assert.deepEqual((await ledger(id)).filter((l) => l.kind === 'refunded').map((l) => l.n).sort(), ['10000', '5000']);
  assert.equal((await refund()).status, 409);
  assert.ok(!stripe.requests.some((r) => r.raw.includes('Moved')), 'why stays here');
});

test('an event that never came is made good, and what cannot be is shown to the desk', async () => {
  const lost = await opened(), gone = await opened(), odd = await opened();
  stripe.pay(session(lost.id));
  stripe.expire(session(gone.id));
  session(odd.id).amount_total = 1;
  stripe.pay(session(odd.id));
  await clinic.sql(`INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'payment.reconcile', :'key', now()); NOTIFY epione_job`, { key: randomUUID() });
  await becomes(lost.id, 'paid');
  await becomes(gone.id, 'expired');
  assert.deepEqual(await kinds(gone.id), ['expired', 'opened']);
  const differs = await until('shown', async () => (await as.admin.get('/v1/payments?differs=true')).body.items.find((p) => p.id === odd.id));
  assert.deepEqual([differs.difference, differs.state], ['amount', 'open']);
  assert.equal((await as.patient.get(`/v1/payments/${odd.id}`)).body.difference, null);
});

test('a dispute is told, and how it ends is in the ledger', async () => {
  const { id, intent } = await paid();
  const about = (status) => { stripe.dispute(intent, status); return tell(stripe.event('charge.dispute.updated', { object: 'dispute', payment_intent: intent.id })); };
  const shows = (state) => until(state, async () => { await hurry(); return (await as.scheduler.get(`/v1/payments/${id}`)).body.dispute === state; });
  await about('needs_response');
  await shows('open');
  await stepUp();
  assert.equal((await as.scheduler.post(`/v1/payments/${id}/refund`, { reason: 'x' })).status, 409);
  assert.ok((await as.admin.get('/v1/payments?differs=true')).body.items.some((p) => p.id === id));
  await about('lost');
  await shows('lost');
  assert.deepEqual(await kinds(id), ['disputed', 'fee', 'lost', 'opened', 'paid']);
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
