"""Containers, configuration, fields, rights: what sig-node's suite looks at in one pod."""

import re

from walk import IMAGE, STRATEGIC, becomes, case, condition, container, has, refused, same, statuses


# --- containers.go
@case("containers: an image's defaults")
def _(p):
    p.pod("a", container())
    p.ready("a")
    becomes(lambda: "serves port 8080" in p.log("a"), 20)


@case("containers: args override the image's command words")
def _(p):
    # The image has an entrypoint alone or a command alone: args must reach the process either way.
    same(p.output("a", container(["echo"], args=["one", "two"])), "one two\n")


@case("containers: command overrides entrypoint and command")
def _(p):
    same(p.output("a", container(["echo", "only"])), "only\n")


# --- configmap.go, secrets.go
@case("configmap: a key in the environment")
def _(p):
    p.config("m", {"data-1": "value-1"})
    env = [{"name": "V", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "data-1"}}}]
    same(p.output("a", container("echo $V", env=env)), "value-1\n")


@case("configmap: all keys in the environment, with a prefix")
def _(p):
    p.config("m", {"one": "1", "two": "2"})
    c = container("env | sort", envFrom=[{"configMapRef": {"name": "m"}}, {"prefix": "p_", "configMapRef": {"name": "m"}}])
    out = p.output("a", c).splitlines()
    for line in ("one=1", "two=2", "p_one=1", "p_two=2"):
        assert line in out, out


@case("configmap and secret: an empty key is refused")
def _(p):
    refused(lambda: p.config("m", {"": "x"}), 422, "data")
    refused(lambda: p.secret("m", {"": "x"}), 422, "data")


@case("configmap: lifecycle with watch, patch and collection")
def _(p):
    p.config("m", {"a": "1"})
    p.api.patch(f"{p.base}/configmaps/m", {"data": {"a": "2"}, "metadata": {"labels": {"walk": "1"}}})
    same([m["data"]["a"] for m in p.api.get("/api/v1/configmaps?labelSelector=walk%3D1")["items"]], ["2"])
    p.api.delete(f"{p.base}/configmaps?labelSelector=walk%3D1")
    same(p.api.get("/api/v1/configmaps?labelSelector=walk%3D1")["items"], [])


@case("secrets: a key and all keys in the environment")
def _(p):
    p.secret("s", {"data-1": "value-1", "k": "v"})
    c = container("echo $V $k", env=[{"name": "V", "valueFrom": {"secretKeyRef": {"name": "s", "key": "data-1"}}}],
                  envFrom=[{"secretRef": {"name": "s"}}])
    same(p.output("a", c), "value-1 v\n")


@case("secrets: patch")
def _(p):
    p.secret("s", {"key": "value"}, metadata={"name": "s", "labels": {"walk": "s"}})
    p.api.patch(f"{p.base}/secrets/s", {"data": {"key": "dmFsdWUx"}, "metadata": {"labels": {"walk": "t"}}}, STRATEGIC)
    found = p.api.get("/api/v1/secrets?labelSelector=walk%3Dt")["items"]
    same([s["data"]["key"] for s in found], ["dmFsdWUx"])
    p.api.delete(f"{p.base}/secrets?labelSelector=walk%3Dt")
    same(p.api.get("/api/v1/secrets?labelSelector=walk%3Dt")["items"], [])


# --- downwardapi.go
def field(name, path):
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


@case("downward: names and addresses in the environment")
def _(p):
    env = [field("N", "metadata.name"), field("NS", "metadata.namespace"), field("IP", "status.podIP"), field("IPS", "status.podIPs"),
           field("H", "status.hostIP"), field("HS", "status.hostIPs"), field("U", "metadata.uid"), field("NODE", "spec.nodeName"),
           field("SA", "spec.serviceAccountName"), field("L", "metadata.labels['x']"), field("AN", "metadata.annotations['y']")]
    p.pod("a", container('echo "$N $NS $IP $IPS $H $HS $U $NODE $SA $L $AN"', env=env), {"labels": {"x": "lx"}, "annotations": {"y": "ay"}})
    pod = p.ended("a")
    s = pod["status"]
    words = p.log("a").split()
    same(words[:2], ["a", p.ns])
    assert re.fullmatch(r"(\d+\.){3}\d+", words[2]), words
    same(words[3], words[2])
    same(words[4:6], [s["hostIP"], ",".join(h["ip"] for h in s["hostIPs"])])
    same(words[6:], [pod["metadata"]["uid"], pod["spec"]["nodeName"], "default", "lx", "ay"])


@case("downward: the host's address of a pod on the host's network")
def _(p):
    p.pod("a", container('echo "$H $P"', env=[field("H", "status.hostIP"), field("P", "status.podIP")]), hostNetwork=True)
    s = p.ended("a")["status"]
    same(p.log("a"), f"{s['hostIP']} {s['hostIP']}\n")


def resource(name, what, divisor=None):
    ref = {"containerName": "c", "resource": what}
    if divisor:
        ref["divisor"] = divisor
    return {"name": name, "valueFrom": {"resourceFieldRef": ref}}


@case("downward: limits and requests in the environment")
def _(p):
    env = [resource("CL", "limits.cpu"), resource("ML", "limits.memory"), resource("CR", "requests.cpu"), resource("MR", "requests.memory"),
           resource("CM", "limits.cpu", "1m"), resource("MM", "limits.memory", "1Mi")]
    r = {"requests": {"cpu": "250m", "memory": "32Mi"}, "limits": {"cpu": "1250m", "memory": "64Mi"}}
    same(p.output("a", container("echo $CL $ML $CR $MR $CM $MM", env=env, resources=r)), "2 67108864 1 33554432 1250 64\n")


@case("downward: without limits, what the node can give")
def _(p):
    env = [resource("C", "limits.cpu"), resource("M", "limits.memory"), resource("E", "limits.ephemeral-storage")]
    p.pod("a", container("echo $C $M $E", env=env))
    pod = p.ended("a")
    have = p.api.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")["status"]["allocatable"]
    words = p.log("a").split()
    same(words[0], have["cpu"])
    same(int(words[1]), int(have["memory"].removesuffix("Ki")) * (1024 if have["memory"].endswith("Ki") else 1))


# --- expansion.go
@case("expansion: variables in variables, args and commands")
def _(p):
    env = [{"name": "FOO", "value": "foo"}, {"name": "BAR", "value": "bar"}, {"name": "BOTH", "value": "$(FOO);;$(BAR);;$$(FOO);;$(NONE)"}]
    same(p.output("a", container(["sh", "-c", 'echo "$BOTH" "$(BAR)" $0'], args=["arg-$(FOO)"], env=env)), "foo;;bar;;$(FOO);;$(NONE) bar arg-foo\n")


@case("expansion: a subPathExpr names a folder of the volume")
def _(p):
    mounts = [{"name": "v", "mountPath": "/logs", "subPathExpr": "$(N)"}, {"name": "v", "mountPath": "/all"}]
    c = container("echo hi >/logs/x; cat /all/a/x", env=[field("N", "metadata.name")], volumeMounts=mounts)
    same(p.output("a", c, volumes=[{"name": "v", "emptyDir": {}}]), "hi\n")


@case("expansion: a subPathExpr with backticks or an absolute path keeps the container from starting")
def _(p):
    for name, value, word in (("ticks", "..", "unable to provision SubPath `..`: must not contain '..'"), ("root", "/tmp", "error SubPath `/tmp` must not be an absolute path")):
        mounts = [{"name": "v", "mountPath": "/v", "subPathExpr": "$(P)"}]
        p.pod(name, container("true", env=[{"name": "P", "value": value}], volumeMounts=mounts), volumes=[{"name": "v", "emptyDir": {}}])
        pod = p.until(name, lambda q: statuses(q).get("c", {}).get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError")
        has(statuses(pod)["c"]["state"]["waiting"]["message"], word)


@case("expansion: a failing subPathExpr heals when its annotation changes")
def _(p):
    mounts = [{"name": "v", "mountPath": "/sub", "subPathExpr": "$(P)"}, {"name": "v", "mountPath": "/all"}]
    c = container("sleep 300", env=[field("P", "metadata.annotations['mysubpath']")], volumeMounts=mounts)
    p.pod("a", c, volumes=[{"name": "v", "emptyDir": {}}], meta={"annotations": {"mysubpath": ".."}})
    p.until("a", lambda q: statuses(q).get("c", {}).get("state", {}).get("waiting", {}).get("reason") == "CreateContainerConfigError")
    p.api.patch(f"{p.base}/pods/a", {"metadata": {"annotations": {"mysubpath": "mypath"}}})
    p.ready("a")
    p.run("a", "test -d /all/mypath")


# --- init_container.go
def inits(first="true"):
    return [container(first, name="i1"), container("true", name="i2")]


@case("init: run one after the other before a pod of restartPolicy Never")
def _(p):
    p.pod("a", container("true"), initContainers=inits())
    pod = p.phase("a", "Succeeded")
    same(condition(pod, "Initialized"), "True")
    for s in pod["status"]["initContainerStatuses"]:
        assert s["ready"], s
        same(s["state"]["terminated"]["exitCode"], 0)


@case("init: run before a pod of restartPolicy Always")
def _(p):
    p.pod("a", container("sleep 300"), initContainers=inits(), restartPolicy="Always")
    pod = p.ready("a")
    same(condition(pod, "Initialized"), "True")
    assert all(s["ready"] for s in pod["status"]["initContainerStatuses"])


@case("init: one that fails is tried again and again, and the app never starts")
def _(p):
    p.pod("a", container("sleep 300"), initContainers=inits("false"), restartPolicy="Always")
    pod = p.until("a", lambda q: statuses(q, "initContainerStatuses").get("i1", {}).get("restartCount", 0) >= 2)
    same(pod["status"]["phase"], "Pending")
    same(condition(pod, "Initialized"), "False")
    c = [c for c in pod["status"]["conditions"] if c["type"] == "Initialized"][0]
    same((c["reason"], c["message"]), ("ContainersNotInitialized", "containers with incomplete status: [i1 i2]"))
    same(statuses(pod)["c"]["state"]["waiting"]["reason"], "PodInitializing")
    same(statuses(pod, "initContainerStatuses")["i2"]["state"]["waiting"]["reason"], "PodInitializing")


@case("init: one that fails fails a pod of restartPolicy Never")
def _(p):
    p.pod("a", container("true"), initContainers=[container("true", name="i1"), container("exit 3", name="i2")])
    pod = p.phase("a", "Failed")
    same(statuses(pod, "initContainerStatuses")["i2"]["state"]["terminated"]["exitCode"], 3)
    same(condition(pod, "Initialized"), "False")
    s = statuses(pod)["c"]
    assert s["state"].get("waiting"), s
    same(s["state"]["waiting"]["reason"], "PodInitializing")


# --- kubelet.go, kubelet_etc_hosts.go
@case("kubelet: what a command prints is in its log")
def _(p):
    same(p.output("a", container("echo Hello World")), "Hello World\n")


@case("kubelet: a command that fails has a reason, and its pod can be deleted")
def _(p):
    p.pod("a", container(["false"]), restartPolicy="Always")
    pod = p.until("a", lambda q: statuses(q).get("c", {}).get("state", {}).get("terminated") or statuses(q).get("c", {}).get("lastState", {}).get("terminated"))
    s = statuses(pod)["c"]
    ended = s["state"].get("terminated") or s["lastState"]["terminated"]
    same((ended["exitCode"], ended["reason"]), (1, "Error"))
    p.drop("a")
    becomes(lambda: p.gone("a"))


@case("kubelet: hostAliases are in /etc/hosts")
def _(p):
    out = p.output("a", container("cat /etc/hosts"), hostAliases=[{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}])
    has(out, "# Kubernetes-managed hosts file.\n")
    has(out, "# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar\n")


@case("kubelet: a read-only root cannot be written to")
def _(p):
    p.pod("a", container("echo x >/file; sleep 300", securityContext={"readOnlyRootFilesystem": True}))
    p.ready("a")
    becomes(lambda: "Read-only file system" in p.log("a"), 20)


@case("etc-hosts: managed, but for mounts over it and pods on the host's network")
def _(p):
    shown = [{"name": "h", "mountPath": "/etc/hosts"}]
    p.pod("a", [container("sleep 300", name="one"), container("sleep 300", name="two", volumeMounts=shown)],
          volumes=[{"name": "h", "hostPath": {"path": "/etc/hosts", "type": "File"}}])
    p.pod("b", container("sleep 300"), hostNetwork=True)
    p.ready("a")
    p.ready("b")
    managed = "# Kubernetes-managed hosts file."
    has(p.run("a", "cat /etc/hosts", "one"), managed)
    assert managed not in p.run("a", "cat /etc/hosts", "two")
    out = p.run("b", "cat /etc/hosts")
    assert managed + "\n" not in out.splitlines(True)[:1] or "host network" in out, out


# --- privileged.go, security_context.go, sysctl.go
@case("privileged: may change links, others may not")
def _(p):
    cmd = "ip link add d1 type bridge && ip link del d1 && echo may || echo may not"
    p.pod("a", [container(cmd, name="yes", securityContext={"privileged": True}), container(cmd, name="no", securityContext={"privileged": False})])
    p.phase("a", "Succeeded")
    same(p.log("a", "yes"), "may\n")
    assert "may not\n" in p.log("a", "no")  # beside what it says on its other stream


@case("security: runAsUser, runAsGroup, fsGroup and supplementalGroups")
def _(p):
    out = p.output("a", container("id -u; id -g; id -G; touch /v/x; stat -c '%u %g' /v/x; stat -c '%a %g' /v", securityContext={"runAsUser": 65534},
                                  volumeMounts=[{"name": "v", "mountPath": "/v"}]),
                   volumes=[{"name": "v", "emptyDir": {}}], securityContext={"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "supplementalGroups": [4000]})
    lines = out.splitlines()
    same(lines[:2], ["65534", "2000"])
    for g in ("3000", "4000"):
        assert g in lines[2].split(), out
    same(lines[3:], ["65534 3000", "2777 3000"])


@case("security: runAsUser 0 with runAsNonRoot is told")
def _(p):
    p.pod("a", container("true", securityContext={"runAsNonRoot": True, "runAsUser": 0}))
    p.pod("b", container("true", securityContext={"runAsNonRoot": True}))
    p.event("a", "Failed", "container's runAsUser breaks non-root policy")
    p.event("b", "Failed", "container has runAsNonRoot and image will run as root")
    pod = p.look("b")
    same(statuses(pod)["c"]["state"]["waiting"]["reason"], "CreateContainerConfigError")
    same(p.output("d", container("id -u", securityContext={"runAsNonRoot": True, "runAsUser": 1234})), "1234\n")


@case("security: the root file system can be written when it is not read-only")
def _(p):
    same(p.output("a", container("echo x >/file && cat /file", securityContext={"readOnlyRootFilesystem": False})), "x\n")


@case("security: allowPrivilegeEscalation decides about no_new_privs")
def _(p):
    cmd = "grep NoNewPrivs /proc/self/status | tr -d '[:space:]'"
    same(p.output("no", container(cmd, securityContext={"allowPrivilegeEscalation": False, "runAsUser": 1000})), "NoNewPrivs:1")
    same(p.output("yes", container(cmd, securityContext={"allowPrivilegeEscalation": True, "runAsUser": 1000})), "NoNewPrivs:0")
    same(p.output("unset", container(cmd, securityContext={"runAsUser": 1000})), "NoNewPrivs:0")


@case("security: seccomp profiles")
def _(p):
    cmd = "grep Seccomp: /proc/self/status | tr -d '[:space:]'"
    same(p.output("a", container(cmd, securityContext={"seccompProfile": {"type": "RuntimeDefault"}})), "Seccomp:2")
    same(p.output("b", container(cmd, securityContext={"seccompProfile": {"type": "Unconfined"}})), "Seccomp:0")
    same(p.output("d", container(cmd), securityContext={"seccompProfile": {"type": "RuntimeDefault"}}), "Seccomp:2")
    same(p.output("e", container(cmd)), "Seccomp:0")
    p.pod("f", container(cmd, securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "none/there.json"}}))
    p.event("f", "Failed", "")


@case("security: the host's pid and ipc namespaces, and a shared process namespace")
def _(p):
    same(p.output("a", container("cat /proc/1/comm", securityContext={"privileged": False}), hostPID=True) != "cat\n", True)
    p.pod("b", [container("sleep 301", name="one"), container("sleep 302", name="two")], shareProcessNamespace=True)
    p.ready("b")
    out = p.run("b", "ps", "one")
    has(out, "sleep 302")
    has(out, "/pause")


@case("sysctl: safe ones are set, also with slashes")
def _(p):
    for name, key in (("a", "kernel.shm_rmid_forced"), ("b", "kernel/shm_rmid_forced")):
        same(p.output(name, container("cat /proc/sys/kernel/shm_rmid_forced"), securityContext={"sysctls": [{"name": key, "value": "1"}]}), "1\n")


@case("sysctl: wrong names are refused")
def _(p):
    wrong = [{"name": "foo-", "value": "bar"}, {"name": "kernel.shmmax", "value": "100000000"}, {"name": "safe-and-unsafe", "value": "100000000"}, {"name": "bar..", "value": "42"}]
    status = refused(lambda: p.pod("a", container("true"), securityContext={"sysctls": wrong}), 422, 'Invalid value: \\"foo-\\"')
    has(status["message"], 'Invalid value: "bar.."')
    assert "safe-and-unsafe" not in status["message"] and "kernel.shmmax" not in status["message"], status["message"]


@case("sysctl: unsafe ones that nobody allowed end the pod")
def _(p):
    p.pod("a", container("true"), securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "10000000000"}]})
    pod = p.phase("a", "Failed")
    same(pod["status"]["reason"], "SysctlForbidden")
    p.event("a", "SysctlForbidden")


# --- runtime.go
def terminated(p, name, message, phase="Succeeded", **more):
    p.pod(name, container(**more))
    pod = p.phase(name, phase)
    ended = statuses(pod)["c"]["state"]["terminated"]
    same(ended.get("message", ""), message)


@case("runtime: the message of an end, by path and policy")
def _(p):
    terminated(p, "logs", "DONE", "Failed", command="echo -n DONE; exit 1", terminationMessagePolicy="FallbackToLogsOnError")
    terminated(p, "empty", "", command="echo DONE", terminationMessagePolicy="FallbackToLogsOnError")
    terminated(p, "file", "OK", command="echo -n OK >/dev/termination-log; echo DONE", terminationMessagePolicy="FallbackToLogsOnError")
    terminated(p, "user", "DONE", command="echo -n DONE >/dev/termination-custom-log", terminationMessagePath="/dev/termination-custom-log",
               securityContext={"runAsUser": 1000})
    terminated(p, "root", "DONE", command="echo -n DONE >/dev/termination-log")
    long = p.output("long", container("yes x | tr -d '\\n' | head -c 6000 >/dev/termination-log"))
    same(long, "")
    same(len(statuses(p.look("long"))["c"]["state"]["terminated"]["message"]), 4096)


@case("runtime: statuses of commands that exit, by restart policy")
def _(p):
    tell = [{"name": "v", "mountPath": "/v"}]
    cmd = 'f=/v/count; n=$(cat $f 2>/dev/null || echo 0); n=$((n + 1)); echo $n >$f; [ $n -ge 2 ] && { [ "$0" = stay ] && sleep 300; exit 0; }; exit 1'
    for policy, phase, restarts in (("Always", "Running", 1), ("OnFailure", "Succeeded", 1), ("Never", "Failed", 0)):
        name = policy.lower()
        p.pod(name, container(["sh", "-c", cmd, "stay" if policy == "Always" else "go"], volumeMounts=tell), restartPolicy=policy, volumes=[{"name": "v", "emptyDir": {}}])
    for policy, phase, restarts in (("Always", "Running", 1), ("OnFailure", "Succeeded", 1), ("Never", "Failed", 0)):
        name = policy.lower()
        pod = p.until(name, lambda q: q["status"]["phase"] == phase and statuses(q)["c"]["restartCount"] == restarts and
                      ("running" in statuses(q)["c"]["state"]) == (phase == "Running"))
        same(condition(pod, "Ready"), "True" if phase == "Running" else "False")


# --- ephemeral_containers.go
@case("ephemeral: one is added to a running pod, and another by update")
def _(p):
    p.pod("a", container("sleep 300"))
    p.ready("a")
    e = {"name": "dbg", "image": IMAGE, "command": ["sh", "-c", "while true; do echo polo; sleep 2; done"], "stdin": True, "tty": True}
    p.api.patch(f"{p.base}/pods/a/ephemeralcontainers", {"spec": {"ephemeralContainers": [e]}}, STRATEGIC)
    p.until("a", lambda q: "running" in statuses(q, "ephemeralContainerStatuses").get("dbg", {}).get("state", {}))
    becomes(lambda: "polo" in p.log("a", "dbg"))
    pod = p.look("a")
    pod["spec"]["ephemeralContainers"].append({"name": "dbg2", "image": IMAGE, "command": ["sleep", "100"]})
    p.api.put(f"{p.base}/pods/a/ephemeralcontainers", pod)
    p.until("a", lambda q: "running" in statuses(q, "ephemeralContainerStatuses").get("dbg2", {}).get("state", {}))


# --- podtemplates.go
@case("podtemplates: lifecycle, replace, collection")
def _(p):
    t = {"metadata": {"name": "t", "labels": {"walk": "t"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container("true")]}}}
    p.make("podtemplates", t)
    p.api.patch(f"{p.base}/podtemplates/t", {"metadata": {"labels": {"walk": "u"}}}, STRATEGIC)
    now = p.api.get(f"{p.base}/podtemplates/t")
    same(now["metadata"]["labels"]["walk"], "u")
    now["metadata"].setdefault("annotations", {})["updated"] = "true"
    same(p.api.put(f"{p.base}/podtemplates/t", now)["metadata"]["annotations"]["updated"], "true")
    same(len(p.api.get("/api/v1/podtemplates?labelSelector=walk%3Du")["items"]), 1)
    p.api.delete(f"{p.base}/podtemplates?labelSelector=walk%3Du")
    same(p.api.get(f"{p.base}/podtemplates")["items"], [])


# --- lease.go
@case("lease: the API is there, and the node renews its own")
def _(p):
    base = f"/apis/coordination.k8s.io/v1/namespaces/{p.ns}/leases"
    p.api.post(base, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "h", "leaseDurationSeconds": 30, "acquireTime": "2026-01-01T00:00:00.000005Z",
                                                         "renewTime": "2026-01-01T00:00:05.000000Z", "leaseTransitions": 0}})
    made = p.api.get(f"{base}/l")
    same(made["spec"]["acquireTime"], "2026-01-01T00:00:00.000005Z")
    made["spec"].update(holderIdentity="i", leaseTransitions=1)
    p.api.put(f"{base}/l", made)
    p.api.patch(f"{base}/l", {"spec": {"leaseDurationSeconds": 40}}, STRATEGIC)
    same(p.api.get(f"{base}/l")["spec"]["leaseDurationSeconds"], 40)
    p.api.delete(base)
    same(p.api.get(base)["items"], [])
    node = p.api.get("/api/v1/nodes")["items"][0]
    own = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node['metadata']['name']}"
    first = p.api.get(own)["spec"]
    same((first["holderIdentity"], first["leaseDurationSeconds"]), (node["metadata"]["name"], 40))
    becomes(lambda: p.api.get(own)["spec"]["renewTime"] > first["renewTime"], 25)
