"""Asks a referee whether it accepts what the service sends.

PyPI: openapi-core 0.23.1.
Run:  python accept_requests.py RECORDING SPECS, as `cargo xtask oracles` does. RECORDING is made by the example
`record_requests` of postly-testkit, SPECS are the documents in crates/postly-testkit/specs.
"""

import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

DOCUMENTS = {
    "whatsapp-send.strict.json": ("https://graph.facebook.com", "Bearer x"),
    "twilio-messages.json": ("https://api.twilio.com", "Basic eDp5"),
    "twilio-typing.json": ("https://messaging.twilio.com", "Basic eDp5"),
    "openai-chat.json": ("https://api.openai.com", "Bearer x"),
}


class Referee:
    """One document, and the operation in it."""

    def __init__(self, path, authorization):
        document = json.loads(path.read_text(encoding="utf-8"))
        self.spec = OpenAPI.from_dict(document)
        self.pattern = next(iter(document["paths"]))
        self.prefix = re.sub(r"^https://[^/]*", "", document["servers"][0]["url"])
        parts = re.split(r"(\{\w+\})", self.pattern)
        named = [f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else re.escape(part) for part in parts]
        self.regex = re.compile("".join(named))
        self.authorization = authorization

    def judge(self, request):
        """Raises what openapi-core holds against a request."""
        path = request["path"]
        match = self.regex.fullmatch(path.removeprefix(self.prefix))
        assert match, f"{path} is not {self.prefix}{self.pattern}"
        headers = {"Authorization": self.authorization} if request["authorized"] else {}
        self.spec.validate_request(
            MockRequest(
                request["server"],
                request["method"],
                path,
                path_pattern=self.prefix + self.pattern,
                view_args=match.groupdict(),
                headers=headers,
                data=request["body"].encode(),
                content_type=request["content_type"],
            )
        )


SPOILED_BY_ABSENCE = (
    "messaging_product",
    "to",
    "recipient",
    "text",
    "template",
    "interactive",
    "message_id",
    "model",
    "messages",
)


def spoiled_part(request, body, name, part):
    return {**request, "body": json.dumps({**body, name: part})}


def spoiled(request):
    """Copies of a request that no referee may accept, each with what was done to it."""
    yield "without credentials", {**request, "authorized": False}
    if request["content_type"] == "application/json":
        body = json.loads(request["body"])
        for name in SPOILED_BY_ABSENCE:
            if name in body:
                rest = {key: value for key, value in body.items() if key != name}
                yield f"without {name}", {**request, "body": json.dumps(rest)}
        if "text" in body:
            yield "text as a string", {**request, "body": json.dumps({**body, "text": body["text"]["body"]})}
        if "template" in body:
            template = body["template"]
            yield "a language as a string", spoiled_part(request, body, "template", {**template, "language": "fr"})
            name = {**template, "name": "Postly Code"}
            yield "a template of another form", spoiled_part(request, body, "template", name)
        if "interactive" in body:
            interactive = body["interactive"]
            buttons = interactive["action"]["buttons"] * 2
            action = {**interactive, "action": {"buttons": buttons}}
            yield "too many buttons", spoiled_part(request, body, "interactive", action)
            text = {**interactive, "body": {"text": "x" * 1025}}
            yield "too long a text above buttons", spoiled_part(request, body, "interactive", text)
        if "temperature" in body:
            yield "a temperature of 3", {**request, "body": json.dumps({**body, "temperature": 3})}
    else:
        form = parse_qsl(request["body"])
        for name in ("To", "messageId", "channel"):
            if name in dict(form):
                rest = [pair for pair in form if pair[0] != name]
                yield f"without {name}", {**request, "body": urlencode(rest)}
        if "Body" in dict(form):
            yield "a ContentSid of another form", {**request, "body": urlencode(form + [("ContentSid", "HX1")])}
        if "ContentSid" in dict(form):
            other = [(name, "HX1" if name == "ContentSid" else value) for name, value in form]
            yield "with a ContentSid of another form", {**request, "body": urlencode(other)}


def main():
    recording, specs = Path(sys.argv[1]), Path(sys.argv[2])
    referees = {server: Referee(specs / name, auth) for name, (server, auth) in DOCUMENTS.items()}
    accepted, refused = dict.fromkeys(referees, 0), 0
    for line in recording.read_text(encoding="utf-8").splitlines():
        request = json.loads(line)
        referee = referees[request["server"]]
        referee.judge(request)
        accepted[request["server"]] += 1
        for what, bad in spoiled(request):
            try:
                referee.judge(bad)
            except OpenAPIError:
                refused += 1
            else:
                sys.exit(f"the referee is asleep: it accepted a request to {request['server']} {what}")
    for server, count in accepted.items():
        assert count > 0, f"nothing was sent to {server}"
        print(f"openapi-core accepts {count} requests to {server}")
    print(f"openapi-core refuses {refused} spoiled copies of them")


main()
