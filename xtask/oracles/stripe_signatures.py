"""Checks with PyPI stripe what npm stripe signed, and signs the same."""

import json
import pathlib
import sys

import stripe

vectors = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
secret, time = vectors["secret"], vectors["time"]
for vector in vectors["vectors"]:
    stripe.WebhookSignature.verify_header(vector["body"], vector["header"], secret, None)
    signed = f"{time}.{vector['body']}"
    assert stripe.WebhookSignature._compute_signature(signed, secret) in vector["header"], vector["name"]
    try:
        stripe.WebhookSignature.verify_header(vector["body"] + " ", vector["header"], secret, None)
    except stripe.SignatureVerificationError:
        pass
    else:
        raise SystemExit(f"{vector['name']}: a changed body passed")
print(f"{len(vectors['vectors'])} of them accepted by PyPI stripe {stripe.VERSION}")
