"""Backups in a bucket of moto, a server that speaks S3: each promise of OPERATIONS for a folder, and each failure.

Usage: s3_backups.py BINARY, the built `postly`. Between the two stands a proxy that cuts and alters what passes.
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Requests are made without a check of their signatures until `closed`.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "1000000"

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "backups"
PREFIX = "postly/prod"
PLACE = f"s3://{BUCKET}/{PREFIX}"
FATOU = "+33612345678"
MARIE = "+33612345679"
MARKER = "a marker to find"
PART = 8 << 20
# What a backup needs, as OPERATIONS says.
ALLOWED = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"]


class Proxy(BaseHTTPRequestHandler):
    """Passes requests on, except for what `fault` does to them."""

    protocol_version = "HTTP/1.1"
    upstream = ("", 0)
    fault = staticmethod(lambda request: None)
    seen: list = []

    def log_message(self, *_):
        pass

    def handle_request(self):
        length = int(self.headers.get("content-length", 0))
        request = {"method": self.command, "path": self.path, "length": length, "headers": self.headers}
        Proxy.seen.append(request)
        fault = Proxy.fault(request)
        if fault == "cut upload":
            self.rfile.read(length // 2)
            return self.cut()
        body = self.rfile.read(length)
        if fault == "no conditions":
            answer = b"<Error><Code>NotImplemented</Code><Message>A header is not implemented</Message></Error>"
            return self.answer(501, [("Content-Type", "application/xml")], answer)
        upstream = http.client.HTTPConnection(*Proxy.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        upstream.request(self.command, self.path, body, headers)
        response = upstream.getresponse()
        content = response.read()
        headers = response.getheaders()
        upstream.close()
        if fault == "alter":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if fault == "cut download":
            self.answer(response.status, headers, content, content[: len(content) // 2])
            return self.cut()
        self.answer(response.status, headers, content)

    def answer(self, status, headers, content, sent=None):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        head = self.command == "HEAD"
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        self.send_header("Content-Length", lengths[0] if head and lengths else str(len(content)))
        self.end_headers()
        if not head:
            self.wfile.write(content if sent is None else sent)

    def cut(self):
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request


def is_copy(request, method):
    return request["method"] == method and "/postly-" in request["path"]


class Service:
    """A database with two authors, and the account at the storage."""

    def __init__(self, binary, folder, endpoint, key):
        self.binary, self.folder = binary, folder
        self.env = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": f"sqlite://{folder}/data/postly.db",
            "IDENTITY_HASH_KEY": "a-key-for-the-hashes-of-this-check",
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "AWS_REGION": "eu-west-3",
            "AWS_ENDPOINT_URL": endpoint,
        }
        (folder / "data").mkdir()
        self.run("migrate")
        for phone in (FATOU, MARIE):
            self.run("credits", "grant", "--phone", phone, "--amount", "7", "--reason", MARKER)

    def run(self, *args, code=0, env=None):
        done = subprocess.run(
            [self.binary, *args], cwd=self.folder, env={**self.env, **(env or {})}, capture_output=True, text=True, timeout=300
        )
        said = f"postly {' '.join(args)[:200]}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        assert done.returncode == code, f"{said}\n(expected {code})"
        for secret in ("AWS_SECRET_ACCESS_KEY", "IDENTITY_HASH_KEY"):
            value = {**self.env, **(env or {})}[secret]
            assert not value or value not in said, f"{secret} is shown"
        return done

    def backup(self, *more, code=0, env=None, to=PLACE):
        done = self.run("backup", "--to", to, "--json", *more, code=code, env=env)
        left = [path.name for path in (self.folder / "data").iterdir() if path.name.startswith(".postly")]
        assert not left, f"left behind: {left}"
        return json.loads(done.stdout) if code == 0 else done.stderr

    def restore(self, name, *more, source=PLACE, code=0, env=None):
        """Returns the report and the variables of the restored database, or the error."""
        target = self.folder / name / "restored.db"
        there = {**(env or {}), "DATABASE_URL": f"sqlite://{target}"}
        done = self.run("restore", "--from", source, "--verify", "--json", *more, code=code, env=there)
        left = sorted(path.name for path in target.parent.iterdir()) if target.parent.exists() else []
        assert left == (["restored.db"] if code == 0 else []), left
        return (json.loads(done.stdout), there) if code == 0 else done.stderr

    def credits(self, phone, env=None):
        return json.loads(self.run("credits", "show", "--phone", phone, "--json", env=env).stdout)["available"]


class Bucket:
    """The bucket, as its owner sees it."""

    def __init__(self, client):
        self.client = client

    def names(self, prefix=PREFIX):
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/", Delimiter="/")
        return sorted(item["Key"].rsplit("/", 1)[1] for item in listed.get("Contents", []))

    def copies(self):
        return [name for name in self.names() if name.startswith("postly-")]

    def get(self, name):
        return self.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")["Body"].read()

    def unfinished(self):
        return self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


def check(words):
    print(f"ok: {words}", flush=True)


def plain(service, bucket):
    made = service.backup()
    name = made["path"].rsplit("/", 1)[1]
    assert made["path"] == f"{PLACE}/{name}" and made["ok"] and not made["encrypted"], made
    content = bucket.get(name)
    assert len(content) == made["bytes"] and content.startswith(b"SQLite format 3\0"), made
    check(f"a copy of {made['bytes']} bytes is in the bucket")
    for source in (PLACE, f"{PLACE}/", made["path"]):
        report, env = service.restore(f"plain-{len(source)}", source=source)
        assert report["from"] == made["path"] and report["audited"], report
        assert service.credits(FATOU, env) == 7
        service.run("audit", env=env)
        assert Path(env["DATABASE_URL"][9:]).stat().st_mode & 0o777 == 0o600
    check("the newest copy and a named copy are restored and audited")
    assert "is there already" in service.backup(to=made["path"], code=2)
    one = service.backup(to=f"s3://{BUCKET}/one.db")
    assert one["path"] == f"s3://{BUCKET}/one.db", one
    assert "there is no" in service.restore("none", source=f"{PLACE}/nothing.db", code=2)
    assert "holds no copies" in service.restore("none", source=f"s3://{BUCKET}/empty", code=2)
    check("a copy is never overwritten, and a missing one is named")
    doctor = subprocess.run(
        [service.binary, "doctor", "--json"], cwd=service.folder, env=service.env, capture_output=True, text=True, timeout=120
    )
    findings = [finding["id"] for finding in json.loads(doctor.stdout)["findings"]]
    assert not [finding for finding in findings if finding.startswith("backup.")], findings
    check("doctor counts it as a backup")


def keep(service, bucket):
    for key in (f"{PREFIX}/notes.db", f"{PREFIX}/old/postly-20250101T000000000Z.db"):
        bucket.client.put_object(Bucket=BUCKET, Key=key, Body=b"not ours")
    before = bucket.copies()
    first = service.backup("--keep", "2")
    second = service.backup("--keep", "2")
    kept = bucket.copies()
    assert len(kept) == 2 and not set(kept) & set(before), kept
    assert len(first["removed"]) == len(before) - 1 and len(second["removed"]) == 1, (first, second)
    assert "notes.db" in bucket.names() and bucket.names(f"{PREFIX}/old"), bucket.names()
    check("with --keep 2 two copies remain, and everything else")


def encrypted(service, bucket):
    key = service.folder / "key.txt"
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True)
    key.write_text(made.stdout)
    public = re.search("public key: (age1[a-z0-9]+)", made.stdout).group(1)
    report = service.backup("--age-recipient", public)
    content = bucket.get(report["path"].rsplit("/", 1)[1])
    assert report["encrypted"] and content.startswith(b"age-encryption.org/v1") and MARKER.encode() not in content
    assert "--age-identity" in service.restore("sealed", code=2)
    _, env = service.restore("opened", "--age-identity", str(key))
    assert service.credits(MARIE, env) == 7
    check("an encrypted copy is opened by its key alone")


def erasures(service, bucket):
    copy = service.backup()["path"]
    service.run("users", "erase", "--phone", FATOU)
    record = bucket.get("erasures.jsonl").decode()
    assert len(record.splitlines()) >= 2 and FATOU[1:] not in record, record
    check("an erasure is recorded in the bucket at once")
    report, env = service.restore("erased", source=copy)
    assert report["erased"] == 1, report
    service.run("users", "show", "--phone", FATOU, env=env, code=1)
    service.run("users", "show", "--phone", MARIE, env=env)
    service.run("audit", env=env)
    assert "IDENTITY_HASH_KEY" in service.restore("keyless", source=copy, env={"IDENTITY_HASH_KEY": ""}, code=2)
    check("who was erased after the copy is erased again at a restore")

    phones = [f"+3361234569{digit}" for digit in range(6)]
    for phone in phones:
        service.run("credits", "grant", "--phone", phone, "--amount", "1", "--reason", MARKER)
    threads = [threading.Thread(target=service.run, args=("users", "erase", "--phone", phone)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = bucket.get("erasures.jsonl").decode().splitlines()
    authors = {line for line in lines if "author" in line}
    assert record.splitlines() == lines[: len(record.splitlines())] and len(authors) == 7, lines
    assert len(lines) == len(set(lines)), lines
    check("erasures of six processes at once are all recorded")

    service.run("credits", "grant", "--phone", FATOU, "--amount", "7", "--reason", MARKER)
    other = json.dumps({"author": "0" * 64}, separators=(",", ":"))

    def write_first(request):
        """Another process writes the record after it was read and before it is written."""
        if request["method"] == "PUT" and request["path"].endswith("erasures.jsonl"):
            Proxy.fault = staticmethod(lambda request: None)
            body = bucket.get("erasures.jsonl") + other.encode() + b"\n"
            bucket.client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/erasures.jsonl", Body=body)

    Proxy.fault = staticmethod(write_first)
    service.run("users", "erase", "--phone", FATOU)
    added = bucket.get("erasures.jsonl").decode().splitlines()
    assert added[: len(lines) + 1] == [*lines, other] and len(added) > len(lines) + 1, added
    lines = added
    check("the record of another process is not overwritten")

    service.run("credits", "grant", "--phone", FATOU, "--amount", "7", "--reason", MARKER)
    Proxy.fault = staticmethod(
        lambda request: "no conditions" if {"if-match", "if-none-match"} & set(map(str.lower, request["headers"])) else None
    )
    service.run("users", "erase", "--phone", FATOU)
    Proxy.fault = staticmethod(lambda request: None)
    assert len(bucket.get("erasures.jsonl").decode().splitlines()) > len(lines)
    check("a storage without conditional writes keeps the record, too")

    service.run("credits", "grant", "--phone", FATOU, "--amount", "7", "--reason", MARKER)
    lines = bucket.get("erasures.jsonl")
    done = service.run("users", "erase", "--phone", FATOU, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert "the next backup does it" in done.stderr and bucket.get("erasures.jsonl") == lines, done.stderr
    service.backup()
    assert len(bucket.get("erasures.jsonl")) > len(lines)
    check("an erasure without the storage is recorded by the next backup")


def faults(service, bucket):
    before = bucket.names()

    def unchanged(words, more=("--keep", "1"), code=1, env=None):
        said = service.backup(*more, code=code, env=env)
        assert words in said, said
        assert bucket.names() == before and not bucket.unfinished(), bucket.names()

    cuts = []

    def cut_once(request):
        if is_copy(request, "PUT") and not cuts:
            cuts.append(request)
            return "cut upload"

    Proxy.fault = staticmethod(cut_once)
    service.backup()
    assert cuts
    check("an upload that is cut once is tried again")
    before = bucket.names()
    Proxy.fault = staticmethod(lambda request: "cut upload" if is_copy(request, "PUT") else None)
    unchanged("the connection to the storage broke")
    check("an upload that is always cut leaves the older copies and no other trace")
    Proxy.fault = staticmethod(lambda request: "alter" if is_copy(request, "GET") else None)
    unchanged("differs from what was uploaded: it was removed")
    check("a copy that reads back otherwise is removed, and the older copies remain")
    Proxy.fault = staticmethod(lambda request: "cut download" if is_copy(request, "GET") else None)
    service.restore("cut", code=1)
    check("a download that is cut restores nothing")
    Proxy.fault = staticmethod(lambda request: None)


def large(service, bucket):
    for _ in range(160):
        note = os.urandom(55_000).hex()
        service.run("credits", "grant", "--phone", MARIE, "--amount", "1", "--reason", note)
    Proxy.seen.clear()
    made = service.backup()
    parts = [request["length"] for request in Proxy.seen if request["method"] == "PUT" and "partNumber" in request["path"]]
    assert made["bytes"] > 2 * PART and len(parts) == -(-made["bytes"] // PART), (made, parts)
    assert max(request["length"] for request in Proxy.seen) == PART and sum(parts) == made["bytes"], parts
    _, env = service.restore("large", source=made["path"])
    assert service.credits(MARIE, env) == 167
    check(f"a copy of {made['bytes']} bytes is uploaded in {len(parts)} parts, and restored")
    before = bucket.names()
    Proxy.fault = staticmethod(lambda request: "cut upload" if "partNumber=2" in request["path"] else None)
    said = service.backup("--keep", "1", code=1)
    Proxy.fault = staticmethod(lambda request: None)
    assert "the connection to the storage broke" in said and bucket.names() == before, said
    assert not bucket.unfinished(), bucket.unfinished()
    check("an upload that is cut in its second part leaves no part")


def refusals(service, bucket, keys):
    before = bucket.names()
    unknown = service.backup(code=2, env={"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"})
    assert "InvalidAccessKeyId" in unknown and "AWS_ACCESS_KEY_ID" in unknown, unknown
    wrong = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    refused = service.backup(code=2, env={"AWS_SECRET_ACCESS_KEY": wrong})
    assert "SignatureDoesNotMatch" in refused and wrong not in refused, refused
    assert "SignatureDoesNotMatch" in service.restore("refused", code=2, env={"AWS_SECRET_ACCESS_KEY": wrong})
    check("wrong credentials are refused without being shown")
    denied = service.backup(to="s3://elsewhere/postly", code=2)
    assert "s3:ListBucket" in denied, denied
    owner = {"AWS_ACCESS_KEY_ID": keys["owner"]["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["owner"]["SecretAccessKey"]}
    missing = service.backup(to="s3://elsewhere/postly", code=2, env=owner)
    assert "there is no bucket elsewhere" in missing, missing
    assert "there is no bucket elsewhere" in service.restore("missing", source="s3://elsewhere/postly", code=2, env=owner)
    check("a bucket that is missing, or is not ours, is named")
    assert bucket.names() == before
    adder = {"AWS_ACCESS_KEY_ID": keys["adder"]["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["adder"]["SecretAccessKey"]}
    service.backup(env=adder)
    assert "s3:DeleteObject" in service.backup("--keep", "1", code=2, env=adder)
    assert len(bucket.names()) == len(before) + 2
    check("credentials that may not delete make copies, and remove none")


def main():
    if shutil.which("age") is None:
        sys.exit("install age (Debian: apt-get install age)")
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    Proxy.upstream = moto.get_host_and_port()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    direct = "http://{}:{}".format(*Proxy.upstream)
    root = {"endpoint_url": direct, "region_name": "eu-west-3", "aws_access_key_id": "root", "aws_secret_access_key": "root"}
    iam = boto3.client("iam", **root)
    boto3.client("s3", **root).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    ours = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    keys = {}
    for user, actions, resources in [
        ("postly", ALLOWED, ours),
        ("adder", [action for action in ALLOWED if action != "s3:DeleteObject"], ours),
        ("owner", ["s3:*"], ["*"]),
    ]:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
        iam.create_user(UserName=user)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName=user, PolicyDocument=policy)
        keys[user] = iam.create_access_key(UserName=user)["AccessKey"]
    owner = {
        **root,
        "aws_access_key_id": keys["owner"]["AccessKeyId"],
        "aws_secret_access_key": keys["owner"]["SecretAccessKey"],
    }
    bucket = Bucket(boto3.client("s3", **owner))
    closed = http.client.HTTPConnection(*Proxy.upstream)
    closed.request("POST", "/moto-api/reset-auth", "0")
    assert closed.getresponse().status == 200
    with tempfile.TemporaryDirectory(prefix="postly-s3-") as folder:
        endpoint = "http://{}:{}".format(*server.server_address)
        service = Service(sys.argv[1], Path(folder), endpoint, keys["postly"])
        plain(service, bucket)
        keep(service, bucket)
        encrypted(service, bucket)
        erasures(service, bucket)
        faults(service, bucket)
        large(service, bucket)
        refusals(service, bucket, keys)
    server.shutdown()
    moto.stop()


main()
