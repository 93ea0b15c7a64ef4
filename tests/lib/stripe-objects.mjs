// What Stripe answers with, whole, as its own library has the types of it
// (`stripe` in package.json is the version that was made for the API's version
// that src/jobs/stripe.c names). tsc holds each member to them.
import { randomBytes } from 'node:crypto';

/** @import { Stripe } from 'stripe' */

/** @param {string} kind */
export const newId = (kind) => `${kind}_test_${randomBytes(12).toString('hex')}`;
export const seconds = () => Math.floor(Date.now() / 1000);

/** @param {Partial<Stripe.Checkout.Session>} some @returns {Stripe.Checkout.Session} */
export const session = (some) => ({
  id: newId('cs'), object: 'checkout.session', after_expiration: null, allow_promotion_codes: null, amount_subtotal: some.amount_total ?? null,
  amount_total: null, automatic_tax: { enabled: false, liability: null, status: null }, billing_address_collection: null, cancel_url: null,
  client_reference_id: null, client_secret: null, consent: null, consent_collection: null, created: seconds(), currency: null,
  currency_conversion: null, custom_fields: [], custom_text: { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null },
  customer: null, customer_creation: 'if_required', customer_details: null, customer_email: null, expires_at: seconds() + 86400, invoice: null,
  invoice_creation: null, livemode: false, locale: null, metadata: {}, mode: 'payment', payment_intent: null, payment_link: null,
  payment_method_collection: 'if_required', payment_method_configuration_details: null, payment_method_options: {}, payment_method_types: ['card'],
  payment_status: 'unpaid', phone_number_collection: { enabled: false }, recovered_from: null, saved_payment_method_options: null, setup_intent: null,
  shipping_address_collection: null, shipping_cost: null, shipping_details: null, shipping_options: [], status: 'open', submit_type: null,
  subscription: null, success_url: null, total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 }, ui_mode: 'hosted', url: null,
  ...some,
});

/** @param {Partial<Stripe.PaymentIntent>} some @returns {Stripe.PaymentIntent} */
export const intent = (some) => ({
  id: newId('pi'), object: 'payment_intent', amount: 0, amount_capturable: 0, amount_details: { tip: {} }, amount_received: some.amount ?? 0,
  application: null, application_fee_amount: null, automatic_payment_methods: null, canceled_at: null, cancellation_reason: null,
  capture_method: 'automatic_async', client_secret: null, confirmation_method: 'automatic', created: seconds(), currency: 'usd', customer: null,
  description: null, invoice: null, last_payment_error: null, latest_charge: null, livemode: false, metadata: {}, next_action: null, on_behalf_of: null,
  payment_method: newId('pm'), payment_method_configuration_details: null, payment_method_options: {}, payment_method_types: ['card'],
  processing: null, receipt_email: null, review: null, setup_future_usage: null, shipping: null, source: null, statement_descriptor: null,
  statement_descriptor_suffix: null, status: 'succeeded', transfer_data: null, transfer_group: null, ...some,
});

/** @param {Partial<Stripe.Charge>} some @returns {Stripe.Charge} */
export const charge = (some) => ({
  id: newId('ch'), object: 'charge', amount: 0, amount_captured: some.amount ?? 0, amount_refunded: 0, application: null, application_fee: null,
  application_fee_amount: null, balance_transaction: null, billing_details: { address: null, email: null, name: null, phone: null },
  calculated_statement_descriptor: null, captured: true, created: seconds(), currency: 'usd', customer: null, description: null, disputed: false,
  failure_balance_transaction: null, failure_code: null, failure_message: null, fraud_details: {}, invoice: null, livemode: false, metadata: {},
  on_behalf_of: null, outcome: null, paid: true, payment_intent: null, payment_method: newId('pm'), payment_method_details: null,
  receipt_email: null, receipt_number: null, receipt_url: null, refunded: false, review: null, shipping: null, source: null, source_transfer: null,
  statement_descriptor: null, statement_descriptor_suffix: null, status: 'succeeded', transfer_data: null, transfer_group: null, ...some,
});

/** @param {Partial<Stripe.Refund>} some @returns {Stripe.Refund} */
export const refund = (some) => ({
  id: newId('re'), object: 'refund', amount: 0, balance_transaction: null, charge: null, created: seconds(), currency: 'usd', metadata: {},
  payment_intent: null, reason: null, receipt_number: null, source_transfer_reversal: null, status: 'succeeded', transfer_reversal: null, ...some,
});

/** @param {Partial<Stripe.Dispute> & Pick<Stripe.Dispute, 'charge'>} some @returns {Stripe.Dispute} */
export const dispute = (some) => ({
  id: newId('du'), object: 'dispute', amount: 0, balance_transactions: [], created: seconds(), currency: 'usd', evidence: {
    access_activity_log: null, billing_address: null, cancellation_policy: null, cancellation_policy_disclosure: null, cancellation_rebuttal: null,
    customer_communication: null, customer_email_address: null, customer_name: null, customer_purchase_ip: null, customer_signature: null,
    duplicate_charge_documentation: null, duplicate_charge_explanation: null, duplicate_charge_id: null, product_description: null, receipt: null,
    refund_policy: null, refund_policy_disclosure: null, refund_refusal_explanation: null, service_date: null, service_documentation: null,
    shipping_address: null, shipping_carrier: null, shipping_date: null, shipping_documentation: null, shipping_tracking_number: null,
    uncategorized_file: null, uncategorized_text: null,
  },
  evidence_details: { due_by: seconds() + 7 * 86400, has_evidence: false, past_due: false, submission_count: 0 }, is_charge_refundable: false,
  livemode: false, metadata: {}, payment_intent: null, reason: 'general', status: 'needs_response', ...some,
});

/** @param {Partial<Stripe.BalanceTransaction>} some @returns {Stripe.BalanceTransaction} */
export const movement = (some) => ({
  id: newId('txn'), object: 'balance_transaction', amount: 0, available_on: seconds() + 2 * 86400, created: seconds(), currency: 'usd',
  description: null, exchange_rate: null, fee: 0, fee_details: [], net: (some.amount ?? 0) - (some.fee ?? 0),
  reporting_category: some.type ?? 'charge', source: null, status: 'pending', type: 'charge', ...some,
});

/** @param {Partial<Stripe.Payout>} some @returns {Stripe.Payout} */
export const payout = (some) => ({
  id: newId('po'), object: 'payout', amount: 0, application_fee: null, application_fee_amount: null, arrival_date: seconds() + 86400,
  automatic: true, balance_transaction: null, created: seconds(), currency: 'usd', description: null, destination: null,
  failure_balance_transaction: null, failure_code: null, failure_message: null, livemode: false, metadata: {}, method: 'standard',
  original_payout: null, reconciliation_status: 'completed', reversed_by: null, source_type: 'card', statement_descriptor: null, status: 'paid',
  type: 'bank_account', ...some,
});

/** @param {Partial<Stripe.Topup>} some @returns {Stripe.Topup} */
export const topup = (some) => ({
  id: newId('tu'), object: 'topup', amount: 0, balance_transaction: null, created: seconds(), currency: 'usd', description: null,
  expected_availability_date: null, failure_code: null, failure_message: null, livemode: false, metadata: {}, source: null,
  statement_descriptor: null, status: 'succeeded', transfer_group: null, ...some,
});

/**
 * @template T
 * @param {T[]} data
 * @param {string} url
 * @returns {Omit<Stripe.ApiList<T>, 'next'>}
 */
export const list = (data, url, has_more = false) => ({ object: 'list', data, has_more, url });

/** @param {Stripe.StripeRawError['type']} type @param {Partial<Stripe.StripeRawError>} more @returns {{error: Stripe.StripeRawError}} */
export const error = (type, more = {}) => ({ error: { type, message: 'refused', ...more } });

/**
 * An event about an object, whatever kind it is said to be: hostile ones are made
 * with it, too.
 * @param {string} type
 * @param {unknown} object
 * @param {Partial<Omit<Stripe.EventBase, 'data' | 'type'>>} more
 * @returns {Omit<Stripe.EventBase, 'data' | 'type'> & {type: string, data: {object: unknown}}}
 */
export const event = (type, object, more = {}) => ({
  id: newId('evt'), object: 'event', api_version: '2024-06-20', created: seconds(), livemode: false, pending_webhooks: 1,
  request: { id: null, idempotency_key: null }, ...more, type, data: { object },
});
