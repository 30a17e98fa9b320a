"""What the walks of conformance share: a client, pods, waiting, and cases that run side by side.

A case is a function with `@case("what it holds")`; it gets a `Place`, a namespace of its own.
"""

import http.client
import json
import ssl
import subprocess
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode, urlsplit

IMAGE = "thespis.local/sample:v1"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
POINTED = "application/json-patch+json"
PATIENCE = 90

cases = []


def case(name):
    def keep(f):
        cases.append((name, f))
        return f

    return keep


class Refused(Exception):
    def __init__(self, code, status):
        super().__init__(f"{code}: {status}")
        self.code, self.status = code, status


class Api:
    """One connection a thread."""

    def __init__(self, url, ca, cert, key):
        self.host = urlsplit(url).netloc
        self.context = ssl.create_default_context(cafile=ca)
        self.context.load_cert_chain(cert, key)
        self.local = threading.local()

    def raw(self, method, path, body=None, kind="application/json", accept="application/json"):
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        for attempt in range(2):
            if not getattr(self.local, "link", None):
                self.local.link = http.client.HTTPSConnection(
                    self.host, context=self.context, timeout=PATIENCE
                )
            try:
                self.local.link.request(
                    method, path, data, {"Content-Type": kind, "Accept": accept}
                )
                answer = self.local.link.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                self.local.link = None
                if attempt:
                    raise
        return None

    def ask(self, method, path, body=None, kind="application/json"):
        code, data = self.raw(method, path, body, kind)
        value = json.loads(data) if data[:1] in (b"{", b"[") else data.decode("utf-8", "replace")
        if code >= 300:
            raise Refused(code, value)
        return value

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body):
        return self.ask("POST", path, body)

    def put(self, path, body):
        return self.ask("PUT", path, body)

    def patch(self, path, body, kind=MERGE):
        return self.ask("PATCH", path, body, kind)

    def delete(self, path, body=None):
        return self.ask("DELETE", path, body)


def same(actual, expected, what=""):
    assert actual == expected, f"{what} expected {expected!r}, got {actual!r}"


def has(text, part):
    assert part in text, f"expected {part!r} in {text!r}"


def becomes(f, seconds=PATIENCE, what=""):
    end = time.monotonic() + seconds
    while True:
        value = f()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.15)


def stays(f, seconds, what=""):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert f(), f"did not stay: {what}"
        time.sleep(0.2)


def refused(f, code, part=""):
    try:
        f()
    except Refused as e:
        same(e.code, code, e.status)
        has(json.dumps(e.status), part)
        return e.status
    raise AssertionError("was not refused")


def container(command=None, name="c", **more):
    c = {"name": name, "image": IMAGE, **more}
    if isinstance(command, str):
        c["command"] = ["sh", "-c", command]
    elif command is not None:
        c["command"] = command
    return c


def statuses(pod, kind="containerStatuses"):
    return {s["name"]: s for s in pod.get("status", {}).get(kind, [])}


def condition(pod, kind):
    for c in pod.get("status", {}).get("conditions", []):
        if c["type"] == kind:
            return c["status"]
    return None


class Place:
    """A namespace of a case's own."""

    def __init__(self, api, ns, kubeconfig):
        self.api, self.ns, self.kubeconfig = api, ns, kubeconfig
        api.post("/api/v1/namespaces", {"metadata": {"name": ns}})
        self.base = f"/api/v1/namespaces/{ns}"

    def close(self):
        try:
            for p in self.api.get(f"{self.base}/pods")["items"]:
                if p["metadata"].get("finalizers"):
                    self.api.patch(
                        f"{self.base}/pods/{p['metadata']['name']}", {"metadata": {"finalizers": None}}
                    )
            self.api.delete(
                f"{self.base}/pods", {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 1}
            )
            self.api.delete(f"/api/v1/namespaces/{self.ns}")
        except Refused:
            pass

    # --- objects
    def make(self, resource, body):
        return self.api.post(f"{self.base}/{resource}", body)

    def config(self, name, data, **more):
        return self.make("configmaps", {"metadata": {"name": name}, "data": data, **more})

    def secret(self, name, data, **more):
        return self.make("secrets", {"metadata": {"name": name}, "stringData": data, **more})

    # --- pods
    def spec(self, containers, **spec):
        if not isinstance(containers, list):
            containers = [containers]
        return {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": containers, **spec}

    def pod(self, name, containers, meta=None, **spec):
        return self.make(
            "pods",
            {"metadata": {"name": name, **(meta or {})}, "spec": self.spec(containers, **spec)},
        )

    def look(self, name):
        return self.api.get(f"{self.base}/pods/{name}")

    def gone(self, name):
        try:
            self.look(name)
            return False
        except Refused as e:
            return e.code == 404

    def until(self, name, f, seconds=PATIENCE):
        last = {}

        def holds():
            last["pod"] = self.look(name)
            return f(last["pod"]) and last["pod"]

        return becomes(
            holds, seconds, lambda: f"{name}: {json.dumps(last['pod'].get('status'))[:1500]}"
        )

    def phase(self, name, phase, seconds=PATIENCE):
        return self.until(name, lambda p: p["status"].get("phase") == phase, seconds)

    def ready(self, name, seconds=PATIENCE):
        return self.until(name, lambda p: condition(p, "Ready") == "True", seconds)

    def ended(self, name, seconds=PATIENCE):
        return self.until(name, lambda p: p["status"].get("phase") in ("Succeeded", "Failed"), seconds)

    def log(self, name, container="", **query):
        if container:
            query["container"] = container
        return self.api.raw("GET", f"{self.base}/pods/{name}/log?{urlencode(query)}", accept="*/*")[1].decode()

    def output(self, name, containers, meta=None, **spec):
        """Runs a pod to its end, which must be a good one; its first container's log."""
        self.pod(name, containers, meta, **spec)
        pod = self.ended(name)
        first = pod["spec"]["containers"][0]["name"]
        text = self.log(name, first)
        same(pod["status"]["phase"], "Succeeded", text + json.dumps(pod["status"]))
        return text

    def run(self, pod, command, container="", check=True):
        """exec in a pod; a string is for its shell."""
        words = ["sh", "-c", command] if isinstance(command, str) else command
        where = ["-c", container] if container else []
        got = subprocess.run(
            ["kubectl", "--kubeconfig", self.kubeconfig, "-n", self.ns, "exec", pod, *where, "--", *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if check:
            same(got.returncode, 0, got.stderr)
            return got.stdout
        return got

    def event(self, name, reason, part="", seconds=PATIENCE):
        def find():
            found = self.api.get(
                f"{self.base}/events?fieldSelector=" + quote(f"involvedObject.name={name},reason={reason}")
            )["items"]
            return [e for e in found if part in e.get("message", "")]

        def seen():
            return [
                (e["reason"], e["message"])
                for e in self.api.get(f"{self.base}/events")["items"]
                if e["involvedObject"]["name"] == name
            ]

        return becomes(find, seconds, lambda: f"event {reason} {part!r} among {seen()}")[0]

    def drop(self, name, seconds=None):
        body = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if seconds is not None:
            body["gracePeriodSeconds"] = seconds
        return self.api.delete(f"{self.base}/pods/{name}", body)


def run_all(api, kubeconfig, only, at_once):
    lock = threading.Lock()
    tally = {"held": 0, "failed": 0}

    def one(job):
        number, (name, f) = job
        begin, place, trouble = time.monotonic(), None, ""
        try:
            place = Place(api, f"case-{number}", kubeconfig)
            f(place)
        except Exception as e:  # whatever goes wrong is this case's failure alone
            lines = traceback.format_exc().splitlines()
            where = [l.strip() for l in lines if l.strip().startswith("File")][-2:]
            trouble = f"{type(e).__name__}: {e}\n        " + "\n        ".join(where)
        finally:
            if place:
                place.close()
        with lock:
            tally["failed" if trouble else "held"] += 1
            took = f"({time.monotonic() - begin:.1f} s)"
            print(f"  FAIL  {name} {took}\n        {trouble[:2500]}" if trouble else f"  ok    {name} {took}", flush=True)

    chosen = [(n, c) for n, c in enumerate(cases) if not only or any(o in c[0] for o in only)]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, chosen))
    print(f"{tally['held']} held, {tally['failed']} did not", flush=True)
    return 1 if tally["failed"] or not tally["held"] else 0
