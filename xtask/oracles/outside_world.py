"""Lets the providers' own clients talk to our simulator, and compares what they send with what we send.

PyPI: openai 3.54.0, twilio 9.13.0, pywa 4.5.0 (not Meta's own: there is none), requests 2.34.2.
Run:  python outside_world.py RECORDING WORLD, as `cargo xtask oracles` does. WORLD is the line that the example
`outside_world` of postly-simulator prints, RECORDING is made by the example `record_requests` of postly-testkit.
"""

import json
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import httpx
import openai
import pywa
import requests
from pydantic import BaseModel
from pywa.types import templates
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

BRIEF = "Crée un post promo pour Instagram, -20 % sur les croissants ce week-end"

OURS = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
WORLD = json.loads(sys.argv[2])


def ours(server, has):
    """What we sent first to a server with this in its body."""
    return next(request for request in OURS if request["server"] == server and has in request["body"])


def check(what, holds):
    if not holds:
        sys.exit(f"outside_world.py: not true: {what}")
    print(what)


class Posts(BaseModel):
    """A shape that is not ours, to see that the simulator bends to what it is asked for."""

    class Variant(BaseModel):
        text: str

    language: str
    variants: list[Variant]


def by_openai():
    sent = []
    transport = openai.DefaultHttpxClient(event_hooks={"request": [lambda it: sent.append(it)]})
    client = openai.OpenAI(
        base_url=WORLD["openai_base_url"], api_key=WORLD["openai_api_key"], http_client=transport, max_retries=0
    )
    recorded = ours("https://api.openai.com", "max_completion_tokens")
    asked = json.loads(recorded["body"])
    asked["messages"] = [
        {"role": "system", "content": "Answer in JSON."},
        {"role": "user", "content": BRIEF},
    ]
    completion = client.chat.completions.create(**asked)
    check("openai sends the body that we send", json.loads(sent[-1].content) == asked)
    check(
        "openai sends it where and as what we do",
        (sent[-1].method, sent[-1].url.path, sent[-1].headers["content-type"])
        == (recorded["method"], recorded["path"], recorded["content_type"]),
    )
    posts = json.loads(completion.choices[0].message.content)
    check(
        "openai reads a completion with three posts",
        completion.choices[0].finish_reason == "stop"
        and len(posts["variants"]) == 3
        and completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0,
    )
    parsed = client.chat.completions.parse(
        model=asked["model"], messages=asked["messages"], response_format=Posts, max_completion_tokens=1200
    )
    posts = parsed.choices[0].message.parsed
    check("openai parses an answer in a shape of its own", isinstance(posts, Posts) and len(posts.variants) > 0)
    check("openai lists models", any(model.id for model in client.models.list()))
    try:
        client.with_options(api_key="sk-wrong").models.list()
        check("openai is refused with a wrong key", False)
    except openai.AuthenticationError as error:
        check("openai is refused with a wrong key", error.status_code == 401)
    unclosed = {"name": "a", "strict": True, "schema": {"type": "object", "properties": {}}}
    asked["response_format"] = {"type": "json_schema", "json_schema": unclosed}
    try:
        client.chat.completions.create(**asked)
        check("openai is refused with an open strict schema", False)
    except openai.BadRequestError as error:
        check("openai is refused with an open strict schema", error.status_code == 400)


class Redirected(TwilioHttpClient):
    """Twilio's client, with the simulator where Twilio's hosts would be."""

    sent = None

    def request(self, method, url, params=None, data=None, **others):
        for host in ("https://api.twilio.com", "https://messaging.twilio.com"):
            url = url.replace(host, WORLD["base_url"])
        response = super().request(method, url, params=params, data=data, **others)
        request = self._test_only_last_request
        prepared = requests.Request(request.method, request.url, data=data).prepare()
        self.sent = (prepared.method, prepared.path_url, prepared.headers.get("content-type"), prepared.body)
        return response


def by_twilio():
    http = Redirected()
    client = Client(WORLD["twilio_account_sid"], WORLD["twilio_auth_token"], http_client=http)
    recorded = ours("https://api.twilio.com", "Body=")
    form = dict(parse_qsl(recorded["body"]))
    message = client.messages.create(
        to=form["To"], from_=form["From"], body=form["Body"], status_callback=form["StatusCallback"]
    )
    method, path, content_type, body = http.sent
    check("twilio sends the fields that we send", dict(parse_qsl(body)) == form)
    check("twilio sends the very bytes that we send", sorted(body.split("&")) == sorted(recorded["body"].split("&")))
    check(
        "twilio sends them where and as what we do",
        (method, path, content_type) == (recorded["method"], recorded["path"], recorded["content_type"]),
    )
    check("twilio reads a message", message.sid.startswith("SM") and message.status in ("queued", "accepted"))
    check("twilio fetches it again", client.messages(message.sid).fetch().body == form["Body"])
    recorded = ours("https://api.twilio.com", "ContentSid=")
    form = dict(parse_qsl(recorded["body"]))
    client.messages.create(
        to=form["To"],
        from_=form["From"],
        content_sid=form["ContentSid"],
        content_variables=form["ContentVariables"],
        status_callback=form["StatusCallback"],
    )
    sent = sorted(http.sent[3].split("&"))
    check("twilio sends a code by the very bytes that we send", sent == sorted(recorded["body"].split("&")))
    try:
        client.messages.create(to="whatsapp:12", from_=form["From"], body="Bonjour")
        check("twilio is told of a wrong number", False)
    except TwilioRestException as error:
        check("twilio is told of a wrong number", (error.status, error.code) == (400, 21211))
    try:
        Client(WORLD["twilio_account_sid"], "wrong", http_client=http).messages(message.sid).fetch()
        check("twilio is refused with a wrong token", False)
    except TwilioRestException as error:
        check("twilio is refused with a wrong token", (error.status, error.code) == (401, 20003))
    recorded = ours("https://messaging.twilio.com", "messageId=")
    form = dict(parse_qsl(recorded["body"]))
    shown = client.messaging.v2.typing_indicator.create(channel=form["channel"], message_id=form["messageId"])
    check("twilio reads that typing is shown", shown.success is True)
    method, path, content_type, body = http.sent
    check(
        "twilio shows typing as we do",
        (method, path, content_type, dict(parse_qsl(body)))
        == (recorded["method"], recorded["path"], recorded["content_type"], form),
    )


def by_meta():
    url = f"{WORLD['base_url']}/v25.0/{WORLD['meta_phone_number_id']}/messages"
    right = {"Authorization": f"Bearer {WORLD['meta_access_token']}"}
    recorded = ours("https://graph.facebook.com", '"to"')
    answer = requests.post(url, json=json.loads(recorded["body"]), headers=right, timeout=10)
    read = answer.json()
    check(
        "a plain client has a message accepted by Meta",
        answer.status_code == 200
        and read["messaging_product"] == "whatsapp"
        and read["contacts"][0]["input"] == "+33639981001"
        and read["messages"][0]["id"].startswith("wamid."),
    )
    answer = requests.post(url, json={"to": "+33639981001"}, headers=right, timeout=10)
    told = (answer.status_code, answer.json()["error"]["code"])
    check("a plain client is told by Meta what is wrong", told == (400, 100))
    answer = requests.post(url, json={}, headers={"Authorization": "Bearer wrong"}, timeout=10)
    told = (answer.status_code, answer.json()["error"]["code"])
    check("a plain client is refused by Meta with a wrong token", told == (401, 190))


class Elsewhere(httpx.HTTPTransport):
    """Carries what is meant for Meta to the simulator."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def handle_request(self, request):
        self.sent.append(request)
        base = httpx.URL(WORLD["base_url"])
        request.url = request.url.copy_with(scheme=base.scheme, host=base.host, port=base.port)
        return super().handle_request(request)


def by_pywa():
    transport = Elsewhere()
    client = pywa.WhatsApp(
        phone_id=WORLD["meta_phone_number_id"],
        token=WORLD["meta_access_token"],
        session=httpx.Client(transport=transport),
        api_version=25.0,
        validate_updates=False,
    )
    recorded = ours("https://graph.facebook.com", '"to"')
    asked = json.loads(recorded["body"])
    sent = client.send_message(
        to=asked["to"],
        text=asked["text"]["body"],
        reply_to_message_id=asked["context"]["message_id"],
        tracker=asked["biz_opaque_callback_data"],
    )
    body = json.loads(transport.sent[-1].content)
    check("pywa sends the body that we send", body == asked)
    check("pywa sends it where we do", transport.sent[-1].url.path == recorded["path"])
    check("pywa reads the answer", sent.id.startswith("wamid."))
    recorded = ours("https://graph.facebook.com", '"interactive"')
    asked = json.loads(recorded["body"])
    replies = [button["reply"] for button in asked["interactive"]["action"]["buttons"]]
    client.send_message(
        to=asked["to"],
        text=asked["interactive"]["body"]["text"],
        buttons=[pywa.types.Button(title=reply["title"], callback_data=reply["id"]) for reply in replies],
        reply_to_message_id=asked["context"]["message_id"],
        tracker=asked["biz_opaque_callback_data"],
    )
    check("pywa sends the buttons that we send", json.loads(transport.sent[-1].content) == asked)
    recorded = ours("https://graph.facebook.com", '"template"')
    asked = json.loads(recorded["body"])
    template = asked["template"]
    code = template["components"][0]["parameters"][0]["text"]
    try:
        client.send_template(
            to=asked["to"],
            name=template["name"],
            language=templates.TemplateLanguage(template["language"]["code"]),
            params=[templates.AuthenticationBody.params(otp=code), templates.CopyCodeOTPButton.params(otp=code)],
            tracker=asked["biz_opaque_callback_data"],
        )
    except pywa.errors.WhatsAppError:
        # The simulator takes the names of Meta's examples only, as we write them; pywa writes them in capitals,
        # and the place of the button as a number.
        pass
    body = json.loads(transport.sent[-1].content)
    for component in body["template"]["components"]:
        for name in ("type", "sub_type", "index"):
            if name in component:
                component[name] = str(component[name]).lower()
    check("pywa sends the code that we send, but for capitals", body == asked)


by_openai()
by_twilio()
by_meta()
by_pywa()
