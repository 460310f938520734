// Lets Stripe's own client make and retrieve a Checkout Session at our simulator.
// Run: node stripe_world.mjs WORLD, where WORLD is the line that the example `outside_world` of postly-simulator prints.
import assert from "node:assert/strict";
import Stripe from "stripe";

const world = JSON.parse(process.argv[2]);
const { protocol, hostname, port } = new URL(world.base_url);
const client = (key) =>
  new Stripe(key, { protocol: protocol.slice(0, -1), host: hostname, port, maxNetworkRetries: 0, telemetry: false });
const stripe = client(world.stripe_secret_key);
const asked = {
  mode: "payment",
  success_url: "https://postly.example/recharge/return?session_id={CHECKOUT_SESSION_ID}",
  cancel_url: "https://postly.example/recharge/return",
  locale: "fr",
  client_reference_id: "a-1",
  line_items: [{
    quantity: 1,
    price_data: { currency: "eur", unit_amount: 490, tax_behavior: "inclusive", product_data: { name: "20 crédits Postly-AI" } },
  }],
  metadata: { pack: "s" },
  payment_intent_data: { metadata: { pack: "s" } },
};
const made = await stripe.checkout.sessions.create(asked, { idempotencyKey: "one" });
assert.equal(made.object, "checkout.session");
assert.deepEqual([made.amount_total, made.currency, made.status, made.payment_status], [490, "eur", "open", "unpaid"]);
assert.ok(made.url.startsWith(world.base_url) && made.expires_at > Date.now() / 1000);
assert.equal((await stripe.checkout.sessions.create(asked, { idempotencyKey: "one" })).id, made.id);
const found = await stripe.checkout.sessions.retrieve(made.id, { expand: ["payment_intent.latest_charge"] });
assert.deepEqual([found.id, found.metadata.pack], [made.id, "s"]);

const refused = async (what, call, type, code) => {
  await assert.rejects(call, (error) => error.type === type && (code === undefined || error.code === code), what);
};
await refused("a key for two requests", () => stripe.checkout.sessions.create({ ...asked, locale: "en" }, { idempotencyKey: "one" }), "StripeIdempotencyError");
await refused("methods that are named", () => stripe.checkout.sessions.create({ ...asked, payment_method_types: ["card"] }), "StripeInvalidRequestError", "payment_method_types_no_longer_supported");
await refused("a parameter that is none", () => stripe.checkout.sessions.create({ ...asked, price: "x" }), "StripeInvalidRequestError", "parameter_unknown");
await refused("a session that is none", () => stripe.checkout.sessions.retrieve("cs_test_none"), "StripeInvalidRequestError", "resource_missing");
await refused("a key that is none", () => client("sk_test_wrong").checkout.sessions.retrieve(made.id), "StripeAuthenticationError");
console.log(`npm stripe ${Stripe.PACKAGE_VERSION} makes and retrieves a Checkout Session at our simulator, and is refused as it expects`);
