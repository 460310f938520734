"""Makes the signature vectors with the providers' own code or a reader of it.

PyPI: twilio 9.13.0 (twilio.request_validator), pywa 4.5.0 (pywa.utils, as a referee of the Meta vectors).
Run:  pip install twilio==9.13.0 pywa==4.5.0 && python make_vectors.py
Running it again changes nothing.
"""

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from pywa.utils import webhook_updates_validator
from twilio.request_validator import RequestValidator, get_signature_algorithm

HERE = Path(__file__).parent
TOKEN = "0123456789abcdef0123456789abcdef"
KEY = "webhooks_sharedkey_01"
KEY_SECRET = "a-shared-key-secret-of-32-bytes!"
VERSION = "twilio 9.13.0"
PATH = "/api/whatsapp/webhook"
BASE = "https://postly.example"


class Multi(dict):
    """A form with repeated names, as Django hands it to the validator."""

    def getlist(self, name):
        return self[name]


def form(name, base, target, pairs, signed_base=None, algorithm=None):
    params = Multi()
    for key, value in pairs:
        params.setdefault(key, []).append(value)
    secret = KEY_SECRET if algorithm else TOKEN
    signature = RequestValidator(secret).compute_signature((signed_base or base) + target, params, algorithm)
    return {
        "name": name,
        "version": VERSION,
        "public_base_url": base,
        "target": target,
        "content_type": "application/x-www-form-urlencoded",
        "body": urlencode(pairs),
        "settings": f"key={KEY},algorithm={algorithm}" if algorithm else None,
        "signature": signature,
    }


def json_body(name, body, hash_of=None, algorithm=None):
    digest = hashlib.sha256((hash_of or body).encode()).hexdigest()
    target = f"{PATH}?bodySHA256={digest}"
    secret = KEY_SECRET if algorithm else TOKEN
    return {
        "name": name,
        "version": VERSION,
        "public_base_url": BASE,
        "target": target,
        "content_type": "application/json",
        "body": body,
        "settings": f"key={KEY},algorithm={algorithm}" if algorithm else None,
        "signature": RequestValidator(secret).compute_signature(BASE + target, {}, algorithm),
    }


inbound = [
    ("MessageSid", "SM" + "1" * 32),
    ("From", "whatsapp:+33612345678"),
    ("To", "whatsapp:+14155238886"),
    ("Body", "gen promo"),
    ("NumMedia", "0"),
]
unicode = inbound[:3] + [("Body", "Crée un post 🥐 — l’été à −20 %"), ("ProfileName", "أمل")]

twilio = [
    form("plain", BASE, PATH, inbound),
    form("unicode", BASE, PATH, unicode),
    form("shuffled", BASE, PATH, list(reversed(unicode))),
    form("empty values", BASE, PATH, inbound + [("ButtonText", ""), ("Address", "")]),
    form("white space is kept", BASE, PATH, inbound[:3] + [("Body", "  gen\r\n promo \t")]),
    form("repeated names", BASE, PATH, inbound + [("Tag", "b"), ("Tag", "a"), ("Tag", "b")]),
    form("names that are prefixes", BASE, PATH, [("a", "bc"), ("ab", "c"), ("A", "x"), ("é", "y")]),
    form("no parameters", BASE, PATH, []),
    form("query", BASE, PATH + "?attempt=0192f0c1-7b7e&z=1&a=%C3%A9+%20", inbound),
    form("signed with the port", BASE, PATH, inbound, "https://postly.example:443"),
    form("signed without the port", "https://postly.example:443", PATH, inbound, BASE),
    form("plain http with the port", "http://postly.example", PATH, inbound, "http://postly.example:80"),
    form("another port", "https://postly.example:8443", PATH, inbound, "https://postly.example:8443"),
    form("base with a path and a slash", "https://postly.example/in/", PATH, inbound, "https://postly.example/in"),
    form("host in capitals", "https://Postly.Example", PATH, inbound, "https://Postly.Example"),
    form("shared key", BASE, PATH, unicode, algorithm="HMAC_SHA256"),
    form("shared key, query", BASE, PATH + "?attempt=1", inbound, algorithm="HMAC_SHA256"),
    json_body("json", '{"a":"é","b":[1,2]}'),
    json_body("json, shared key", '{"a":1}', algorithm="HMAC_SHA256"),
    json_body("empty json", "{}"),
]

# Each was signed with the right token, and must be refused all the same.
refused = [
    form("signed for another port", BASE, PATH, inbound, "https://postly.example:8443"),
    form("signed for another host", BASE, PATH, inbound, "https://evil.example"),
    form("signed for http", BASE, PATH, inbound, "http://postly.example"),
    form("signed for another path", BASE, PATH, inbound, "https://postly.example/in"),
    json_body("hash of another body", '{"a":1}', hash_of='{"a":2}'),
]

def client_accepts(vector):
    """Whether Twilio's own check believes what it would receive."""
    secret = KEY_SECRET if vector["settings"] else TOKEN
    algorithm = get_signature_algorithm(vector["settings"])
    body = vector["body"]
    if vector["content_type"] != "application/json":
        body = Multi()
        for key, value in parse_qsl(vector["body"], keep_blank_values=True):
            body.setdefault(key, []).append(value)
    url = vector["public_base_url"].rstrip("/") + vector["target"]
    return RequestValidator(secret).validate(url, body, vector["signature"], algorithm)


for vector in twilio:
    assert client_accepts(vector), vector["name"]

SECRET = "meta-app-secret-of-32-bytes-or-so"
bodies = [
    '{"object":"whatsapp_business_account","entry":[]}',
    '{"object":"whatsapp_business_account","text":"Cr\\u00e9e \\ud83e\\udd50 https:\\/\\/p.example"}',
    '{"text":"Crée 🥐"}',
    "",
    "{ \n}  ",
]
meta = []
for body in bodies:
    signature = "sha256=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    assert webhook_updates_validator(SECRET, body.encode(), signature)
    meta.append({"version": "pywa 4.5.0", "body": body, "signature": signature})


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, indent=1)
    (HERE / name).write_text(text + "\n", encoding="utf-8")


write(
    "twilio_signatures.json",
    {"token": TOKEN, "key": KEY, "key_secret": KEY_SECRET, "accepted": twilio, "refused": refused},
)
write("meta_signatures.json", {"secret": SECRET, "vectors": meta})
