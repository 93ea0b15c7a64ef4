// What we use of Stripe, on the loopback: Checkout Sessions, PaymentIntents with
// their charge and balance transaction, Refunds, Disputes, signed Events. It keeps
// each request, knows a repeated one by its Idempotency-Key, and fails on demand.
import { execFileSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';

const id = (kind) => `${kind}_test_${randomBytes(12).toString('hex')}`;
const seconds = () => Math.floor(Date.now() / 1000);

/** Stripe-Signature as Stripe makes it. */
export const signature = (secret, body, t = seconds()) => `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;

/** name[inner][0]=value, as Stripe reads it. */
function unflatten(text) {
  const top = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const keys = name.match(/[^[\]]+/g) ?? [];
    let o = top;
    for (const k of keys.slice(0, -1)) o = o[k] ??= {};
    o[keys.at(-1)] = value;
  }
  return top;
}

/**
 * {settings, jobs, requests, sessions, pay(session), fail, …}. `before(request)`
 * may answer {status} instead of what is asked for; `after(request)` instead of
 * what was done: true drops the connection, {status} lies about it.
 */
export async function startStripe() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-stripe-'));
  const file = (name) => path.join(dir, name);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key.pem'),
    '-out', file('ca.pem'), '-days', '2', '-subj', '/CN=stripe', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
  const secrets = ['whsec_the_first', 'whsec_the_next'], key = 'sk_test_double';
  for (const [name, text] of [['secret', secrets[0]], ['next', secrets[1]], ['key', key]]) writeFileSync(file(name), `${text}\n`, { mode: 0o400 });

  const sessions = new Map(), intents = new Map(), disputes = new Map(), known = new Map(), refunds = new Map();
  const stripe = { requests: [], sessions, intents, refunds, secrets, before: null, after: null, settings: '', jobs: '', pay: null, expire: null, dispute: null, event: null, close: null };

  const make = {
    'POST /v1/checkout/sessions': (_, body) => {
      const item = body.line_items[0].price_data;
      const s = {
        id: id('cs'), object: 'checkout.session', livemode: false, mode: body.mode, status: 'open', payment_status: 'unpaid',
        amount_total: Number(item.unit_amount), currency: item.currency, client_reference_id: body.client_reference_id,
        metadata: body.metadata ?? {}, expires_at: seconds() + 86400, payment_intent: null, success_url: body.success_url, url: '',
        intent_metadata: body.payment_intent_data?.metadata ?? {},
      };
      s.url = `https://checkout.stripe.test/c/pay/${s.id}`;
      sessions.set(s.id, s);
      return s;
    },
    'GET /v1/checkout/sessions/': (name) => sessions.get(name) && { ...sessions.get(name), payment_intent: intents.get(sessions.get(name).payment_intent) ?? null },
    'POST /v1/refunds': (_, body) => {
      const { latest_charge: charge } = intents.get(body.payment_intent), amount = Number(body.amount ?? charge.amount);
      if (charge.amount_refunded + amount > charge.amount) return { error: { type: 'invalid_request_error', code: 'charge_already_refunded' }, status: 400 };
      charge.amount_refunded += amount;
      charge.refunded = charge.amount_refunded === charge.amount;
      const r = { id: id('re'), object: 'refund', amount, currency: charge.currency, payment_intent: body.payment_intent, status: 'succeeded', metadata: body.metadata ?? {} };
      refunds.set(r.id, r);
      return r;
    },
    'GET /v1/disputes': (_, __, query) => ({ object: 'list', has_more: false, data: [disputes.get(query.get('payment_intent'))].filter(Boolean) }),
  };

  const answer = (request) => {
    const { method, path: where, query, body, once } = request;
    const row = Object.keys(make).find((k) => (k.endsWith('/') ? `${method} ${where}`.startsWith(k) : k === `${method} ${where}`));
    if (!row) return { status: 404, body: { error: { type: 'invalid_request_error' } } };
    if (once && known.has(once)) return known.get(once);
    const made = make[row](where.slice(row.length - method.length - 1), body, query);
    const a = made ? { status: made.error ? made.status : 200, body: made } : { status: 404, body: { error: { type: 'invalid_request_error' } } };
    if (once) known.set(once, a);
    return a;
  };

  const server = https.createServer({ key: readFileSync(file('key.pem')), cert: readFileSync(file('ca.pem')) }, (rq, rs) => {
    const parts = [];
    rq.on('data', (d) => parts.push(d));
    rq.on('end', () => {
      const raw = Buffer.concat(parts).toString(), url = new URL(rq.url ?? '', 'https://localhost');
      const request = { method: rq.method, path: url.pathname, query: url.searchParams, raw, url: rq.url, body: unflatten(raw), once: rq.headers['idempotency-key'], headers: rq.headers };
      stripe.requests.push(request);
      const say = (a) => {
        if (a === true) return rq.socket.destroy();
        rs.writeHead(a.status, { 'content-type': 'application/json' });
        return rs.end(JSON.stringify(a.body ?? { error: {} }));
      };
      if (rq.headers.authorization !== `Basic ${Buffer.from(`${key}:`).toString('base64')}`) return say({ status: 401 });
      const early = stripe.before?.(request);
      if (early) return say(early);
      const done = answer(request);
      return say(stripe.after?.(request) ?? done);
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  stripe.settings = `stripe_webhook_secret ${file('secret')}\nstripe_webhook_secret_next ${file('next')}\n`;
  stripe.jobs = `stripe_url https://localhost:${port}\nstripe_ca ${file('ca.pem')}\nstripe_key ${file('key')}\n`;
  /** As the payer does on Stripe's page. */
  stripe.pay = (s, fee = 59) => {
    const intent = {
      id: id('pi'), object: 'payment_intent', amount: s.amount_total, currency: s.currency, status: 'succeeded', metadata: s.intent_metadata,
      latest_charge: { id: id('ch'), object: 'charge', amount: s.amount_total, currency: s.currency, amount_refunded: 0, refunded: false, disputed: false,
        balance_transaction: { id: id('txn'), object: 'balance_transaction', amount: s.amount_total, fee, currency: s.currency } },
    };
    intents.set(intent.id, intent);
    Object.assign(s, { status: 'complete', payment_status: 'paid', payment_intent: intent.id });
    return intent;
  };
  stripe.expire = (s) => { s.status = 'expired'; };
  stripe.dispute = (intent, status) => {
    intent.latest_charge.disputed = true;
    disputes.set(intent.id, { id: id('dp'), object: 'dispute', payment_intent: intent.id, status });
  };
  /** An event about an object: {body, headers}, signed. */
  stripe.event = (type, object, { secret = secrets[0], at = seconds(), more = {} } = {}) => {
    const body = JSON.stringify({ id: id('evt'), object: 'event', type, livemode: false, created: at, data: { object }, ...more });
    return { body, headers: { 'stripe-signature': signature(secret, body, at) } };
  };
  stripe.close = () => new Promise((done) => {
    server.closeAllConnections();
    server.close(() => { rmSync(dir, { recursive: true, force: true }); done(undefined); });
  });
  return stripe;
}
