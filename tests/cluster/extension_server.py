#!/usr/bin/env python3
"""An extension API server of one resource: `fishes` of sea.example.com/v1.

  extension_server.py ADDRESS PORT CERTIFICATE KEY CLIENT_CA

It believes what it is told of its clients only from a certificate of CLIENT_CA, keeps objects in
memory, watches by polling itself, describes itself in OpenAPI v2, and answers
/apis/sea.example.com/v1/whoami with who asks.
"""
import http.server
import json
import ssl
import sys
import threading

GROUP, VERSION = "sea.example.com", "v1"
ROOT = f"/apis/{GROUP}/{VERSION}"
changed = threading.Condition()
objects, events, revision = {}, [], 0


def note(kind, obj):
    global revision
    revision += 1
    obj["metadata"]["resourceVersion"] = str(revision)
    events.append((kind, json.loads(json.dumps(obj))))
    changed.notify_all()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, code, value, headers=()):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers:
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def status(self, code, reason, message):
        self.say(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                        "reason": reason, "message": message, "metadata": {}})

    def resources(self):
        verbs = ["create", "delete", "get", "list", "watch"]
        self.say(200, {
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{VERSION}",
            "resources": [
                {"name": "fishes", "singularName": "fish", "namespaced": True, "kind": "Fish",
                 "verbs": verbs, "shortNames": ["fi"]},
                {"name": "fishes/status", "singularName": "", "namespaced": True, "kind": "Fish",
                 "verbs": ["get"]}]})

    def openapi(self):
        fish = {"$ref": "#/definitions/com.example.sea.v1.Fish"}
        self.say(200, {
            "swagger": "2.0", "info": {"title": "Sea", "version": VERSION},
            "paths": {f"{ROOT}/namespaces/{{namespace}}/fishes": {"post": {
                "parameters": [{"name": "body", "in": "body", "schema": fish}],
                "responses": {"200": {"description": "OK", "schema": fish}}}}},
            "definitions": {"com.example.sea.v1.Fish": {
                "type": "object", "description": "A fish as the sea describes it.",
                "x-kubernetes-group-version-kind": [
                    {"group": GROUP, "version": VERSION, "kind": "Fish"}]}}})

    def watch(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        at = 0
        while True:
            with changed:
                while at == len(events):
                    changed.wait(30)
                kind, obj = events[at]
                at += 1
            line = (json.dumps({"type": kind, "object": obj}) + "\n").encode()
            try:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            except OSError:
                return

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        subject = dict(part[0] for part in self.connection.getpeercert().get("subject", ()))
        if subject.get("commonName") != "front-proxy-client":
            return self.status(401, "Unauthorized", "not the front proxy")
        path, _, query = self.path.partition("?")
        parts = path.removeprefix(ROOT).strip("/").split("/")
        if path == ROOT:
            return self.resources()
        if path == "/openapi/v2":
            return self.openapi()
        if path == ROOT + "/whoami":
            return self.say(200, {
                "user": self.headers.get("X-Remote-User"),
                "groups": self.headers.get_all("X-Remote-Group", []),
                "extra": {k.lower(): v for k, v in self.headers.items()
                          if k.lower().startswith("x-remote-extra-")},
                "authorization": self.headers.get("Authorization")})
        if path == ROOT + "/elsewhere":
            return self.say(302, {}, [("Location", "https://elsewhere.example/")])
        if parts[0] == "fishes" and len(parts) == 1:
            parts = ["namespaces", None, "fishes"]
        if len(parts) < 3 or parts[0] != "namespaces" or parts[2] != "fishes":
            return self.status(404, "NotFound", "the server could not find the requested resource")
        return self.fishes(parts[1], parts[3] if len(parts) > 3 else None, query, body)

    def fishes(self, namespace, name, query, body):
        if self.command == "GET" and name is None:
            if "watch=true" in query or "watch=1" in query:
                return self.watch()
            with changed:
                items = [o for (ns, _), o in sorted(objects.items()) if namespace in (None, ns)]
                return self.say(200, {"kind": "FishList", "apiVersion": f"{GROUP}/{VERSION}",
                                      "metadata": {"resourceVersion": str(revision)},
                                      "items": items})
        if self.command == "POST":
            obj = json.loads(body)
            obj["metadata"]["namespace"] = namespace
            obj["metadata"]["uid"] = "fish-" + obj["metadata"]["name"]
            obj["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
            with changed:
                objects[(namespace, obj["metadata"]["name"])] = obj
                note("ADDED", obj)
            return self.say(201, obj)
        with changed:
            obj = objects.get((namespace, name))
            if obj is None:
                return self.status(404, "NotFound", f'fishes.{GROUP} "{name}" not found')
            if self.command == "DELETE":
                del objects[(namespace, name)]
                note("DELETED", obj)
        return self.say(200, obj)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


def main():
    address, port, certificate, key, client_ca = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
