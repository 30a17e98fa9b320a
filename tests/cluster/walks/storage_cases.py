"""Volumes: what sig-storage's suite looks at in configMap, secret, projected, downwardAPI,
emptyDir and hostPath volumes."""

import base64
import json
import os
import subprocess
import tempfile

from walk import Refused, becomes, case, condition, container, has, refused, same, statuses

AT = [{"name": "v", "mountPath": "/v"}]


def plain(kind, name, **more):
    """A volume of a ConfigMap or Secret called `name`."""
    source = {"configMap": {"name": name, **more}} if kind == "configmap" else {"secret": {"secretName": name, **more}}
    return [{"name": "v", **source}]


def projected(kind, name, **more):
    mode = more.pop("defaultMode", None)
    source = {"projected": {"sources": [{"configMap" if kind == "configmap" else "secret": {"name": name, **more}}]}}
    if mode is not None:
        source["projected"]["defaultMode"] = mode
    return [{"name": "v", **source}]


def filled(kind, wrap, title):
    def keep(p, name, data, **more):
        (p.config if kind == "configmap" else p.secret)(name, data, **more)

    def change(p, name, data):
        body = {"data": data if kind == "configmap" else {k: v and base64.b64encode(v.encode()).decode() for k, v in data.items()}}
        p.api.patch(f"{p.base}/{kind}s/{name}", body)

    def show(command, **more):
        return container(command, volumeMounts=AT, **more)

    def by_key(p):
        keep(p, "m", {"data-1": "value-1", "data-2": "value-2"})
        same(p.output("a", show("cat /v/data-1; stat -L -c ' %a %u' /v/data-1"), volumes=wrap(kind, "m")), "value-1 644 0\n")

    def modes(p):
        keep(p, "m", {"data-1": "value-1", "data-2": "value-2"})
        stat = "stat -L -c '%a %u %g' /v/*"
        same(p.output("a", show(stat), volumes=wrap(kind, "m", defaultMode=0o400)), "400 0 0\n400 0 0\n")
        items = [{"key": "data-2", "path": "path/to/data-2", "mode": 0o400}]
        out = p.output("b", show("cat /v/path/to/data-2; stat -L -c ' %a' /v/path/to/data-2; ls /v"), volumes=wrap(kind, "m", items=items))
        same(out, "value-2 400\npath\n")
        who = {"runAsUser": 1000, "fsGroup": 1001}
        same(p.output("d", show("cat /v/data-1; stat -L -c ' %a %u %g' /v/data-1"), volumes=wrap(kind, "m", defaultMode=0o440), securityContext=who), "value-1 440 0 1001\n")
        same(p.output("e", show("cat /v/data-1"), volumes=wrap(kind, "m"), securityContext={"runAsUser": 1000}), "value-1")
        same(p.output("f", show("cat /v/data-1"), volumes=wrap(kind, "m"), securityContext={"runAsUser": 1000, "runAsGroup": 77}), "value-1")

    def twice(p):
        keep(p, "m", {"data-1": "value-1"})
        more = dict(wrap(kind, "m")[0], name="w")
        c = container("cat /v/data-1 /w/data-1; mount | grep -c ' /v '", volumeMounts=[*AT, {"name": "w", "mountPath": "/w"}])
        same(p.output("a", c, volumes=[*wrap(kind, "m"), more]), "value-1value-11\n")

    def updates(p):
        keep(p, "m", {"data-1": "value-1"})
        p.pod("a", show("sleep 300"), volumes=wrap(kind, "m"))
        p.ready("a")
        change(p, "m", {"data-1": "value-2", "data-3": "three"})
        becomes(lambda: p.run("a", "cat /v/data-1 /v/data-3", check=False).stdout == "value-2three", 90, "update")

    def optional(p):
        keep(p, "del", {"data-1": "value-1"})
        keep(p, "upd", {"data-1": "value-1"})
        volumes = [dict(wrap(kind, n, optional=True)[0], name=n) for n in ("del", "upd", "create")]
        p.pod("a", container("sleep 300", volumeMounts=[{"name": n, "mountPath": f"/{n}"} for n in ("del", "upd", "create")]), volumes=volumes)
        p.ready("a")
        p.api.delete(f"{p.base}/{kind}s/del")
        change(p, "upd", {"data-1": None, "data-3": "value-3"})
        keep(p, "create", {"data-1": "new"})
        becomes(lambda: p.run("a", "cat /create/data-1 /upd/data-3", check=False).stdout == "newvalue-3", 90, "made and changed")
        becomes(lambda: p.run("a", "ls /del /upd", check=False).stdout.split() == ["/del:", "/upd:", "data-3"], 90, "gone")

    def fixed(p):
        keep(p, "m", {"data-1": "value-1"}, immutable=True)
        refused(lambda: change(p, "m", {"data-1": "value-2"}), 422, "field is immutable when `immutable` is set")
        refused(lambda: p.api.patch(f"{p.base}/{kind}s/m", {"immutable": False}), 422, "field is immutable when `immutable` is set")
        p.api.patch(f"{p.base}/{kind}s/m", {"metadata": {"labels": {"a": "b"}}})

    def missing(p):
        word = 'configmap \\"m\\"' if kind == "configmap" else 'secret \\"m\\"'
        p.pod("a", show("sleep 300"), volumes=wrap(kind, "m"))
        event = p.event("a", "FailedMount", f'MountVolume.SetUp failed for volume "v" : {json.loads(chr(34) + word + chr(34))} not found', 30)
        same(event["type"], "Warning")
        same(statuses(p.look("a"))["c"]["state"]["waiting"]["reason"], "ContainerCreating")
        keep(p, "m", {"data-1": "x"})
        p.ready("a")
        p.pod("b", show("sleep 300"), volumes=wrap(kind, "m", items=[{"key": "nokey", "path": "p"}]))
        p.event("b", "FailedMount", "references non-existent", 30)

    for name, f in (("a key is a file", by_key), ("modes, items, users and groups", modes), ("twice in a pod", twice), ("follows updates", updates),
                    ("optional ones come and go", optional), ("immutable ones", fixed), ("missing ones are told", missing)):
        case(f"{title}: {name}")(f)


filled("configmap", plain, "configmap volume")
filled("secret", plain, "secret volume")
filled("configmap", projected, "projected configmap")
filled("secret", projected, "projected secret")


@case("configmap volume: binary data")
def _(p):
    raw = bytes([0xDE, 0xCA, 0xFE, 0xBA, 0xD0, 0xFE, 0xFF])
    p.config("m", {"t": "text"}, binaryData={"b": base64.b64encode(raw).decode()})
    out = p.output("a", container("cat /v/t; od -An -tx1 /v/b", volumeMounts=AT), volumes=plain("configmap", "m"))
    same(out.split(), ["text", "de", "ca", "fe", "ba", "d0", "fe", "ff"])


@case("secret volume: the same name in another namespace is another")
def _(p):
    p.secret("s", {"k": "mine"})
    p.api.post("/api/v1/namespaces", {"metadata": {"name": f"{p.ns}-b"}})
    p.api.post(f"/api/v1/namespaces/{p.ns}-b/secrets", {"metadata": {"name": "s"}, "stringData": {"k": "theirs"}})
    same(p.output("a", container("cat /v/k", volumeMounts=AT), volumes=plain("secret", "s")), "mine")
    p.api.delete(f"/api/v1/namespaces/{p.ns}-b")


@case("projected: secrets, config maps, fields and a token together")
def _(p):
    p.config("m", {"k": "c"})
    p.secret("s", {"k": "s"})
    sources = [{"configMap": {"name": "m", "items": [{"key": "k", "path": "cm"}]}}, {"secret": {"name": "s", "items": [{"key": "k", "path": "secret"}]}},
               {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
               {"serviceAccountToken": {"path": "token", "expirationSeconds": 600, "audience": "x"}}]
    out = p.output("a", container("cat /v/cm /v/secret /v/name; wc -c </v/token", volumeMounts=AT), volumes=[{"name": "v", "projected": {"sources": sources}}])
    has(out, "csa")


# --- downwardapi_volume.go, projected_downwardapi.go
def fields(items, **more):
    return [{"name": "v", "downwardAPI": {"items": items, **more}}]


def projected_fields(items, **more):
    return [{"name": "v", "projected": {"sources": [{"downwardAPI": {"items": items}}], **more}}]


def fr(path, what, **more):
    return {"path": path, "fieldRef": {"fieldPath": what}, **more}


def rr(what, divisor=None):
    ref = {"containerName": "c", "resource": what}
    if divisor:
        ref["divisor"] = divisor
    return {"path": what, "resourceFieldRef": ref}


def downward(wrap, title):
    def names(p):
        items = [fr("podname", "metadata.name"), fr("ns", "metadata.namespace"), fr("uid", "metadata.uid"), fr("one", "metadata.labels['k']"), fr("labels", "metadata.labels"),
                 fr("ann", "metadata.annotations")]
        out = p.output("a", container("for f in podname ns one labels ann; do cat /v/$f; echo; done", volumeMounts=AT), {"labels": {"k": "v", "b": "w"}, "annotations": {"x": 'two\nlines "q"'}}, volumes=wrap(items))
        same(out, f'a\n{p.ns}\nv\nb="w"\nk="v"\nx="two\\nlines \\"q\\""\n')

    def modes(p):
        cmd = container("stat -L -c %a /v/podname", volumeMounts=AT)
        same(p.output("a", cmd, volumes=wrap([fr("podname", "metadata.name")], defaultMode=0o400)), "400\n")
        same(p.output("b", cmd, volumes=wrap([fr("podname", "metadata.name", mode=0o400)])), "400\n")
        who = {"runAsUser": 1000, "fsGroup": 1234}
        same(p.output("d", container("cat /v/podname; stat -L -c ' %a %g' /v/podname", volumeMounts=AT), volumes=wrap([fr("podname", "metadata.name")], defaultMode=0o440), securityContext=who), "d 440 1234\n")

    def updates(p):
        p.pod("a", container("sleep 300", volumeMounts=AT), {"labels": {"k": "1"}, "annotations": {"n": "1"}}, volumes=wrap([fr("labels", "metadata.labels"), fr("ann", "metadata.annotations")]))
        p.ready("a")
        p.api.patch(f"{p.base}/pods/a", {"metadata": {"labels": {"k": "2"}, "annotations": {"n": "2"}}})
        becomes(lambda: p.run("a", "cat /v/labels; echo; cat /v/ann", check=False).stdout == 'k="2"\nn="2"', 90, "update")

    def amounts(p):
        r = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
        items = [rr("limits.cpu", "1m"), rr("limits.memory"), rr("requests.cpu", "1m"), rr("requests.memory", "1Mi")]
        out = p.output("a", container("for f in limits.cpu limits.memory requests.cpu requests.memory; do cat /v/$f; echo; done", volumeMounts=AT, resources=r), volumes=wrap(items))
        same(out.split(), ["500", "67108864", "250", "32"])
        p.output("b", container("cat /v/limits.cpu; echo; cat /v/limits.memory", volumeMounts=AT), volumes=wrap([rr("limits.cpu"), rr("limits.memory")]))
        pod = p.look("b")
        have = p.api.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")["status"]["allocatable"]
        same(p.log("b").split()[0], have["cpu"])

    for name, f in (("names, labels and annotations", names), ("modes", modes), ("follows updates", updates), ("limits and requests", amounts)):
        case(f"{title}: {name}")(f)


downward(fields, "downward volume")
downward(projected_fields, "projected downward")


# --- empty_dir.go, empty_dir_wrapper.go
def empty_dir(medium):
    def f(p):
        source = {"emptyDir": {"medium": "Memory"} if medium else {}}
        kind = "stat -f -c %T /v"
        out = p.output("a", container(f"{kind}; stat -c %a /v; mount | grep ' /v '", volumeMounts=AT), volumes=[{"name": "v", **source}])
        words = out.split()
        same(words[1], "777")
        if medium:
            same(words[0], "tmpfs")
        for user in (0, 1000):
            for mode in ("0644", "0666", "0777"):
                name = f"m{mode}-{user}"
                c = container(f"umask 0; echo 'mount-tester new file' >/v/f && chmod {mode} /v/f && cat /v/f && stat -c '%a %u' /v/f", volumeMounts=AT, securityContext={"runAsUser": user})
                p.pod(name, c, volumes=[{"name": "v", **source}])
        for user in (0, 1000):
            for mode in ("0644", "0666", "0777"):
                name = f"m{mode}-{user}"
                p.phase(name, "Succeeded")
                same(p.log(name), f"mount-tester new file\n{mode[1:]} {user}\n")

    return f


case("emptyDir: modes and users on the default medium")(empty_dir(False))
case("emptyDir: modes and users in memory")(empty_dir(True))


@case("emptyDir: shared by containers, and limited in memory")
def _(p):
    mounts = {"volumeMounts": AT}
    p.pod("a", [container("sleep 300", name="one", **mounts), container("echo hello >/v/f; sleep 300", name="two", **mounts)],
          volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}])
    p.ready("a")
    becomes(lambda: p.run("a", "cat /v/f", "one", check=False).stdout == "hello\n", 10)
    size = int(p.run("a", "df -k /v | tail -n 1", "one").split()[1])
    same(size, 1024)
    got = p.run("a", "head -c 3000000 /dev/zero >/v/big", "one", check=False)
    assert got.returncode != 0, got
    size = int(p.run("a", "stat -c %s /v/big", "one"))
    assert size <= 1 << 20, size


@case("emptyDir: many volumes of config maps beside each other")
def _(p):
    for i in range(20):
        p.config(f"m{i}", {"data-1": "value-1"})
    volumes = [{"name": f"v{i}", "configMap": {"name": f"m{i}", "items": [{"key": "data-1", "path": "data-1"}]}} for i in range(20)]
    mounts = [{"name": f"v{i}", "mountPath": f"/etc/config-{i}"} for i in range(20)]
    for n in range(3):
        p.pod(f"a{n}", container("cat /etc/config-*/data-1 | wc -c", volumeMounts=mounts), volumes=volumes)
    for n in range(3):
        p.phase(f"a{n}", "Succeeded")
        same(p.log(f"a{n}"), "140\n")


@case("emptyDir wrapper: a secret and a config map in one pod do not clash")
def _(p):
    p.config("m", {"k": "c"})
    p.secret("s", {"k": "s"})
    out = p.output("a", container("cat /a/k /b/k", volumeMounts=[{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b"}]),
                   volumes=[{"name": "a", "secret": {"secretName": "s"}}, {"name": "b", "configMap": {"name": "m"}}])
    same(out, "sc")


# --- host_path.go
@case("hostPath: types, modes, subPath, and words for what is not there")
def _(p):
    root = f"/tmp/walk-{p.ns}"

    def at(path, kind):
        return [{"name": "v", "hostPath": {"path": path, "type": kind}}]

    same(p.output("a", container("echo hi >/v/file; mkdir /v/d; stat -c %a /v", volumeMounts=AT), volumes=at(root, "DirectoryOrCreate")), "755\n")
    same(p.output("b", container("cat /v/file", volumeMounts=AT), volumes=at(root, "Directory")), "hi\n")
    same(p.output("d", container("cat /f", volumeMounts=[{"name": "v", "mountPath": "/f"}]), volumes=at(f"{root}/file", "File")), "hi\n")
    same(p.output("e", container("stat -c '%a %s' /f", volumeMounts=[{"name": "v", "mountPath": "/f"}]), volumes=at(f"{root}/new", "FileOrCreate")), "644 0\n")
    same(p.output("f", container("cat /s", volumeMounts=[{"name": "v", "mountPath": "/s", "subPath": "file"}]), volumes=at(root, "")), "hi\n")
    for path, kind, word in ((f"{root}/none", "Directory", "is not a directory"), (f"{root}/none", "File", "is not a file"), (f"{root}/file", "Socket", "is not a socket file"),
                             (f"{root}/file", "CharDevice", "is not a character device"), (f"{root}/file", "BlockDevice", "is not a block device")):
        p.pod(kind.lower(), container("true", volumeMounts=AT), volumes=at(path, kind))
        p.event(kind.lower(), "FailedMount", f"hostPath type check failed: {path} {word}", 30)
    p.output("z", container("rm -r /v/walk-" + p.ns, volumeMounts=AT), volumes=at("/tmp", "Directory"))


# --- subpath.go
@case("subPath: files and folders of every atomic writer")
def _(p):
    p.config("m", {"configmap-key": "c"})
    p.secret("s", {"secret-key": "s"})
    for name, volume, key, want in (("cm", {"configMap": {"name": "m"}}, "configmap-key", "c"), ("s", {"secret": {"secretName": "s"}}, "secret-key", "s"),
                                    ("dw", fields([fr("downward/podname", "metadata.name")])[0], "downward/podname", "dw"),
                                    ("pr", projected("configmap", "m", items=[{"key": "configmap-key", "path": "projected/k"}])[0], "projected/k", "c")):
        volume = {k: v for k, v in volume.items() if k != "name"}
        out = p.output(name, container("cat /sub", volumeMounts=[{"name": "v", "mountPath": "/sub", "subPath": key}]), volumes=[{"name": "v", **volume}])
        same(out, want)
    same(p.output("over", container("cat /etc/version", volumeMounts=[{"name": "v", "mountPath": "/etc/version", "subPath": "configmap-key"}]), volumes=plain("configmap", "m")), "c")


@case("subPath: in an emptyDir it is made, shared, and never leaves the volume")
def _(p):
    v = [{"name": "v", "emptyDir": {}}]
    c = container("cat /sub/f && echo new >/sub/g && ls /all/deep/er", volumeMounts=[{"name": "v", "mountPath": "/sub", "subPath": "deep/er"}, {"name": "v", "mountPath": "/all"}])
    i = container("mkdir -p /all/deep/er; echo first >/all/deep/er/f", name="i", volumeMounts=[{"name": "v", "mountPath": "/all"}])
    same(p.output("a", c, initContainers=[i], volumes=v), "first\nf\ng\n")
    out = container("true", volumeMounts=[{"name": "v", "mountPath": "/sub", "subPath": "link"}])
    i = container("ln -s / /all/link", name="i", volumeMounts=[{"name": "v", "mountPath": "/all"}])
    p.pod("b", out, initContainers=[i], volumes=v)
    pod = p.until("b", lambda q: statuses(q).get("c", {}).get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError")
    has(statuses(pod)["c"]["state"]["waiting"]["message"], 'failed to prepare subPath for volumeMount "v" of container "c"')
    ro = container("ls /sub; touch /sub/x && echo wrote", volumeMounts=[{"name": "v", "mountPath": "/sub", "subPath": "d", "readOnly": True}])
    p.pod("d", ro, volumes=v)
    pod = p.ended("d")
    assert "wrote" not in p.log("d"), p.log("d")
    refused(lambda: p.pod("e", container("true", volumeMounts=[{"name": "v", "mountPath": "/s", "subPath": "../up"}]), volumes=v), 422, "must not contain '..'")


# --- volumes that claims give, images as volumes, propagation
@case("claims: a pod writes, another reads; protection holds the claim while it is used")
def _(p):
    p.make("persistentvolumeclaims", {"metadata": {"name": "claim"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}})
    v = [{"name": "v", "persistentVolumeClaim": {"claimName": "claim"}}]
    same(p.output("a", container("echo kept >/v/f; cat /v/f", volumeMounts=AT), volumes=v), "kept\n")
    p.pod("b", container("cat /v/f; sleep 300", volumeMounts=AT), volumes=v)
    p.ready("b")
    becomes(lambda: p.log("b") == "kept\n", 20)
    p.api.delete(f"{p.base}/persistentvolumeclaims/claim")
    claim = p.api.get(f"{p.base}/persistentvolumeclaims/claim")
    assert claim["metadata"]["deletionTimestamp"] and "kubernetes.io/pvc-protection" in claim["metadata"]["finalizers"], claim
    p.pod("d", container("true", volumeMounts=AT), volumes=v)
    pod = p.until("d", lambda q: condition(q, "PodScheduled") == "False", 30)
    has([c for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"][0]["message"], 'persistentvolumeclaim "claim" is being deleted')
    p.drop("d", 0)
    p.drop("b", 1)
    p.drop("a", 1)

    def claim_gone():
        try:
            p.api.get(f"{p.base}/persistentvolumeclaims/claim")
        except Refused as e:
            return e.code == 404
        return False

    becomes(claim_gone, 60, "claim goes")


@case("image volumes: mounted, or told that they cannot be")
def _(p):
    v = [{"name": "v", "image": {"reference": "thespis.local/sample:v2", "pullPolicy": "IfNotPresent"}}]
    p.pod("a", container("cat /v/etc/version", volumeMounts=AT), volumes=v)
    p.event("a", "FailedMount", 'MountVolume.SetUp failed for volume "v" : the container runtime does not support image volumes', 30)


@case("mount propagation: Bidirectional reaches the host and HostToContainer")
def _(p):
    refused(lambda: p.pod("x", container("true", volumeMounts=[{**AT[0], "mountPropagation": "Bidirectional"}]), volumes=[{"name": "v", "emptyDir": {}}]), 422, "Bidirectional mount propagation is available only to privileged containers")
    # Not every machine shares its mounts, as a node should: this folder is one that does.
    root = tempfile.mkdtemp(prefix="walk-")
    subprocess.run(["mount", "-t", "tmpfs", "walk", root], check=True)
    subprocess.run(["mount", "--make-shared", root], check=True)
    try:
        propagate(p, root)
    finally:
        subprocess.run(["umount", "-R", "-l", root], check=False)
        os.rmdir(root)


def propagate(p, root):
    v = [{"name": "v", "hostPath": {"path": root, "type": "Directory"}}]
    cmd = "mkdir -p /v/{0}; mount -t tmpfs {0} /v/{0}; echo {0} >/v/{0}/file; sleep 300"
    p.pod("master", container(cmd.format("master"), securityContext={"privileged": True}, volumeMounts=[{**AT[0], "mountPropagation": "Bidirectional"}]), volumes=v)
    p.ready("master")
    p.pod("slave", container("sleep 300", volumeMounts=[{**AT[0], "mountPropagation": "HostToContainer"}]), volumes=v)
    p.pod("private", container("sleep 300", volumeMounts=AT), volumes=v)
    p.ready("slave")
    p.ready("private")
    becomes(lambda: p.run("slave", "cat /v/master/file", check=False).stdout == "master\n", 10, "seen by the slave")
    p.run("master", "mkdir /v/late; mount -t tmpfs late /v/late; echo late >/v/late/file")
    becomes(lambda: p.run("slave", "cat /v/late/file", check=False).stdout == "late\n", 10, "the later one too")
    assert p.run("private", "cat /v/late/file", check=False).returncode != 0
    p.run("master", "umount /v/late; umount /v/master")
