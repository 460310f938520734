#!/usr/bin/env bash
# npm stripe 23.1.0: `webhooks.signature.verifyHeader` refuses an empty payload although its signature is right, with a message
# about a missing payload; PyPI stripe 16.1.0 accepts the same payload and header. A receiver that tests its signature check
# with an empty body sees the two official libraries disagree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --no-save --prefix "$folder" stripe@23.1.0 >/dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check stripe==16.1.0
cat > check.cjs <<'JS'
const Stripe = require('stripe');
const stripe = (Stripe.default || Stripe)('sk_test_x');
const secret = 'whsec_test';
const header = stripe.webhooks.generateTestHeaderString({ payload: '', secret });
console.error(header);
try {
  console.log(`node: ${stripe.webhooks.signature.verifyHeader('', header, secret, 300)}`);
} catch (error) {
  console.log(`node: ${error.constructor.name}`);
}
JS
node check.cjs 2> header.txt | tee found.txt
venv/bin/python - <<'PY' | tee -a found.txt
import stripe
header = open('header.txt').read().strip()
print('python:', stripe.WebhookSignature.verify_header('', header, 'whsec_test', 300))
PY
expected='node: StripeSignatureVerificationError
python: True'
[ "$(cat found.txt)" = "$expected" ] || { echo "changed: expected" >&2; printf '%s\n' "$expected" >&2; exit 1; }
