#!/usr/bin/env python3
"""Every operation on objects of many kinds; a kubeconfig as JSON comes on standard input.

Prints a line for each check, "ok WHAT" or "FAIL WHAT: why", and "end" at the end.
"""
import base64
import copy
import http.client
import json
import ssl
import sys
import tempfile
import time

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
LABEL = "labelSelector=e2e%3Dyes"

containers = {"containers": [{"name": "c", "image": "i"}]}
template = {"metadata": {"labels": {"app": "x"}}, "spec": containers}
job = {"spec": {"suspend": True,
                "template": {"spec": dict(containers, restartPolicy="Never")}}}
autoscaler = {"spec": {"maxReplicas": 3, "scaleTargetRef": {
    "kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}}

# By group and version, then by resource: what an object has beside its metadata.
KINDS = {
    "/api/v1": {
        "configmaps": {"data": {"a": "b"}},
        "endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
        "limitranges": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}},
        "persistentvolumeclaims": {"spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}}}},
        "persistentvolumes": {"spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/x"}, "storageClassName": "none"}},
        "podtemplates": {"template": template},
        "replicationcontrollers": {"spec": {"replicas": 0, "selector": {"app": "x"},
                                            "template": template}},
        "resourcequotas": {"spec": {"hard": {"pods": "1000"}}},
        "secrets": {"data": {"a": "Yg=="}},
        "serviceaccounts": {},
        "services": {"spec": {"ports": [{"port": 80}]}},
    },
    "/apis/admissionregistration.k8s.io/v1": {
        "mutatingwebhookconfigurations": {"webhooks": []},
        "validatingadmissionpolicybindings": {"spec": {
            "policyName": "p", "validationActions": ["Deny"]}},
        "validatingwebhookconfigurations": {"webhooks": []},
    },
    "/apis/apps/v1": {
        "controllerrevisions": {"data": {"a": 1}, "revision": 1},
        "daemonsets": {"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {
            "metadata": {"labels": {"app": "x"}},
            "spec": dict(containers, nodeSelector={"no": "node"})}}},
        "replicasets": {"spec": {"replicas": 0, "selector": {"matchLabels": {"app": "x"}},
                                 "template": template}},
        "statefulsets": {"spec": {"replicas": 0, "serviceName": "s", "template": template,
                                  "selector": {"matchLabels": {"app": "x"}}}},
    },
    "/apis/autoscaling/v1": {"horizontalpodautoscalers": autoscaler},
    "/apis/autoscaling/v2": {"horizontalpodautoscalers": autoscaler},
    "/apis/batch/v1": {
        "cronjobs": {"spec": {"schedule": "1 1 1 1 *", "suspend": True, "jobTemplate": job}},
        "jobs": job,
    },
    "/apis/coordination.k8s.io/v1": {"leases": {"spec": {"holderIdentity": "me"}}},
    "/apis/discovery.k8s.io/v1": {"endpointslices": {
        "addressType": "IPv4", "endpoints": [{"addresses": ["1.2.3.4"]}],
        "ports": [{"name": "p", "port": 80, "protocol": "TCP"}]}},
    "/apis/networking.k8s.io/v1": {
        "ingressclasses": {"spec": {"controller": "example.com/c"}},
        "ingresses": {"spec": {"defaultBackend": {"service": {"name": "d",
                                                              "port": {"number": 80}}}}},
        "networkpolicies": {"spec": {"podSelector": {}}},
    },
    "/apis/node.k8s.io/v1": {"runtimeclasses": {"handler": "h"}},
    "/apis/policy/v1": {"poddisruptionbudgets": {"spec": {
        "minAvailable": 1, "selector": {"matchLabels": {"app": "none"}}}}},
    "/apis/rbac.authorization.k8s.io/v1": {
        "clusterroles": {"rules": []},
        "rolebindings": {"subjects": [], "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}},
        "roles": {"rules": []},
    },
    "/apis/scheduling.k8s.io/v1": {"priorityclasses": {"value": 7}},
    "/apis/storage.k8s.io/v1": {
        "csidrivers": {"spec": {"attachRequired": False}},
        "csinodes": {"spec": {"drivers": []}},
        "csistoragecapacities": {"storageClassName": "s", "nodeTopology": {}},
        "storageclasses": {"provisioner": "example.com/p"},
        "volumeattachments": {"spec": {"attacher": "a.b", "nodeName": "n",
                                       "source": {"persistentVolumeName": "v"}}},
        "volumeattributesclasses": {"driverName": "a.b", "parameters": {"a": "b"}},
    },
}


class Api:
    """Requests of the kubeconfig's user, on one connection."""

    def __init__(self, config):
        def file(text):
            f = tempfile.NamedTemporaryFile()
            f.write(base64.b64decode(text))
            f.flush()
            return f
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        ca = file(cluster["certificate-authority-data"])
        certificate = file(user["client-certificate-data"])
        key = file(user["client-key-data"])
        tls = ssl.create_default_context(cafile=ca.name)
        tls.load_cert_chain(certificate.name, key.name)
        self.connect = lambda: http.client.HTTPSConnection(
            cluster["server"].split("//")[1], context=tls, timeout=60)
        self.connection = self.connect()

    def ask(self, method, path, body=None, kind="application/json"):
        """The status code, and what the answer's JSON says."""
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {} if body is None else {"Content-Type": kind})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def first_event(self, path):
        """The first that a watch tells; nothing when it ends before."""
        connection = self.connect()
        connection.request("GET", path + "&watch=1&timeoutSeconds=30")
        line = connection.getresponse().readline()
        connection.close()
        return json.loads(line) if line else None


def check(what, holds, *detail):
    print(f"ok {what}" if holds else f"FAIL {what}: {json.dumps(detail)[:500]}", flush=True)


def until(question, patience=30):
    """Asks until the answer is true; its last answer."""
    end = time.monotonic() + patience
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def try_status(api, path, what):
    code, got = api.ask("GET", path + "/status")
    check(f"{what}: its status is got", code == 200, code, got)
    code, got = api.ask("PATCH", path + "/status",
                        {"metadata": {"annotations": {"status": "patched"}}}, MERGE)
    annotations = got.get("metadata", {}).get("annotations", {})
    check(f"{what}: and patched", code == 200 and annotations.get("status") == "patched", code, got)

    def replaced():
        # Controllers write it as well.
        return api.ask("PUT", path + "/status", api.ask("GET", path)[1])[0] == 200
    check(f"{what}: and updated", until(replaced))


def try_kind(api, base, resource, content):
    known = {r["name"]: r for r in api.ask("GET", base)[1]["resources"]}
    kind = known[resource]["kind"]
    where = base + ("/namespaces/default" if known[resource]["namespaced"] else "") + "/" + resource
    what = f"{base.removeprefix('/apis/').removeprefix('/api/')} {resource}"
    one = where + "/e2e"
    wanted = dict(copy.deepcopy(content), metadata={"name": "e2e", "labels": {"e2e": "yes"}})

    code, got = api.ask("POST", where, wanted)
    check(f"{what}: one is created", code == 201, code, got)
    code, got = api.ask("GET", one)
    check(f"{what}: and got", code == 200 and got["kind"] == kind, code, got)
    for path in (where, base + "/" + resource):
        code, got = api.ask("GET", f"{path}?{LABEL}")
        check(f"{what}: and listed", code == 200 and got["kind"] == kind + "List" and
              [o["metadata"]["name"] for o in got["items"]] == ["e2e"], code, got)
    got = api.first_event(f"{where}?{LABEL}")
    check(f"{what}: and watched", got and got["type"] == "ADDED" and
          got["object"].get("kind") == kind, got)
    version = base.removeprefix("/apis/").removeprefix("/api/")
    for how, body, query in (
            (MERGE, {"metadata": {"annotations": {"by": MERGE}}}, ""),
            (STRATEGIC, {"metadata": {"annotations": {"by": STRATEGIC}}}, ""),
            (JSON_PATCH, [{"op": "add", "path": "/metadata/annotations/by",
                           "value": JSON_PATCH}], ""),
            (APPLY, {"apiVersion": version, "kind": kind,
                     "metadata": {"name": "e2e", "annotations": {"by": APPLY}}},
             "?fieldManager=e2e&force=true")):
        code, got = api.ask("PATCH", one + query, body, how)
        annotations = got.get("metadata", {}).get("annotations", {})
        check(f"{what}: and patched by {how}", code == 200 and annotations.get("by") == how,
              code, got)

    def updated():
        got = api.ask("GET", one)[1]
        got["metadata"]["annotations"]["updated"] = "true"
        return api.ask("PUT", one, got)[0] == 200
    check(f"{what}: and updated", until(updated))
    if resource + "/status" in known:
        try_status(api, one, what)
    code, got = api.ask("DELETE", one)
    check(f"{what}: and deleted", code in (200, 202), code, got)
    check(f"{what}: and created anew", until(lambda: api.ask("POST", where, wanted)[0] == 201))
    code, got = api.ask("DELETE", f"{where}?{LABEL}", {"propagationPolicy": "Background"})
    check(f"{what}: and deleted as a collection", code == 200, code, got)
    check(f"{what}: and gone", until(lambda: not api.ask("GET", f"{where}?{LABEL}")[1]["items"]))


def try_events(api):
    core, ours = "/api/v1/namespaces/default/events", "/apis/events.k8s.io/v1/namespaces/default/events"
    code, got = api.ask("POST", ours, {
        "metadata": {"name": "e2e", "labels": {"e2e": "yes"}},
        "regarding": {"namespace": "default", "name": "p"}, "action": "Do", "reason": "Test",
        "reportingController": "test-controller", "reportingInstance": "test-node",
        "type": "Normal", "note": "n", "eventTime": "2020-01-01T00:00:00.000001Z"})
    check("an event is created", code == 201, code, got)
    for path, fields in ((ours, "reportingController%3Dtest-controller"), (ours, "regarding.name%3Dp"),
                         (core, "source%3Dtest-controller"), (core, "involvedObject.name%3Dp")):
        code, got = api.ask("GET", f"{path}?fieldSelector={fields}")
        check(f"and found by {fields}", code == 200 and len(got["items"]) == 1, code, got)
        got = api.first_event(f"{path}?fieldSelector={fields}")
        check(f"and watched by {fields}", got and got["type"] == "ADDED", got)
    code, got = api.ask("GET", f"{ours}?fieldSelector=reportingController%3Dnobody")
    check("and by no other's name", code == 200 and got["items"] == [], code, got)
    code, got = api.ask("PATCH", ours + "/e2e", {"series": {
        "count": 2, "lastObservedTime": "2014-01-01T00:00:00.000005Z"}}, STRATEGIC)
    check("and made a series", code == 200 and got["series"]["count"] == 2, code, got)
    code, got = api.ask("DELETE", f"{ours}?{LABEL}")
    check("and deleted as a collection", code == 200, code, got)


def main():
    api = Api(json.load(sys.stdin))
    for base, kinds in KINDS.items():
        print(f"section {base}", flush=True)
        for resource, content in kinds.items():
            try_kind(api, base, resource, content)
    print("section events", flush=True)
    try_events(api)
    print("end", flush=True)


if __name__ == "__main__":
    main()
