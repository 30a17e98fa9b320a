"""Objects of storage that suites walk as API alone."""

from urllib.parse import quote

from walk import MERGE, Refused, becomes, case, refused, same


def gone(p, path):
    def f():
        try:
            p.api.get(path)
        except Refused as e:
            return e.code == 404
        return False

    becomes(f, 30, f"{path} goes")


def lifecycle(p, base, name, body, mark="metadata"):
    """Create, read, list, patch, update, delete, and a collection by label."""
    label = f"walk={p.ns}"
    body = {**body, "metadata": {"name": name, "labels": {"walk": p.ns}}}
    p.api.post(base, body)
    path = f"{base}/{name}"
    now = p.api.get(path)
    same(now["metadata"]["name"], name)
    same([o["metadata"]["name"] for o in p.api.get(f"{base}?labelSelector={quote(label)}")["items"]], [name])
    same(p.api.patch(path, {"metadata": {"labels": {"patched": "yes"}}}, MERGE)["metadata"]["labels"]["patched"], "yes")
    now = p.api.get(path)
    now["metadata"].setdefault("annotations", {})["updated"] = "yes"
    same(p.api.put(path, now)["metadata"]["annotations"]["updated"], "yes")
    p.api.delete(path)
    gone(p, path)
    p.api.post(base, body)
    p.api.delete(f"{base}?labelSelector={quote(label)}")
    gone(p, path)


STORAGE = "/apis/storage.k8s.io/v1"


@case("storage API: storage classes, drivers, nodes' drivers, capacities, attributes classes")
def _(p):
    lifecycle(p, f"{STORAGE}/storageclasses", f"sc-{p.ns}", {"provisioner": "example.com/none", "parameters": {"a": "b"}})
    lifecycle(p, f"{STORAGE}/csidrivers", f"{p.ns}.example.com", {"spec": {"attachRequired": True, "podInfoOnMount": False, "volumeLifecycleModes": ["Persistent", "Ephemeral"]}})
    lifecycle(p, f"{STORAGE}/csinodes", f"cn-{p.ns}", {"spec": {"drivers": [{"name": "a.example.com", "nodeID": "n1", "topologyKeys": ["k"]}]}})
    lifecycle(p, f"{STORAGE}/namespaces/{p.ns}/csistoragecapacities", "cap", {"storageClassName": "none", "capacity": "1Gi", "nodeTopology": {"matchLabels": {"a": "b"}}})
    lifecycle(p, f"{STORAGE}/volumeattributesclasses", f"vac-{p.ns}", {"driverName": "a.example.com", "parameters": {"a": "b"}})


@case("storage API: attachments and their status")
def _(p):
    base = f"{STORAGE}/volumeattachments"
    spec = {"spec": {"attacher": "a.example.com", "nodeName": "n", "source": {"persistentVolumeName": "pv"}}}
    lifecycle(p, base, f"va-{p.ns}", spec)
    name = f"vb-{p.ns}"
    p.api.post(base, {"metadata": {"name": name}, **spec})
    same(p.api.patch(f"{base}/{name}/status", {"status": {"attached": True}}, MERGE)["status"]["attached"], True)
    now = p.api.get(f"{base}/{name}/status")
    now["status"]["attached"] = False
    same(p.api.put(f"{base}/{name}/status", now)["status"]["attached"], False)
    p.api.delete(f"{base}/{name}")
    gone(p, f"{base}/{name}")


@case("storage API: volumes and claims bind, have a status, and go")
def _(p):
    pv, pvc = f"pv-{p.ns}", f"{p.base}/persistentvolumeclaims"
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": p.ns, "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/tmp/none"}}
    p.api.post("/api/v1/persistentvolumes", {"metadata": {"name": pv, "labels": {"walk": p.ns}}, "spec": spec})
    p.api.post(pvc, {"metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": p.ns, "resources": {"requests": {"storage": "1Gi"}}}})
    becomes(lambda: p.api.get(f"{pvc}/c")["status"].get("phase") == "Bound", 30, "the claim is bound")
    same(p.api.get(f"/api/v1/persistentvolumes/{pv}")["spec"]["claimRef"]["name"], "c")
    condition = {"type": "StatusPatched", "status": "True", "reason": "E2E", "message": "by a walk", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    got = p.api.patch(f"{pvc}/c/status", {"status": {"conditions": [condition]}}, MERGE)
    same(got["status"]["conditions"][0]["type"], "StatusPatched")
    got = p.api.patch(f"/api/v1/persistentvolumes/{pv}/status", {"status": {"message": "StatusPatched", "reason": "E2E patchedStatus"}}, MERGE)
    same((got["status"]["message"], got["status"]["reason"]), ("StatusPatched", "E2E patchedStatus"))
    p.api.delete(f"{pvc}/c")
    gone(p, f"{pvc}/c")
    becomes(lambda: p.api.get(f"/api/v1/persistentvolumes/{pv}")["status"]["phase"] == "Released", 30, "released")
    p.api.delete(f"/api/v1/persistentvolumes?labelSelector=walk%3D{p.ns}")
    gone(p, f"/api/v1/persistentvolumes/{pv}")


@case("storage API: inline volumes of a driver that is not there are told")
def _(p):
    from walk import container

    spec = {"containers": [container("true", volumeMounts=[{"name": "v", "mountPath": "/v"}])], "volumes": [{"name": "v", "csi": {"driver": "none.example.com"}}]}
    p.make("pods", {"metadata": {"name": "inline"}, "spec": spec})
    p.event("inline", "FailedMount", "none.example.com", 40)
