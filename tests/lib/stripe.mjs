// What we use of Stripe, on the loopback: Checkout Sessions, PaymentIntents with
// their charge and balance transaction, Refunds, Disputes, signed Events. It keeps
// each request, knows a repeated one by its Idempotency-Key, shows within an object
// what is asked for by `expand` and else its id, and fails on demand. Its objects
// are whole and of Stripe's own types (stripe-objects.mjs).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';

import { webhooks } from './stripe-library.mjs';
import * as its from './stripe-objects.mjs';

/** @import { Stripe } from 'stripe' */
/** @typedef {{[name: string]: any}} Tree */
/** @typedef {{method: string, path: string, query: Tree, body: Tree, raw: string, url: string, once: string | undefined, headers: import('node:http').IncomingHttpHeaders}} Request */
/** @typedef {{status: number, body?: unknown}} Answer */

const { seconds } = its;

/** Stripe-Signature, by Stripe's own library. @param {string} secret @param {string} body */
export const signature = (secret, body, t = seconds()) => webhooks.generateTestHeaderString({ payload: body, secret, timestamp: t });

/** name[inner][0]=value, as Stripe reads it; name[]=value is the first of a list. @param {string} text */
export function unflatten(text) {
  const top = /** @type {Tree} */ ({});
  for (const [name, value] of new URLSearchParams(text)) {
    const keys = name.replaceAll('[]', '[0]').match(/[^[\]]+/g) ?? [];
    let o = top;
    for (const k of keys.slice(0, -1)) o = o[k] ??= {};
    o[keys.at(-1) ?? ''] = value;
  }
  return top;
}

/**
 * {settings, jobs, requests, sessions, pay(session), fail, …}. `before(request)`
 * may answer {status} instead of what is asked for; `after(request)` instead of
 * what was done: true drops the connection, {status} lies about it, 'silence' leaves
 * it as it is.
 */
export async function startStripe() {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-stripe-'));
  const file = (/** @type {string} */ name) => path.join(dir, name);
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key.pem'),
    '-out', file('ca.pem'), '-days', '2', '-subj', '/CN=stripe', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
  const secrets = ['whsec_the_first', 'whsec_the_next'], key = 'sk_test_double';
  for (const [name, text] of [['secret', secrets[0]], ['next', secrets[1]], ['key', key]]) writeFileSync(file(name), `${text}\n`, { mode: 0o400 });

  const sessions = /** @type {Map<string, Stripe.Checkout.Session>} */ (new Map());
  const intents = /** @type {Map<string, Stripe.PaymentIntent>} */ (new Map());
  const charges = /** @type {Map<string, Stripe.Charge>} */ (new Map()); // by intent
  const disputes = /** @type {Map<string, Stripe.Dispute>} */ (new Map()); // by intent
  const refunds = /** @type {Map<string, Stripe.Refund>} */ (new Map());
  const movements = /** @type {Stripe.BalanceTransaction[]} */ ([]);
  const known = /** @type {Map<string, Answer>} */ (new Map());
  /** What the intent of a session gets. */
  const promised = /** @type {Map<string, Stripe.Metadata>} */ (new Map());
  const all = /** @type {Map<string, {id: string}>} */ (new Map());
  /** @template {{id: string}} T @param {T} o */
  const keep = (o) => { all.set(o.id, o); return o; };

  /** What changes the balance, the newest first. @param {Stripe.BalanceTransaction.Type} type @param {number} amount @param {string} currency @param {Stripe.BalanceTransactionSource | null} source */
  const move = (type, amount, currency, source, { fee = 0, created = seconds() } = {}) => {
    const t = keep(its.movement({ type, amount, fee, currency, created, source: source && keep(source).id }));
    movements.unshift(t);
    return t;
  };

  /** An object, with what stands at the paths instead of its id. @param {any} o @param {string[]} paths @returns {any} */
  const expanded = (o, paths) => {
    if (Array.isArray(o)) return o.map((one) => expanded(one, paths));
    const shown = { ...o };
    for (const name of new Set(paths.map((p) => p.split('.')[0]))) {
      const inner = paths.filter((p) => p.startsWith(`${name}.`)).map((p) => p.slice(name.length + 1));
      const there = typeof shown[name] === 'string' ? all.get(shown[name]) ?? shown[name] : shown[name];
      shown[name] = typeof there === 'object' && there !== null ? expanded(there, inner) : there;
    }
    return shown;
  };

  const invalid = (/** @type {Partial<Stripe.StripeRawError>} */ more = {}) => its.error('invalid_request_error', more);

  /** @type {{[row: string]: (name: string, body: Tree, query: Tree) => object | undefined}} */
  const make = {
    'POST /v1/checkout/sessions': (_, body) => {
      const item = body.line_items[0].price_data, id = its.newId('cs');
      const s = keep(its.session({ id, mode: body.mode, amount_total: Number(item.unit_amount), currency: item.currency,
        client_reference_id: body.client_reference_id, metadata: body.metadata ?? {}, success_url: body.success_url, cancel_url: body.cancel_url,
        url: `https://checkout.stripe.test/c/pay/${id}` }));
      promised.set(s.id, body.payment_intent_data?.metadata ?? {});
      sessions.set(s.id, s);
      return s;
    },
    'GET /v1/checkout/sessions/': (name) => sessions.get(name),
    'POST /v1/refunds': (_, body) => {
      const charge = /** @type {Stripe.Charge} */ (charges.get(body.payment_intent)), amount = Number(body.amount ?? charge.amount);
      if (charge.amount_refunded + amount > charge.amount) return invalid({ code: 'charge_already_refunded' });
      charge.amount_refunded += amount;
      charge.refunded = charge.amount_refunded === charge.amount;
      const r = keep(its.refund({ amount, charge: charge.id, currency: charge.currency, payment_intent: body.payment_intent, metadata: body.metadata ?? {} }));
      r.balance_transaction = move('refund', -amount, charge.currency, r).id;
      refunds.set(r.id, r);
      return r;
    },
    'GET /v1/balance_transactions': (_, __, query) => {
      const from = query.starting_after ? movements.findIndex((t) => t.id === query.starting_after) + 1 : 0, limit = Number(query.limit ?? 10);
      const those = movements.slice(from).filter((t) => t.created >= Number(query.created?.gte ?? 0));
      return its.list(those.slice(0, limit), '/v1/balance_transactions', those.length > limit);
    },
    'GET /v1/refunds': (_, __, query) => its.list([...refunds.values()].filter((r) => r.payment_intent === query.payment_intent).reverse(), '/v1/refunds'),
    'GET /v1/disputes': (_, __, query) => its.list([disputes.get(query.payment_intent)].filter((d) => d !== undefined), '/v1/disputes'),
  };

  /** @param {Request} request @returns {Answer} */
  const answer = ({ method, path: where, query, body, once }) => {
    const asked = `${method} ${where}`, row = Object.keys(make).find((k) => (k.endsWith('/') ? asked.startsWith(k) : k === asked));
    if (!row) return { status: 404, body: invalid() };
    const before = once && known.get(once);
    if (before) return before;
    const made = make[row](asked.slice(row.length), body, query);
    const a = made ? { status: 'error' in made ? 400 : 200, body: expanded(made, Object.values(query.expand ?? {})) } : { status: 404, body: invalid({ code: 'resource_missing' }) };
    if (once) known.set(once, a);
    return a;
  };

  const server = https.createServer({ key: readFileSync(file('key.pem')), cert: readFileSync(file('ca.pem')) }, (rq, rs) => {
    const parts = /** @type {Buffer[]} */ ([]);
    rq.on('data', (d) => parts.push(d));
    rq.on('end', () => {
      const raw = Buffer.concat(parts).toString(), url = new URL(rq.url ?? '', 'https://localhost');
      /** @type {Request} */
      const request = { method: rq.method ?? '', path: url.pathname, query: unflatten(url.search), raw, url: rq.url ?? '', body: unflatten(raw),
        once: /** @type {string | undefined} */ (rq.headers['idempotency-key']), headers: rq.headers };
      stripe.requests.push(request);
      const say = (/** @type {Answer | true | 'silence'} */ a) => {
        if (a === 'silence') return rs;
        if (a === true) return rq.socket.destroy();
        rs.writeHead(a.status, { 'content-type': 'application/json' });
        return rs.end(JSON.stringify(a.body ?? its.error('api_error')));
      };
      const said = [`Basic ${Buffer.from(`${key}:`).toString('base64')}`, `Bearer ${key}`];
      if (!said.includes(rq.headers.authorization ?? '')) return say({ status: 401, body: invalid() });
      const early = stripe.before?.(request);
      if (early) return say(early);
      const done = answer(request);
      return say(stripe.after?.(request) ?? done);
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

  const stripe = {
    requests: /** @type {Request[]} */ ([]), sessions, intents, refunds, secrets, movements, move, key, port, ca: file('ca.pem'),
    /** A day passes: which key was used is not remembered. */
    forget: () => known.clear(),
    before: /** @type {((request: Request) => Answer | true | null | undefined) | null} */ (null),
    after: /** @type {((request: Request) => Answer | true | 'silence' | null | undefined) | null} */ (null),
    settings: `stripe_webhook_secret ${file('secret')}\nstripe_webhook_secret_next ${file('next')}\n`,
    jobs: `stripe_url https://localhost:${port}\nstripe_ca ${file('ca.pem')}\nstripe_key ${file('key')}\n`,
    /** As the payer does on Stripe's page. @param {Stripe.Checkout.Session} s */
    pay(s, fee = 59) {
      const amount = s.amount_total ?? 0, currency = s.currency ?? '', metadata = promised.get(s.id) ?? {};
      const intent = keep(its.intent({ amount, currency, metadata }));
      const charge = keep(its.charge({ amount, currency, metadata, payment_intent: intent.id }));
      charge.balance_transaction = move('charge', amount, currency, charge, { fee }).id;
      intent.latest_charge = charge.id;
      intents.set(intent.id, intent);
      charges.set(intent.id, charge);
      Object.assign(s, { status: 'complete', payment_status: 'paid', payment_intent: intent.id, url: null });
      return intent;
    },
    /** @param {Stripe.Checkout.Session} s */
    expire(s) { Object.assign(s, { status: 'expired', url: null }); },
    /** @param {Stripe.PaymentIntent} intent @param {Stripe.Dispute.Status} status */
    dispute(intent, status) {
      const charge = /** @type {Stripe.Charge} */ (charges.get(intent.id));
      charge.disputed = true;
      const { amount, currency } = charge, old = disputes.get(intent.id);
      // it keeps 15.00 for its trouble, and gives it back to who wins
      const moved = old?.balance_transactions ?? [its.movement({ type: 'adjustment', amount: -amount, fee: 1500, currency })];
      if (status === 'won') moved.push(its.movement({ type: 'adjustment', amount, fee: -1500, currency }));
      const d = keep(its.dispute({ id: old?.id ?? its.newId('du'), amount, charge: charge.id, currency, payment_intent: intent.id, status, balance_transactions: moved }));
      disputes.set(intent.id, d);
      return d;
    },
    /** An event about an object: {body, headers}, signed. @param {string} type @param {unknown} object */
    event(type, object, { secret = secrets[0], at = seconds(), more = {} } = {}) {
      const body = JSON.stringify(its.event(type, object, { created: at, ...more }));
      return { body, headers: { 'stripe-signature': signature(secret, body, at) } };
    },
    close: () => new Promise((done) => {
      server.closeAllConnections();
      server.close(() => { rmSync(dir, { recursive: true, force: true }); done(undefined); });
    }),
  };
  return stripe;
}
