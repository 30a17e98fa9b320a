"""The Python client's everyday and odd operations.

python_client.py KUBECONFIG RESTART: RESTART is a command that ends the cluster and starts it again.
"""

import subprocess
import sys
import threading
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

from checks import becomes, check, finish, refused, same
from samples import sample

kubeconfig, restart = sys.argv[1], sys.argv[2:]
config.load_kube_config(kubeconfig)
core = client.CoreV1Api()
dyn = dynamic.DynamicClient(client.ApiClient())


def listable():
    seen = []
    for found in dyn.resources.search():
        if not isinstance(found, dynamic.resource.ResourceList) and "/" not in found.name:
            if {"list", "create", "delete"} <= set(found.verbs):
                seen.append(found)
    return sorted(seen, key=lambda r: (r.group_version, r.kind))


def everyday(resource):
    """Create, read, list, change in every way, watch and delete one object."""
    body = sample(resource.group_version, resource.kind, "sample", resource.namespaced)
    if body is None:
        same(resource.get().kind.endswith("List"), True)
        return
    ns = {"namespace": "default"} if resource.namespaced else {}
    made = resource.create(body=body, **ns)
    name = made.metadata.name
    try:
        same(made.kind, resource.kind)
        same(made.apiVersion, resource.group_version)
        same(resource.get(name=name, **ns).metadata.uid, made.metadata.uid)
        found = resource.get(label_selector="made-by=clients", **ns)
        assert name in [o.metadata.name for o in found.items], "a selector does not find it"
        refused(lambda: resource.create(body=body, **ns), 409, "AlreadyExists")
        patch = {"metadata": {"annotations": {"merged": "1"}}}
        merged = resource.patch(
            body=patch, name=name, content_type="application/merge-patch+json", **ns
        )
        same(merged.metadata.annotations["merged"], "1")
        strategic = resource.patch(
            body={"metadata": {"annotations": {"strategic": "1"}}},
            name=name,
            content_type="application/strategic-merge-patch+json",
            **ns,
        )
        same(strategic.metadata.annotations["merged"], "1")
        pointed = resource.patch(
            body=[{"op": "replace", "path": "/metadata/annotations/merged", "value": "2"}],
            name=name,
            content_type="application/json-patch+json",
            **ns,
        )
        same(pointed.metadata.annotations["merged"], "2")
        stale = merged.to_dict()
        refused(lambda: resource.replace(body=stale, name=name, **ns), 409, "Conflict")
        fresh = becomes(lambda: replaced(resource, name, ns))
        same(fresh.metadata.labels["replaced"], "yes")
        events = resource.watch(
            timeout=5,
            resource_version=made.metadata.resourceVersion,
            field_selector=f"metadata.name={name}",
            **ns,
        )
        same(next(events)["type"], "MODIFIED")
    finally:
        resource.delete(name=name, body={"gracePeriodSeconds": 0}, **ns)
    becomes(lambda: is_gone(resource, name, ns))


def replaced(resource, name, ns):
    """The object with a label more; None when somebody else wrote it in between."""
    fresh = resource.get(name=name, **ns).to_dict()
    fresh["metadata"].setdefault("labels", {})["replaced"] = "yes"
    try:
        return resource.replace(body=fresh, name=name, **ns)
    except ApiException as e:
        if e.status == 409:
            return None
        raise


def is_gone(resource, name, ns):
    try:
        resource.get(name=name, **ns)
        return False
    except ApiException as e:
        return e.status == 404


def config_map(name, **data):
    return client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=name, labels={"set": "odd"}), data=data
    )


def pages():
    for i in range(7):
        core.create_namespaced_config_map("default", config_map(f"page-{i}"))
    names, token, rounds = [], None, 0
    while True:
        page = core.list_namespaced_config_map(
            "default", label_selector="set=odd", limit=3, _continue=token
        )
        names += [o.metadata.name for o in page.items]
        rounds += 1
        token = page.metadata._continue
        if not token:
            break
    same(names, [f"page-{i}" for i in range(7)])
    same(rounds, 3)


def dry_runs():
    core.create_namespaced_config_map("default", config_map("dry"), dry_run="All")
    refused(lambda: core.read_namespaced_config_map("dry", "default"), 404, "NotFound")
    core.delete_namespaced_config_map("page-0", "default", dry_run="All")
    core.read_namespaced_config_map("page-0", "default")


def collection():
    gone = core.delete_collection_namespaced_config_map("default", label_selector="set=odd")
    same(gone.kind, "ConfigMapList")
    same(core.list_namespaced_config_map("default", label_selector="set=odd").items, [])


def generated_names():
    meta = client.V1ObjectMeta(generate_name="some-", labels={"set": "odd"})
    made = [
        core.create_namespaced_config_map("default", client.V1ConfigMap(metadata=meta))
        for _ in range(20)
    ]
    same(len({m.metadata.name for m in made}), 20)


def bad_objects():
    bad = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="Not_A_Name"))
    status = refused(lambda: core.create_namespaced_config_map("default", bad), 422, "Invalid")
    same(status["details"]["causes"][0]["field"], "metadata.name")


class Informer:
    """Lists and watches as informers do, and keeps what it knows."""

    def __init__(self):
        self.known, self.relists, self.reconnects, self.stopping = {}, 0, 0, False
        self.version = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            try:
                self.list()
                while not self.stopping:
                    self.follow()
            except ApiException as e:
                if e.status != 410:
                    self.reconnects += 1
                    time.sleep(0.1)
            except Exception:  # the connection is gone: the server is away
                self.reconnects += 1
                time.sleep(0.1)

    def list(self):
        got = core.list_namespaced_config_map("default", label_selector="seen=yes")
        self.known = {o.metadata.name: o.data for o in got.items}
        self.version = got.metadata.resource_version
        self.relists += 1

    def follow(self):
        for event in watch.Watch().stream(
            core.list_namespaced_config_map,
            "default",
            label_selector="seen=yes",
            resource_version=self.version,
            allow_watch_bookmarks=True,
            timeout_seconds=2,
        ):
            if event["type"] == "BOOKMARK":
                self.version = event["object"]["metadata"]["resourceVersion"]
                continue
            o = event["object"]
            self.version = o.metadata.resource_version
            if event["type"] == "DELETED":
                self.known.pop(o.metadata.name, None)
            else:
                self.known[o.metadata.name] = o.data


def seen_map(name, value):
    return client.V1ConfigMap(
        metadata=client.V1ObjectMeta(name=name, labels={"seen": "yes"}), data={"v": value}
    )


def informer_basics(informer):
    core.create_namespaced_config_map("default", seen_map("i-1", "1"))
    becomes(lambda: informer.known == {"i-1": {"v": "1"}})
    core.patch_namespaced_config_map("i-1", "default", {"metadata": {"labels": {"seen": "no"}}})
    becomes(lambda: informer.known == {})
    core.patch_namespaced_config_map("i-1", "default", {"metadata": {"labels": {"seen": "yes"}}})
    becomes(lambda: informer.known == {"i-1": {"v": "1"}})


def informer_restart(informer):
    subprocess.run(restart, check=True, stdout=subprocess.DEVNULL)
    becomes(lambda: writes_again())
    becomes(lambda: informer.known == {"i-1": {"v": "1"}, "i-2": {"v": "2"}}, 60)
    assert informer.reconnects > 0, "the restart was not noticed"
    core.delete_namespaced_config_map("i-1", "default")
    becomes(lambda: informer.known == {"i-2": {"v": "2"}})


def writes_again():
    try:
        core.create_namespaced_config_map("default", seen_map("i-2", "2"))
        return True
    except ApiException as e:
        return e.status == 409
    except Exception:  # not up yet
        return False


def expired_watch():
    def follow():
        for _ in watch.Watch().stream(
            core.list_namespaced_config_map, "default", resource_version="1", timeout_seconds=5
        ):
            pass

    try:
        follow()
    except ApiException as e:
        same(e.status, 410)
        assert "too old" in e.reason, e.reason
        return
    raise AssertionError("a watch from revision 1 did not expire")


def stale_page():
    page = core.list_namespaced_config_map("default", limit=1)
    subprocess.run(restart, check=True, stdout=subprocess.DEVNULL)
    becomes(lambda: writes_again())
    core.patch_namespaced_config_map("i-2", "default", {"data": {"v": "3"}})
    token = page.metadata._continue
    status = refused(
        lambda: core.list_namespaced_config_map("default", limit=1, _continue=token), 410, "Expired"
    )
    rest = core.list_namespaced_config_map("default", _continue=status["metadata"]["continue"])
    assert "kube-root-ca.crt" in [o.metadata.name for o in rest.items], "the rest does not follow"


for kind in listable():
    check(f"everyday {kind.group_version} {kind.kind}", lambda kind=kind: everyday(kind))
check("a list in pages", pages)
check("dry runs", dry_runs)
check("deletion of a collection", collection)
check("generated names", generated_names)
check("an invalid object", bad_objects)
one = Informer()
check("an informer sees what enters and leaves its selection", lambda: informer_basics(one))
check("an informer survives a restart of the server", lambda: informer_restart(one))
check("an expired watch says 410", expired_watch)
check("a page of a state that is gone says 410 and how to go on", stale_page)
one.stopping = True
finish()
