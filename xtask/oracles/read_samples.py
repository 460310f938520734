"""Lets somebody else's reader read the samples of Meta's webhooks, and compares with what we read.

PyPI: pywa 4.5.0. It reads the first change of an update only, and not every kind; what it does not read is counted.
Run:  python read_samples.py SAMPLES, as `cargo xtask oracles` does. SAMPLES is crates/postly-whatsapp/testdata/meta,
whose expected.txt says what we read.
"""

import json
import logging
import re
import sys
import warnings
from pathlib import Path

import pywa

SAMPLES = Path(sys.argv[1])
# Whoever has no business-scoped id.
NOBODY = "XX.NOBODY"
TAPS = (pywa.types.CallbackButton, pywa.types.CallbackSelection)
FIELDS_OF_IDS = {"contacts": "user_id", "messages": "from_user_id", "statuses": "recipient_user_id"}
# It reports what it cannot read; we count that.
logging.getLogger("pywa").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")


def expected():
    """The first line of what we read in each sample."""
    name, lines = None, {}
    for line in (SAMPLES / "expected.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            name = line
        elif name not in lines:
            lines[name] = line.strip()
    return lines


def named(body):
    """The update with a business-scoped id for everybody: pywa reads nobody without one."""
    update = json.loads(body)
    for entry in update.get("entry", []):
        for change in entry.get("changes", []):
            value = change["value"]
            for key, field in FIELDS_OF_IDS.items():
                for item in value.get(key, []):
                    item.setdefault(field, NOBODY)
    return json.dumps(update).encode()


def read(body):
    """What pywa makes of an update: a message, a tap, a status, or nothing."""
    client = pywa.WhatsApp(phone_id="1", token="x", filter_updates=False, validate_updates=False)
    found = []
    client.on_message()(lambda _, message: found.append(message))
    client.on_message_status()(lambda _, status: found.append(status))
    client.on_callback_button()(lambda _, tap: found.append(tap))
    client.on_callback_selection()(lambda _, tap: found.append(tap))
    try:
        client.webhook_update_handler(named(body))
    except (KeyError, IndexError, TypeError):
        return None
    return found[0] if found else None


def compare(line, update):
    """What is different, as pairs of ours and theirs."""
    words = re.fullmatch(r"message \[\S+\] (\S+) (\S+) (\S+)(?: (.*))?", line)
    if words and isinstance(update, pywa.types.Message):
        address, bsuid, kind, rest = words.groups()
        theirs = update.from_user.bsuid
        yield bsuid, "-" if theirs == NOBODY else theirs
        yield address, update.from_user.wa_id or theirs
        if kind == "text":
            yield json.loads(rest), update.text
        elif kind == "caption":
            yield json.loads(rest.split(" ", 2)[2]), update.caption
        elif kind == "unreadable":
            yield rest, update.type.value
        return
    if words and isinstance(update, TAPS):
        address, bsuid, kind, rest = words.groups()
        theirs = update.from_user.bsuid
        yield bsuid, "-" if theirs == NOBODY else theirs
        yield address, update.from_user.wa_id or theirs
        # The payload and the title, one JSON string after the other.
        payload, end = json.JSONDecoder().raw_decode(rest)
        yield (kind, payload, json.loads(rest[end:])), ("tap", update.data, update.title)
        return
    words = re.fullmatch(r"status \[\S+\] (\S+) attempt (\S+) code (\S+)(?: price .*)?", line)
    if words and isinstance(update, pywa.types.MessageStatus):
        status, attempt, code = words.groups()
        # We do not tell a voice note that was played from one that was read.
        yield status, update.status.value.replace("played", "read")
        yield attempt, (update.tracker or "-").removeprefix("outbox:")
        yield code, str(update.error.code) if update.error else "-"
        return
    yield line, repr(update)


def main():
    compared, unread = 0, []
    for name, line in sorted(expected().items()):
        update = read((SAMPLES / name).read_bytes())
        if update is None:
            unread.append(name)
            continue
        for ours, theirs in compare(line, update):
            if ours != theirs:
                sys.exit(f"read_samples.py: {name}: we read {ours!r}, pywa {theirs!r}")
        compared += 1
    print(f"pywa reads {compared} samples as we do; {len(unread)} it does not read at all: {', '.join(unread)}")
    if compared < 11:
        sys.exit("read_samples.py: that is too few to mean anything")


main()
