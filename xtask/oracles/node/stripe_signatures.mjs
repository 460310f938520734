// Signs webhooks with Stripe's own library: vectors for the service to be checked against.
import { writeFileSync } from "node:fs";
import Stripe from "stripe";

const stripe = new Stripe("sk_test_of_nobody");
const SECRET = "whsec_a_secret_of_the_vectors";
const OLDER = "whsec_an_older_secret_of_them";
const TIME = 1790000000;
const snapshot = {
  id: "evt_1", object: "event", api_version: "2026-10-28.endive", created: TIME, livemode: false,
  type: "charge.refunded", data: { object: { id: "ch_1", object: "charge", amount: 490, amount_refunded: 245, currency: "eur" } },
};
const BODIES = {
  compact: JSON.stringify(snapshot),
  // As Stripe writes it: indented, with a space after each colon.
  indented: JSON.stringify(snapshot, null, 2),
  unicode: JSON.stringify({ ...snapshot, note: "crédits 🥐 \u2028 <&>" }),
  thin: JSON.stringify({ id: "evt_2", object: "v2.core.event", type: "v1.billing.meter.error_report_triggered", created: "2026-10-28T00:00:00.000Z", livemode: false }),
};

const header = (payload, secret, scheme) =>
  stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: TIME, scheme });
const signatureOf = (text) => text.split(",").find((item) => item.startsWith("v")).split("=")[1];

const vectors = Object.entries(BODIES).map(([name, body]) => ({ name, body, header: header(body, SECRET) }));
// During a rotation Stripe signs with both secrets.
const body = BODIES.compact;
const [old, now] = [signatureOf(header(body, OLDER)), signatureOf(header(body, SECRET))];
vectors.push({ name: "rotation", body, header: `t=${TIME},v1=${old},v1=${now}` });
vectors.push({ name: "with_v0", body, header: `t=${TIME},v1=${now},v0=${signatureOf(header(body, SECRET, "v0"))}` });

for (const { name, body, header } of vectors) {
  // The signature alone: a thin event is refused for what it is, afterwards.
  try {
    stripe.webhooks.signature.verifyHeader(body, header, SECRET, 0);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}
writeFileSync(process.argv[2], `${JSON.stringify({ made_by: `stripe ${Stripe.PACKAGE_VERSION}`, secret: SECRET, time: TIME, vectors }, null, 1)}\n`);
console.log(`${vectors.length} webhooks signed by npm stripe ${Stripe.PACKAGE_VERSION}`);
