"""What a typed Go client sends and reads on the wire: protobuf bodies, answers and watch frames.

go_wire.py URL CA CERT KEY
"""

import http.client
import json
import ssl
import struct
import sys
from urllib.parse import urlsplit

from checks import check, finish, same

url, ca, cert, key = sys.argv[1:5]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
host = urlsplit(url).netloc
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPT = PROTOBUF + ",application/json"
MAPS = "/api/v1/namespaces/default/configmaps"


def ask(method, path, body=None, headers=None):
    connection = http.client.HTTPSConnection(host, context=context, timeout=30)
    connection.request(method, path, body, {"Accept": ACCEPT, **(headers or {})})
    return connection.getresponse()


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The fields of a message, lists of values by number."""
    out, at = {}, 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            n |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                return n

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            value = number()
        else:
            same(tag & 7, 2)
            size = number()
            value = data[at : at + size]
            same(len(value), size)
            at += size
        out.setdefault(tag >> 3, []).append(value)
    return out


def envelope(api_version, kind, message):
    meta = field(1, api_version) + field(2, kind)
    return b"k8s\0" + field(1, meta) + field(2, message) + field(3, "") + field(4, "")


def opened(data):
    same(data[:4], b"k8s\0")
    unknown = fields(data[4:])
    meta = fields(unknown[1][0])
    return meta[1][0].decode(), meta[2][0].decode(), fields(unknown[2][0])


def go_config_map(name):
    # Go writes every plain field, set or not; creationTimestamp (8) as an empty message.
    metadata = (
        field(1, name) + field(2, "") + field(3, "") + field(4, "") + field(5, "")
        + field(6, "") + field(7, 0) + field(8, b"") + field(11, field(1, "go") + field(2, "yes"))
    )
    return field(1, metadata) + field(2, field(1, "k") + field(2, "v"))


def create():
    body = envelope("v1", "ConfigMap", go_config_map("go-1"))
    answer = ask("POST", MAPS, body, {"Content-Type": PROTOBUF})
    same(answer.status, 201)
    same(answer.getheader("Content-Type"), PROTOBUF)
    version, kind, made = opened(answer.read())
    same((version, kind), ("v1", "ConfigMap"))
    metadata = fields(made[1][0])
    same(metadata[1], [b"go-1"])
    same(len(metadata[5][0]), 36)
    same(fields(made[2][0]), {1: [b"k"], 2: [b"v"]})
    seconds = fields(metadata[8][0])[1][0]
    assert seconds > 1_600_000_000, seconds


def read_list():
    version, kind, found = opened(ask("GET", MAPS + "?labelSelector=go%3Dyes").read())
    same((version, kind), ("v1", "ConfigMapList"))
    same(len(found[2]), 1)
    same(fields(fields(found[2][0])[1][0])[1], [b"go-1"])
    assert int(fields(found[1][0])[2][0]) > 0


def failure():
    answer = ask("GET", MAPS + "/none")
    same(answer.status, 404)
    version, kind, status = opened(answer.read())
    same((version, kind), ("v1", "Status"))
    same(status[4], [b"NotFound"])
    same(status[6], [404])


def watch_frames():
    answer = ask("GET", MAPS + "?watch=true&timeoutSeconds=1&labelSelector=go%3Dyes"
                 "&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")
    same(answer.getheader("Content-Type"), PROTOBUF + ";stream=watch")
    types = []
    data = answer.read()
    while data:
        (size,) = struct.unpack(">I", data[:4])
        event = fields(data[4 : 4 + size])
        data = data[4 + size :]
        version, kind, message = opened(fields(event[2][0])[1][0])
        same((version, kind), ("v1", "ConfigMap"))
        types.append(event[1][0])
        if event[1][0] == b"BOOKMARK":
            marks = [fields(a) for a in fields(message[1][0])[12]]
            same(marks, [{1: [b"k8s.io/initial-events-end"], 2: [b"true"]}])
    same(types, [b"ADDED", b"BOOKMARK"])


def metadata_only():
    answer = ask("GET", MAPS, headers={"Accept": PROTOBUF + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"})
    version, kind, found = opened(answer.read())
    same((version, kind), ("meta.k8s.io/v1", "PartialObjectMetadataList"))
    assert all(list(fields(item)) == [1] for item in found[2]), "more than metadata"


def scale():
    template = field(1, field(11, field(1, "a") + field(2, "b"))) + field(
        2, field(2, field(1, "c") + field(2, "image"))
    )
    spec = field(1, 0) + field(2, field(1, field(1, "a") + field(2, "b"))) + field(3, template)
    path = "/apis/apps/v1/namespaces/default/deployments"
    body = envelope("apps/v1", "Deployment", field(1, field(1, "go")) + field(2, spec))
    answer = ask("POST", path, body, {"Content-Type": PROTOBUF})
    same(answer.status, 201)
    answer.read()
    version, kind, got = opened(ask("GET", path + "/go/scale").read())
    same((version, kind), ("autoscaling/v1", "Scale"))
    got = fields(got[1][0])
    body = envelope("autoscaling/v1", "Scale",
                    field(1, field(1, "go") + field(3, "default")) + field(2, field(1, 2)))
    answer = ask("PUT", path + "/go/scale", body, {"Content-Type": PROTOBUF})
    same(answer.status, 200)
    same(fields(opened(answer.read())[2][2][0]), {1: [2]})


def delete():
    options = envelope("v1", "DeleteOptions", field(4, "Background"))
    for path in (MAPS + "/go-1", "/apis/apps/v1/namespaces/default/deployments/go"):
        answer = ask("DELETE", path, options, {"Content-Type": PROTOBUF})
        same(answer.status, 200)
        same(opened(answer.read())[1], "Status")


def json_only():
    table = ask("GET", MAPS, headers={"Accept": PROTOBUF + ";as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1"})
    same(json.loads(table.read())["kind"], "Table")
    cbor = ask("POST", MAPS, b"\xa0", {"Content-Type": "application/cbor"})
    same(cbor.status, 415)
    cbor = ask("GET", MAPS, headers={"Accept": "application/cbor"})
    same(cbor.status, 406)


check("create", create)
check("list", read_list)
check("a failure is a Status", failure)
check("watch frames, initial events and their bookmark", watch_frames)
check("metadata only", metadata_only)
check("scale", scale)
check("delete", delete)
check("tables are JSON, CBOR is refused", json_only)
finish()
