"""Every operation on every resource that discovery names, as conformance suites walk them: dry runs,
the four kinds of patch, updates, subresources, selections, tables, watches and whole collections.

api_walk.py URL CA CERT KEY
"""

import http.client
import json
import ssl
import sys
import threading
import time
from urllib.parse import quote, urlsplit

from checks import becomes, check, finish, same
from samples import sample

url, ca, cert, key = sys.argv[1:5]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
host = urlsplit(url).netloc
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
POINTED = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

# What a test writes to the status of a kind, and what it must read again.
CONDITION = {
    "type": "Walked",
    "status": "True",
    "reason": "Walk",
    "message": "by a test",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
STATUS = {
    "APIService": {"conditions": [CONDITION]},
    "CertificateSigningRequest": {"conditions": [{k: CONDITION[k] for k in ("type", "status", "reason", "message")}]},
    "CronJob": {"lastScheduleTime": "2026-01-01T00:00:00Z"},
    "CustomResourceDefinition": {"conditions": [CONDITION]},
    "DaemonSet": {"conditions": [CONDITION]},
    "Deployment": {"conditions": [CONDITION]},
    "FlowSchema": {"conditions": [CONDITION]},
    "Ingress": {"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}},
    "Job": {"conditions": [CONDITION]},
    "Namespace": {"conditions": [CONDITION]},
    "Node": {"conditions": [dict(CONDITION, lastHeartbeatTime="2026-01-01T00:00:00Z")]},
    "PersistentVolume": {"message": "walked", "reason": "Walk", "phase": "Pending"},
    "PersistentVolumeClaim": {"conditions": [CONDITION]},
    "Pod": {"conditions": [CONDITION]},
    "PodDisruptionBudget": {"conditions": [CONDITION]},
    "PriorityLevelConfiguration": {"conditions": [CONDITION]},
    "ReplicaSet": {"conditions": [CONDITION]},
    "ReplicationController": {"conditions": [CONDITION]},
    "Service": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
    "ServiceCIDR": {"conditions": [CONDITION]},
    "StatefulSet": {"conditions": [CONDITION]},
    "ValidatingAdmissionPolicy": {"conditions": [CONDITION]},
    "VolumeAttachment": {"attached": False, "attachmentMetadata": {"a": "b"}},
}


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw
        self.body = json.loads(raw) if raw.startswith(b"{") else None


def ask(method, path, body=None, kind="application/json", accept="application/json", expect=None):
    connection = http.client.HTTPSConnection(host, context=context, timeout=30)
    headers = {"Accept": accept}
    if body is not None:
        headers["Content-Type"] = kind
        body = json.dumps(body)
    connection.request(method, path, body, headers)
    got = connection.getresponse()
    answer = Answer(got.status, got.headers, got.read())
    connection.close()
    if expect is not None:
        assert answer.status == expect, f"{method} {path}: expected {expect}, got {answer.status} {answer.raw[:600]}"
    return answer


def listed(accept=DISCOVERY):
    """(api version, path prefix, resource as discovery describes it)"""
    for root in ("/api", "/apis"):
        for group in ask("GET", root, accept=accept, expect=200).body["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                api = f"{name}/{version['version']}" if name else version["version"]
                prefix = f"/apis/{api}" if name else f"/api/{api}"
                for resource in version["resources"]:
                    yield api, prefix, resource


class Watch:
    """The events of a path, as they come."""

    def __init__(self, path):
        self.events = []
        connection = http.client.HTTPSConnection(host, context=context, timeout=60)
        connection.request("GET", path, headers={"Accept": "application/json"})
        self.answer = connection.getresponse()
        same(self.answer.status, 200)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.answer:
                self.events.append(json.loads(line))
        except (ValueError, OSError, http.client.HTTPException):
            pass

    def types(self):
        return [e["type"] for e in self.events]


class Walk:
    def __init__(self, api, prefix, resource):
        self.api, self.kind = api, resource["responseKind"]["kind"]
        self.resource, self.verbs = resource["resource"], set(resource["verbs"])
        self.subresources = {s["subresource"]: set(s["verbs"]) for s in resource.get("subresources", [])}
        self.namespaced = resource["scope"] == "Namespaced"
        self.prefix = prefix
        self.all = f"{prefix}/namespaces/default/{self.resource}" if self.namespaced else f"{prefix}/{self.resource}"
        self.sample = sample(api, self.kind, "walk", self.namespaced)
        if self.kind == "Service":
            self.sample["spec"]["type"] = "LoadBalancer"
        self.name = self.sample["metadata"]["name"]
        self.sample["metadata"]["labels"] = {"walk": "it"}
        self.one = f"{self.all}/{self.name}"

    def patch(self, body, kind, path=None, query="", expect=200):
        return ask("PATCH", (path or self.one) + query, body, kind, expect=expect).body

    def get(self, path=None):
        return ask("GET", path or self.one, expect=200).body

    def creates(self):
        made = ask("POST", self.all + "?dryRun=All", self.sample, expect=201).body
        same(made["kind"], self.kind)
        ask("GET", self.one, expect=404)
        start = ask("GET", self.all + "?limit=1", expect=200).body["metadata"]["resourceVersion"]
        self.watch = Watch(f"{self.all}?watch=true&resourceVersion={start}&labelSelector=walk%3Dit&timeoutSeconds=50")
        made = ask("POST", self.all + "?fieldValidation=Strict", self.sample, expect=201).body
        same((made["kind"], made["apiVersion"]), (self.kind, self.api))
        again = ask("POST", self.all, self.sample, expect=409).body
        same(again["reason"], "AlreadyExists")
        self.uid = made["metadata"]["uid"]

    def reads(self):
        same(self.get()["metadata"]["uid"], self.uid)
        places = [self.all, f"{self.prefix}/{self.resource}"]
        for place in places:
            for query in ("labelSelector=walk%3Dit", f"fieldSelector=metadata.name%3D{self.name}", "limit=500"):
                found = ask("GET", f"{place}?{query}", expect=200).body
                same((found["kind"], found["apiVersion"]), (self.kind + "List", self.api))
                assert self.uid in [o["metadata"]["uid"] for o in found["items"]], f"not found by {query}"
        none = ask("GET", f"{self.all}?labelSelector=walk%3Dnot", expect=200).body
        same(none["items"], [])
        table = ask("GET", self.one, accept=TABLE, expect=200).body
        if self.kind != "Event":  # whose table begins with when it was seen
            same((table["kind"], table["columnDefinitions"][0]["name"]), ("Table", "Name"))
            same(table["rows"][0]["cells"][0], self.name)
        same(table["rows"][0]["object"]["metadata"]["name"], self.name)
        same(len(table["rows"][0]["cells"]), len(table["columnDefinitions"]))
        brief = ask("GET", f"{self.all}?labelSelector=walk%3Dit", accept=METADATA, expect=200).body
        same((brief["kind"], [o["kind"] for o in brief["items"]]), ("PartialObjectMetadataList", ["PartialObjectMetadata"]))
        for bad in ("fieldSelector=metadata.name", "labelSelector=a%3D%3D%3Db", "limit=x"):
            ask("GET", f"{self.all}?{bad}", expect=400)

    def patches(self):
        forms = [(MERGE, "merge", ""), (STRATEGIC, "strategic", ""), (APPLY, "apply", "?fieldManager=walker&force=true")]
        for kind, word, query in forms:
            body = {"metadata": {"annotations": {f"walk/{word}": "yes"}}}
            if kind == APPLY:
                body = {"apiVersion": self.api, "kind": self.kind, "metadata": {"name": self.name, **body["metadata"]}}
            dry = query + ("&" if query else "?") + "dryRun=All"
            same(self.patch(body, kind, query=dry)["metadata"]["annotations"][f"walk/{word}"], "yes")
            assert f"walk/{word}" not in self.get()["metadata"].get("annotations", {}), "a dry run is kept"
            same(self.patch(body, kind, query=query)["metadata"]["annotations"][f"walk/{word}"], "yes")
        body = [{"op": "test", "path": "/metadata/annotations/walk~1merge", "value": "yes"}]
        body.append({"op": "remove", "path": "/metadata/annotations/walk~1merge"})
        kept = self.patch(body, POINTED, query="?dryRun=All")["metadata"]["annotations"]
        assert "walk/merge" not in kept
        same(self.get()["metadata"]["annotations"]["walk/merge"], "yes")
        assert "walk/merge" not in self.patch(body, POINTED)["metadata"]["annotations"]
        self.patch(body, POINTED, expect=422)
        managers = [f["manager"] for f in self.get()["metadata"]["managedFields"]]
        assert "walker" in managers, managers

    def updates(self):
        def replaced(query=""):
            fresh = self.get()
            fresh["metadata"].setdefault("annotations", {})["walk/updated"] = "yes"
            answer = ask("PUT", self.one + query, fresh)
            return None if answer.status == 409 else answer

        dry = becomes(lambda: replaced("?dryRun=All"))
        same((dry.status, dry.body["metadata"]["annotations"]["walk/updated"]), (200, "yes"))
        assert "walk/updated" not in self.get()["metadata"].get("annotations", {}), "a dry run is kept"
        done = becomes(replaced)
        same((done.status, done.body["metadata"]["annotations"]["walk/updated"]), (200, "yes"))
        stale = dict(self.get(), metadata=dict(self.get()["metadata"], resourceVersion="1"))
        same(ask("PUT", self.one, stale, expect=409).body["reason"], "Conflict")

    def status(self):
        path, wanted = self.one + "/status", STATUS.get(self.kind, {})
        same(self.get(path)["metadata"]["uid"], self.uid)

        def holds(got, written):
            for field, value in written.items():
                if isinstance(value, list):
                    types = [e.get("type") for e in got["status"].get(field, [])]
                    if value[0].get("type"):
                        assert value[0]["type"] in types, f"{field}: {got['status'].get(field)}"
                elif not isinstance(value, dict):
                    same(got["status"].get(field), value)

        body = {"metadata": {"annotations": {"walk/status": "patched"}}, "status": wanted}
        holds(self.patch(body, MERGE, path, "?dryRun=All"), wanted)
        holds(self.patch(body, MERGE, path), wanted)
        holds(self.patch(body, STRATEGIC, path), wanted)

        def replaced():
            fresh = self.get(path)
            fresh.setdefault("status", {}).update(wanted)
            answer = ask("PUT", path, fresh)
            return None if answer.status == 409 else answer

        done = becomes(replaced)
        same(done.status, 200)
        holds(done.body, wanted)
        applied = {"apiVersion": self.api, "kind": self.kind, "metadata": {"name": self.name}, "status": wanted}
        holds(self.patch(applied, APPLY, path, "?fieldManager=status-walker&force=true"), wanted)
        # By the object's own path a status is not written.
        self.patch({"status": None}, MERGE)
        holds(self.get(), {k: v for k, v in wanted.items() if self.kind not in CONTROLLED})

    def scale(self):
        path = self.one + "/scale"
        found = self.get(path)
        same((found["kind"], found["apiVersion"]), ("Scale", "autoscaling/v1"))
        same(self.patch({"spec": {"replicas": 1}}, MERGE, path, "?dryRun=All")["spec"]["replicas"], 1)
        same(self.get(path)["spec"].get("replicas", 0), 0)
        found["spec"]["replicas"] = 2
        found["metadata"].pop("resourceVersion")
        same(ask("PUT", path, found, expect=200).body["spec"]["replicas"], 2)
        same(self.patch({"spec": {"replicas": 0}}, STRATEGIC, path)["spec"].get("replicas", 0), 0)

    def ends(self):
        ask("DELETE", self.one + "?dryRun=All", {"gracePeriodSeconds": 0}, expect=200)
        same(self.get()["metadata"]["uid"], self.uid)
        wrong = {"preconditions": {"uid": "another"}}
        same(ask("DELETE", self.one, wrong, expect=409).body["reason"], "Conflict")
        if "deletecollection" in self.verbs:
            ask("DELETE", f"{self.all}?labelSelector=walk%3Dit&dryRun=All", expect=200)
            same(self.get()["metadata"]["uid"], self.uid)
            ask("DELETE", f"{self.all}?labelSelector=walk%3Dnot", expect=200)
            same(self.get()["metadata"]["uid"], self.uid)
            ask("DELETE", f"{self.all}?labelSelector=walk%3Dit", {"gracePeriodSeconds": 0}, expect=200)
        else:
            ask("DELETE", self.one, expect=200)
        becomes(lambda: ask("GET", self.one).status == 404)
        becomes(lambda: self.watch.types()[-1:] == ["DELETED"], 5)
        types = self.watch.types()
        same((types[0], set(types[1:-1])), ("ADDED", {"MODIFIED"}))
        revisions = [int(e["object"]["metadata"]["resourceVersion"]) for e in self.watch.events]
        same(revisions, sorted(revisions))
        same({e["object"]["apiVersion"] for e in self.watch.events}, {self.api})

    def run(self):
        """Each step as a check of its own; the object goes whatever fails."""
        title = f"{self.api} {self.kind}"
        steps = [self.creates, self.reads, self.patches, self.updates]
        if "status" in self.subresources:
            steps.append(self.status)
        if "scale" in self.subresources:
            steps.append(self.scale)
        for step in steps + [self.ends]:
            check(f"{title} {step.__name__}", step)
        ask("DELETE", self.one, {"gracePeriodSeconds": 0})


# Kinds whose controller or whose validation takes back what a test writes to their status.
CONTROLLED = {"APIService", "CustomResourceDefinition", "PersistentVolume"}

chosen = sys.argv[5:]
for found in listed():
    if {"create", "delete", "list"} <= set(found[2]["verbs"]) and (not chosen or found[2]["resource"] in chosen):
        Walk(*found).run()
finish()
