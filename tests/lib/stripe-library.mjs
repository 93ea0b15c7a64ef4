// Stripe's own library, asking and judging as src/jobs/stripe.c and
// src/care/stripe_signature.c do.
import { readFileSync } from 'node:fs';
import https from 'node:https';

import Stripe from 'stripe';

export const { webhooks } = Stripe;

/** Whatever answers there in Stripe's place. @param {{key: string, port: number, ca: string}} where */
export const libraryOf = ({ key, port, ca }) => new Stripe(key, { host: 'localhost', port, protocol: 'https', apiVersion: '2024-06-20',
  maxNetworkRetries: 0, telemetry: false, httpAgent: new https.Agent({ ca: readFileSync(ca) }) });

/**
 * The calls that the jobs make.
 * @param {Stripe} library
 */
export const callsOf = (library) => ({
  /** @param {{payment: string, tenant: string, amount: number, currency: string, back: string}} order */
  open: ({ payment, tenant, amount, currency, back }) => library.checkout.sessions.create({
    mode: 'payment', client_reference_id: payment,
    line_items: [{ quantity: 1, price_data: { currency, unit_amount: amount, product_data: { name: 'Payment' } } }],
    success_url: back, cancel_url: back, metadata: { payment, tenant }, payment_intent_data: { metadata: { payment, tenant } },
  }, { idempotencyKey: payment }),
  /** @param {string} session */
  fetch: (session) => library.checkout.sessions.retrieve(session, { expand: ['payment_intent.latest_charge.balance_transaction'] }),
  /** @param {{payment: string, refund: string, intent: string, amount: number}} order */
  refund: ({ payment, refund, intent, amount }) => library.refunds.create({ payment_intent: intent, amount, metadata: { payment, refund } },
    { idempotencyKey: refund }),
  /** @param {string} intent */
  refunds: (intent) => library.refunds.list({ limit: 100, payment_intent: intent }),
  /** @param {string} intent */
  disputes: (intent) => library.disputes.list({ limit: 1, payment_intent: intent }),
  /** @param {number} since @param {string} [after] */
  movements: (since, after) => library.balanceTransactions.list({ limit: 100, created: { gte: since }, expand: ['data.source'],
    ...after && { starting_after: after } }),
});
