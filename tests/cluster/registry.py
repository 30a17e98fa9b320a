#!/usr/bin/env python3
"""An image registry that gives one image to one user: registry.py ARCHIVE PORT USER PASSWORD

ARCHIVE is a tar of an OCI image layout; whatever the repository is called, its tags are that image.
"""
import base64
import http.server
import json
import sys
import tarfile

archive, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
blobs = {}
with tarfile.open(archive) as tar:
    for member in tar.getmembers():
        parts = member.name.lstrip("./").split("/")
        if parts[0] == "blobs" and member.isfile():
            blobs["sha256:" + parts[-1]] = tar.extractfile(member).read()
        elif parts == ["index.json"]:
            index = json.load(tar.extractfile(member))
manifest = index["manifests"][0]
wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind, body = "application/octet-stream", b""
        if "/manifests/" in self.path:
            name = self.path.rsplit("/", 1)[1]
            digest = name if name.startswith("sha256:") else manifest["digest"]
            kind = manifest.get("mediaType", "application/vnd.oci.image.manifest.v1+json")
            body = blobs.get(digest)
        elif "/blobs/" in self.path:
            digest = self.path.rsplit("/", 1)[1]
            body = blobs.get(digest)
        else:
            digest = ""
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Registry).serve_forever()
