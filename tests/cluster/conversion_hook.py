#!/usr/bin/env python3
"""A conversion webhook for the tests: v1 has spec.host and spec.port, v2 has spec.address.

usage: conversion_hook.py PORT CERTIFICATE KEY
"""
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def convert(obj, version):
    spec = obj.setdefault("spec", {})
    if version.endswith("/v2") and "host" in spec:
        spec["address"] = f"{spec.pop('host')}:{spec.pop('port', 80)}"
    elif version.endswith("/v1") and "address" in spec:
        host, port = spec.pop("address").rsplit(":", 1)
        spec["host"], spec["port"] = host, int(port)
    obj["apiVersion"] = version
    return obj


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ask = review["request"]
        answer = {"uid": ask["uid"], "result": {"status": "Success"}}
        if any(o["metadata"]["name"] == "cursed" for o in ask["objects"]):
            answer["result"] = {"status": "Failed", "message": "it is cursed"}
        else:
            answer["convertedObjects"] = [
                convert(o, ask["desiredAPIVersion"]) for o in ask["objects"]
            ]
        body = json.dumps(
            {"kind": review["kind"], "apiVersion": review["apiVersion"], "response": answer}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
