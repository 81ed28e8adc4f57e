"""Files in a real bucket: SeaweedFS with its own check of signatures, right and wrong credentials, and faults on the way."""

import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from conftest import Server, run

ACCESS_KEY, SECRET_KEY = "ci", "a-secret-of-the-bucket"
READY_WITHIN_S = 90
# What a fault gives to end a connection as a machine does that knows nothing of it, not as one that has said all.
RESET = object()
RANGE = re.compile(rb"(?im)^range: bytes=(\d+)-(\d+)")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def weed():
    found = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, "SeaweedFS comes with tests/requirements.txt"
    return found


def sha256(content):
    return "1220" + hashlib.sha256(content).hexdigest()


class Proxy:
    """Passes connections on to the bucket and does damage to answers as `fault` says: a function of what is sent back,
    which gives the bytes to pass on, or None to break off, or RESET. The first and the last byte of each part that was
    asked for are in `ranges`."""

    def __init__(self, port):
        self.target, self.fault, self.count, self.ranges = port, None, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            self.count += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self.copy, args=(client, server, False), daemon=True).start()
        self.copy(server, client, True)

    def copy(self, source, target, is_answer):
        try:
            while data := source.recv(65_536):
                if not is_answer:
                    self.ranges += [(int(first), int(last)) for first, last in RANGE.findall(data)]
                # Looked up each time: connections are kept and used again.
                elif self.fault:
                    data = self.fault(data)
                    if data is None:
                        break
                    if data is RESET:
                        reset(target)
                        break
                target.sendall(data)
        except OSError:
            pass
        # Whoever asks is left to the other direction, which may have to end without a farewell.
        for end in (source, target) if is_answer else (target,):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def reset(connection):
    """Ends a connection by a reset."""
    # What was passed on is let arrive: a reset may overtake it.
    time.sleep(0.2)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Wakes whoever reads from it, without which it stays open.
    connection.shutdown(socket.SHUT_RD)
    connection.close()


def cut_after(size, times, how=None):
    """A fault that ends answers after so many bytes, so many times."""
    passed, left = 0, times

    def fault(data):
        nonlocal passed, left
        passed += len(data)
        if left > 0 and passed > size:
            passed, left = 0, left - 1
            return how
        return data
    return fault


def lie_after(size, told, lie):
    """A fault that ends an answer after so many bytes and puts a lie in the place of what later ones tell; the lies."""
    cut, is_cut, lies = cut_after(size, 1), False, []

    def fault(data):
        nonlocal is_cut
        data = cut(data)
        if data is None:
            is_cut = True
        elif is_cut:
            data, count = re.subn(told, lie, data)
            lies.extend([lie] * count)
        return data
    return fault, lies


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """A SeaweedFS with one bucket; its port."""
    folder = tmp_path_factory.mktemp("weed")
    identity = {"name": "ci", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    s3, master, volume, filer, *grpc = free_ports(8)
    (folder / "data").mkdir()
    command = [
        weed(), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.port={s3}",
        f"-s3.config={folder / 's3.json'}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
        f"-master.port.grpc={grpc[0]}", f"-volume.port.grpc={grpc[1]}", f"-filer.port.grpc={grpc[2]}", f"-s3.port.grpc={grpc[3]}",
        "-volume.max=20", "-master.volumeSizeLimitMB=64"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + READY_WITHIN_S
        while signed("PUT", s3, "/files").status_code not in (200, 409):
            assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()[-3_000:]
            time.sleep(0.3)
        # The first volumes are made when they are needed, which may take longer than a first write waits.
        while signed("PUT", s3, "/files/ready", b"x").status_code != 200:
            assert time.monotonic() < end, (folder / "log").read_text()[-3_000:]
            time.sleep(0.3)
        yield s3
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


def signed(method, port, path, body=b""):
    """A request with a signature of version 4, written out: a second reading of what the service does with a library."""
    import hmac

    now = time.gmtime()
    day, moment, host = time.strftime("%Y%m%d", now), time.strftime("%Y%m%dT%H%M%SZ", now), f"127.0.0.1:{port}"
    digest = hashlib.sha256(body).hexdigest()
    names = "host;x-amz-content-sha256;x-amz-date"
    canonical = f"{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{moment}\n\n{names}\n{digest}"
    scope = f"{day}/us-east-1/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers = {"x-amz-date": moment, "x-amz-content-sha256": digest,
               "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={key.hex()}"}
    try:
        return requests.request(method, f"http://{host}{path}", data=body, headers=headers, timeout=20)
    except requests.ConnectionError:
        answer = requests.Response()
        answer.status_code = 0
        return answer


class Service:
    """A server with the bucket as its store, and a collection."""

    def __init__(self, folder, port, secret=SECRET_KEY, limits=None, **more):
        data = folder / "data"
        key = run("admin", "key", "create", "--data", data, "--user", "me", "--role", "operator").splitlines()[-1].strip()
        settings = {"kind": "s3", "endpoint": f"http://127.0.0.1:{port}", "bucket": "files", "access_key": ACCESS_KEY,
                    "secret_key": secret, "writable": "true", **more}
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        bounds = [f"{name} = {value}" for name, value in (limits or {}).items()]
        (data / "nilometer.toml").write_text("\n".join(["[stores.bucket]", *lines, "[limits]", *bounds]))
        self.server = Server(data)
        self.url = f"{self.server.url}/collections/c/items"
        self.session = requests.Session()
        self.session.headers["x-api-key"] = key
        self.session.post(f"{self.server.url}/collections", json={"id": "c"}, timeout=60).raise_for_status()

    def put_item(self, id, assets):
        item = {"type": "Feature", "id": id, "geometry": None, "properties": {"datetime": "2024-01-01T00:00:00Z"}, "assets": assets}
        self.session.put(f"{self.url}/{id}", json=item, timeout=60).raise_for_status()

    def upload(self, id, key, content, **parameters):
        return self.session.put(f"{self.url}/{id}/assets/{key}", data=content, params=parameters, timeout=120)

    def get(self, id, key, **headers):
        return self.session.get(f"{self.url}/{id}/assets/{key}", headers=headers, timeout=120)

    def come(self, id, key):
        """All that comes of a file, to the last byte, whether it ends or breaks off: status, announced bytes, bytes."""
        address = urlsplit(f"{self.url}/{id}/assets/{key}")
        connection = http.client.HTTPConnection(address.netloc, timeout=120)
        connection.request("GET", address.path, headers={"x-api-key": self.session.headers["x-api-key"]})
        answer, got = connection.getresponse(), bytearray()
        try:
            while piece := answer.read1(65_536):
                got += piece
        except ConnectionError:
            pass
        connection.close()
        return answer.status, int(answer.headers["content-length"]), bytes(got)

    def end(self):
        self.server.process.kill()
        self.server.process.wait()


@pytest.fixture
def service(bucket, tmp_path):
    """A server that reaches the bucket."""
    service = Service(tmp_path, bucket)
    service.put_item("i", {})
    yield service
    service.server.stop()


@pytest.fixture
def damaged(bucket, tmp_path):
    """A way to the bucket that may do damage, and a server that has no other."""
    proxy = Proxy(bucket)
    service = Service(tmp_path, proxy.port)
    yield proxy, service
    service.end()


def broken_off(service, id, key, content):
    """A file breaks off, and what came of it is the beginning of this content."""
    status, size, got = service.come(id, key)
    assert (status, size) == (200, len(content))
    assert 0 < len(got) < size and content.startswith(got), f"{len(got)} of {size} bytes"


def test_files_go_in_and_come_out_whole_and_in_part(service, bucket):
    for size in (0, 5, 3_000_000, 20_000_000):
        content = random.Random(size).randbytes(size)
        wrong = service.upload("i", f"n{size}", content, **{"file:checksum": sha256(b"another")})
        assert wrong.status_code == 400, wrong.text
        made = service.upload("i", f"n{size}", content, **{"file:checksum": sha256(content)})
        assert made.status_code == 201, made.text
        assert made.json()["file:size"] == size
        got = service.get("i", f"n{size}")
        assert got.status_code == 200 and got.content == content
        assert got.headers["content-length"] == str(size) and got.headers["etag"].startswith('"')
        if size > 100:
            part = service.get("i", f"n{size}", **{"range": "bytes=100-199", "if-range": got.headers["etag"]})
            assert part.status_code == 206 and part.content == content[100:200]
            tail = service.get("i", f"n{size}", range="bytes=-7")
            assert tail.status_code == 206 and tail.content == content[-7:]
    head = service.session.head(f"{service.url}/i/assets/n5", timeout=60)
    assert head.status_code == 200 and head.headers["content-length"] == "5"
    # What was refused is not there, and what was replaced is gone.
    assert service.upload("i", "n5", b"new", **{"file:checksum": sha256(b"new")}).status_code == 200
    assert service.get("i", "n5").content == b"new"
    listed = signed("GET", bucket, "/files").text
    assert listed.count("/n5<") == 1 and listed.count("/n3000000<") == 1, listed


def test_keys_are_taken_as_they_are(service, bucket):
    assert signed("PUT", bucket, "/files/2024/a.nc", b"abc").status_code == 200
    service.put_item("j", {"a": {"href": "2024/a.nc"}, "b": {"href": "store://bucket/2024/b.nc"}, "c": {"href": "../files/2024/a.nc"}})
    assert service.get("j", "a").content == b"abc"
    assert service.get("j", "b").status_code == 404
    assert service.get("j", "c").status_code == 404


def test_a_wrong_secret_gives_nothing_and_says_nothing(bucket, tmp_path):
    service = Service(tmp_path, bucket, secret="not-the-secret-canary")
    try:
        service.put_item("i", {"a": {"href": "ready"}})
        assert service.get("i", "a").status_code == 503
        assert service.upload("i", "b", b"abc").status_code == 503
        assert "canary" not in service.server.text() and "canary" not in service.get("i", "a").text
    finally:
        service.end()


def test_callers_are_sent_to_the_bucket_where_the_store_says_so(bucket, tmp_path):
    service = Service(tmp_path, bucket, presign="true", prefix="below")
    try:
        service.put_item("i", {})
        assert service.upload("i", "a.nc", b"abc").status_code == 201
        address = f"{service.url}/i/assets/a.nc"
        assert requests.get(address, timeout=60).status_code == 401
        sent_on = service.session.get(address, allow_redirects=False, timeout=60)
        assert sent_on.status_code == 307 and "no-store" in sent_on.headers["cache-control"]
        location = sent_on.headers["location"]
        assert "/files/below/" in location and "X-Amz-Expires=900" in location and SECRET_KEY not in location
        # Whoever has the address gets the file; a changed one gives nothing.
        assert requests.get(location, timeout=60).content == b"abc"
        assert requests.get(location.replace("X-Amz-Expires=900", "X-Amz-Expires=9000"), timeout=60).status_code == 403
        head = service.session.head(address, timeout=60)
        assert head.status_code == 200 and head.headers["content-length"] == "3"
    finally:
        service.end()


def test_faults_on_the_way_are_repeated_and_never_served(bucket, damaged):
    proxy, service = damaged
    content = random.Random(7).randbytes(6_000_000)
    assert signed("PUT", bucket, "/files/large.nc", content).status_code == 200
    service.put_item("i", {"a": {"href": "large.nc", "file:size": len(content), "file:checksum": sha256(content)}})
    assert service.get("i", "a").content == content

    proxy.fault = cut_after(1_000_000, 2)
    got = service.get("i", "a")
    assert got.status_code == 200 and got.content == content

    # More often than it asks again.
    proxy.ranges.clear()
    proxy.fault = cut_after(1_000_000, 10)
    broken_off(service, "i", "a", content)
    assert len(proxy.ranges) == 4, proxy.ranges

    # A bit that flips: the last bytes are withheld.
    passed = [0]

    def flip(data):
        before, passed[0] = passed[0], passed[0] + len(data)
        return data[:-1] + bytes([data[-1] ^ 1]) if before < 2_000_000 <= passed[0] else data
    proxy.fault = flip
    with pytest.raises(requests.exceptions.RequestException):
        service.get("i", "a")

    proxy.fault = lambda data: b"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    before = proxy.count
    assert service.get("i", "a").status_code == 503
    assert proxy.count - before <= 4
    proxy.fault = None
    assert service.get("i", "a").content == content


def test_a_reset_connection_is_resumed_at_the_byte_that_was_reached(bucket, damaged):
    proxy, service = damaged
    content = random.Random(8).randbytes(6_000_000)
    assert signed("PUT", bucket, "/files/reset.nc", content).status_code == 200
    # Without a checksum: the bytes are right because the right ones are asked for.
    service.put_item("i", {"a": {"href": "reset.nc"}})
    proxy.fault = cut_after(1_000_000, 2, RESET)
    assert service.come("i", "a") == (200, len(content), content)
    starts, ends = zip(*proxy.ranges)
    assert starts[0] == 0 < starts[1] < starts[2] and set(ends) == {len(content) - 1}, proxy.ranges


def test_two_states_of_a_file_are_never_mixed(bucket, damaged):
    proxy, service = damaged
    # As long as each other, and no checksum: the bucket's tags alone tell them apart.
    first, second, third = (random.Random(seed).randbytes(6_000_000) for seed in (9, 10, 11))

    def put(content):
        return signed("PUT", bucket, "/files/changing.nc", content).status_code == 200
    assert put(first)
    service.put_item("i", {"a": {"href": "changing.nc"}})

    cut, is_changed = cut_after(1_000_000, 1), False

    def change(data):
        nonlocal is_changed
        data = cut(data)
        if data is None:
            is_changed = put(second)
        return data
    proxy.fault = change
    broken_off(service, "i", "a", first)
    assert is_changed and [start > 0 for start, _ in proxy.ranges] == [False, True], proxy.ranges

    # A bucket that is asked for one state and gives another, whose bytes are right but by chance.
    proxy.fault, lies = lie_after(1_000_000, rb'(?i)(\r\netag: ")[^"]*', rb"\1another")
    broken_off(service, "i", "a", second)
    assert len(lies) == 1

    # Nor by a caller who resumes.
    proxy.fault = None
    begun = service.get("i", "a", range="bytes=0-999999")
    assert begun.status_code == 206 and begun.content == second[:1_000_000]
    assert put(third)
    rest = {"range": "bytes=1000000-", "if-range": begun.headers["etag"]}
    anew = service.get("i", "a", **rest)
    assert anew.status_code == 200 and anew.content == third and anew.headers["etag"] != begun.headers["etag"]
    again = service.get("i", "a", **{**rest, "if-range": anew.headers["etag"]})
    assert again.status_code == 206 and again.content == third[1_000_000:]


def test_a_resume_that_is_answered_with_another_range_is_never_served(bucket, damaged):
    proxy, service = damaged
    content = random.Random(13).randbytes(6_000_000)
    assert signed("PUT", bucket, "/files/shifted.nc", content).status_code == 200
    # Without a checksum, and with the right tag: only what the answer says of its range is wrong.
    service.put_item("i", {"a": {"href": "shifted.nc"}})
    proxy.fault, lies = lie_after(1_000_000, rb"(?i)(\r\ncontent-range: bytes )\d+", rb"\g<1>0")
    broken_off(service, "i", "a", content)
    assert lies


def test_a_slow_bucket_gives_whole_files_and_a_silent_one_is_given_up(bucket, tmp_path):
    content = random.Random(12).randbytes(1_000_000)
    assert signed("PUT", bucket, "/files/slow.nc", content).status_code == 200
    proxy, end = Proxy(bucket), threading.Event()
    # Neither bounds how long a file takes on its way.
    service = Service(tmp_path, proxy.port, limits={"request_timeout_s": 2, "body_idle_timeout_s": 1})
    try:
        service.put_item("i", {"a": {"href": "slow.nc"}})
        passed, pauses = 0, 0

        def slow(data):
            nonlocal passed, pauses
            passed += len(data)
            is_long = pauses == 0 and passed > 500_000
            pauses += is_long
            time.sleep(2.2 if is_long else 0.02)
            return data
        proxy.fault = slow
        assert service.come("i", "a") == (200, len(content), content)
        assert pauses == 1

        proxy.fault = lambda data: end.wait(60) and None
        answer = service.get("i", "a")
        assert answer.status_code == 504 and answer.headers["content-type"].startswith("application/problem+json")
        # The limit of requests, not the store's own.
        assert answer.json()["type"].endswith("/timeout"), answer.text
        end.set()
        proxy.fault = None
        assert service.get("i", "a").content == content
    finally:
        end.set()
        service.end()


def test_a_bucket_that_is_gone_is_a_503(tmp_path):
    [port] = free_ports(1)
    service = Service(tmp_path, port)
    try:
        service.put_item("i", {"a": {"href": "x"}})
        answer = service.get("i", "a")
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert answer.headers["content-type"].startswith("application/problem+json")
    finally:
        service.end()
