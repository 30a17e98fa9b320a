"""Pods from beginning to end: what sig-node's suite looks at over time."""

import json
import threading
import time

from walk import STRATEGIC, Refused, becomes, case, condition, container, has, refused, same, stays, statuses


# --- pods.go
@case("pods: a running pod has its host's address")
def _(p):
    p.pod("a", container("sleep 300"))
    s = p.ready("a")["status"]
    assert s["hostIP"], s
    same(s["hostIPs"][0]["ip"], s["hostIP"])


@case("pods: submitted and removed, as watches see it")
def _(p):
    seen = []
    link = p.api.get(f"{p.base}/pods")["metadata"]["resourceVersion"]

    def look():
        data = p.api.raw("GET", f"{p.base}/pods?watch=1&resourceVersion={link}&timeoutSeconds=60&labelSelector=time%3Dnow")[1]
        seen.extend(json.loads(line) for line in data.splitlines() if line)

    t = threading.Thread(target=look)
    t.start()
    p.pod("a", container("sleep 300"), {"labels": {"time": "now"}})
    p.ready("a")
    p.drop("a", 30)
    becomes(lambda: p.gone("a"))
    t.join()
    kinds = [e["type"] for e in seen]
    same((kinds[0], kinds[-1]), ("ADDED", "DELETED"))
    last = seen[-1]["object"]
    assert last["metadata"]["deletionTimestamp"], last
    assert last["spec"]["terminationGracePeriodSeconds"], last


@case("pods: labels and activeDeadlineSeconds may be updated")
def _(p):
    p.pod("a", container("sleep 300"), {"labels": {"time": "one"}})
    p.ready("a")
    pod = p.look("a")
    pod["metadata"]["labels"]["time"] = "two"
    try:
        p.api.put(f"{p.base}/pods/a", pod)
    except Refused as e:  # somebody wrote meanwhile
        same(e.code, 409)
        p.api.patch(f"{p.base}/pods/a", {"metadata": {"labels": {"time": "two"}}})
    same(len(p.api.get(f"{p.base}/pods?labelSelector=time%3Dtwo")["items"]), 1)
    p.api.patch(f"{p.base}/pods/a", {"spec": {"activeDeadlineSeconds": 3}}, STRATEGIC)
    pod = p.phase("a", "Failed", 30)
    same((pod["status"]["reason"], pod["status"]["message"]), ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"))


@case("pods: services are in the environment")
def _(p):
    p.make("services", {"metadata": {"name": "fooservice"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 8765, "targetPort": 8080}]}})
    ip = p.api.get(f"{p.base}/services/fooservice")["spec"]["clusterIP"]
    time.sleep(1)
    out = p.output("a", container("env"))
    for line in (f"FOOSERVICE_SERVICE_HOST={ip}", "FOOSERVICE_SERVICE_PORT=8765", f"FOOSERVICE_PORT=tcp://{ip}:8765", f"FOOSERVICE_PORT_8765_TCP=tcp://{ip}:8765",
                 "FOOSERVICE_PORT_8765_TCP_PROTO=tcp", "FOOSERVICE_PORT_8765_TCP_PORT=8765", f"FOOSERVICE_PORT_8765_TCP_ADDR={ip}", "KUBERNETES_SERVICE_PORT=443"):
        has(out, line + "\n")
    out = p.output("b", container("env"), enableServiceLinks=False)
    assert "FOOSERVICE" not in out and "KUBERNETES_SERVICE_HOST" in out, out


@case("pods: a collection is deleted")
def _(p):
    for i in range(3):
        p.pod(f"a{i}", container("sleep 300"), {"labels": {"type": "Testing"}})
    for i in range(3):
        p.ready(f"a{i}")
    p.api.delete(f"{p.base}/pods?labelSelector=type%3DTesting")
    becomes(lambda: not p.api.get(f"{p.base}/pods?labelSelector=type%3DTesting")["items"])


@case("pods: lifecycle with patches of pod and status")
def _(p):
    p.pod("a", container("sleep 300"), {"labels": {"test-pod-static": "true"}})
    p.ready("a")
    p.api.patch(f"{p.base}/pods/a", {"metadata": {"labels": {"test-pod": "patched"}}, "spec": {"terminationGracePeriodSeconds": 5, "containers": [{"name": "c", "image": "thespis.local/sample:v2"}]}}, STRATEGIC)
    pod = p.until("a", lambda q: statuses(q)["c"]["restartCount"] == 1 and statuses(q)["c"]["ready"])
    same(pod["spec"]["containers"][0]["image"], "thespis.local/sample:v2")
    has(statuses(pod)["c"]["image"], "sample:v2")
    p.event("a", "Killing", "definition changed, will be restarted")
    wrong = [dict(c, status="False") if c["type"] == "Ready" else c for c in pod["status"]["conditions"]]
    got = p.api.patch(f"{p.base}/pods/a/status", {"status": {"conditions": [c for c in wrong if c["type"] == "Ready"]}}, STRATEGIC)
    same(condition(got, "Ready"), "False")
    p.until("a", lambda q: condition(q, "Ready") == "True", 30)
    got = p.api.patch(f"{p.base}/pods/a/status", {"status": {"message": "Patched by e2e test", "reason": "E2E"}}, STRATEGIC)
    same((got["status"]["message"], got["status"]["reason"]), ("Patched by e2e test", "E2E"))


@case("pods: readiness gates")
def _(p):
    p.pod("a", container("sleep 300"), readinessGates=[{"conditionType": "k8s.io/gate1"}, {"conditionType": "k8s.io/gate2"}])
    pod = p.until("a", lambda q: condition(q, "ContainersReady") == "True")
    same(condition(pod, "Ready"), "False")
    c = [c for c in pod["status"]["conditions"] if c["type"] == "Ready"][0]
    same((c["reason"], c["message"]), ("ReadinessGatesNotReady", 'corresponding condition of pod readiness gate "k8s.io/gate1" does not exist., corresponding condition of pod readiness gate "k8s.io/gate2" does not exist.'))

    def gate(name, value):
        p.api.patch(f"{p.base}/pods/a/status", {"status": {"conditions": [{"type": name, "status": value}]}}, STRATEGIC)

    gate("k8s.io/gate1", "True")
    gate("k8s.io/gate2", "False")
    p.until("a", lambda q: 'gate2" is not "True", but False' in str(q["status"]["conditions"]))
    same(condition(p.look("a"), "Ready"), "False")
    gate("k8s.io/gate2", "True")
    p.ready("a", 20)
    gate("k8s.io/gate1", "False")
    p.until("a", lambda q: condition(q, "Ready") == "False", 20)


@case("pods: QoS class, and deletion with a grace period")
def _(p):
    r = {"requests": {"cpu": "100m", "memory": "100Mi"}}
    r["limits"] = r["requests"]
    made = p.pod("a", container("sleep 300", resources=r))
    same(made["status"]["qosClass"], "Guaranteed")
    p.pod("b", container("trap '' TERM; while :; do sleep 1; done"))
    p.ready("b")
    begin = time.monotonic()
    got = p.drop("b", 4)
    same(got["metadata"]["deletionGracePeriodSeconds"], 4)
    p.event("b", "Killing", "Stopping container c")
    becomes(lambda: p.gone("b"), 30)
    assert 3 < time.monotonic() - begin < 15, time.monotonic() - begin


@case("pods: generation and observedGeneration")
def _(p):
    made = p.pod("a", container("sleep 300"), {"generation": 100})
    same(made["metadata"]["generation"], 1)
    p.ready("a")
    p.api.patch(f"{p.base}/pods/a", {"metadata": {"labels": {"x": "y"}}})
    same(p.look("a")["metadata"]["generation"], 1)
    p.api.patch(f"{p.base}/pods/a", {"spec": {"activeDeadlineSeconds": 5000}})
    same(p.look("a")["metadata"]["generation"], 2)
    pod = p.until("a", lambda q: q["status"].get("observedGeneration") == 2, 20)
    p.until("a", lambda q: all(c.get("observedGeneration") == 2 for c in q["status"]["conditions"]), 20)
    p.pod("r", container("true"), nodeName=pod["spec"]["nodeName"], nodeSelector={"no": "where"})
    got = p.phase("r", "Failed")
    same((got["status"]["reason"], got["status"]["observedGeneration"], got["metadata"]["generation"]), ("NodeAffinity", 1, 1))


# --- node_lifecycle.go
@case("nodes: lifecycle of one that no machine stands behind")
def _(p):
    name = f"fake-{p.ns}"
    p.api.post("/api/v1/nodes", {"metadata": {"name": name}, "spec": {"unschedulable": True}, "status": {"phase": "Running"}})
    same(p.api.get(f"/api/v1/nodes/{name}")["metadata"]["name"], name)
    p.api.patch(f"/api/v1/nodes/{name}", {"metadata": {"labels": {name: "patched"}}}, STRATEGIC)
    same([n["metadata"]["name"] for n in p.api.get(f"/api/v1/nodes?labelSelector={name}%3Dpatched")["items"]], [name])

    def update():
        now = p.api.get(f"/api/v1/nodes/{name}")
        now["metadata"]["labels"][name] = "updated"
        try:
            return p.api.put(f"/api/v1/nodes/{name}", now)
        except Refused as e:  # controllers write to it, too
            same(e.code, 409)
            return None

    same(becomes(update)["metadata"]["labels"][name], "updated")
    p.api.delete(f"/api/v1/nodes/{name}")
    refused(lambda: p.api.get(f"/api/v1/nodes/{name}"), 404)


# --- container_probe.go
def probe(command=None, **more):
    how = {"exec": {"command": ["sh", "-c", command]}} if command else {}
    return {**how, **more}


def restarts(pod):
    return statuses(pod).get("c", {}).get("restartCount", 0)


@case("probes: readiness waits for its delay, and never restarts")
def _(p):
    p.pod("a", container("sleep 300", readinessProbe=probe("true", initialDelaySeconds=6, periodSeconds=2)))
    pod = p.ready("a")
    s = statuses(pod)["c"]

    def seconds(t):
        return time.mktime(time.strptime(t, "%Y-%m-%dT%H:%M:%SZ"))

    ready = [c for c in pod["status"]["conditions"] if c["type"] == "Ready"][0]["lastTransitionTime"]
    assert seconds(ready) - seconds(s["state"]["running"]["startedAt"]) >= 6, (ready, s)
    same(restarts(pod), 0)


@case("probes: a readiness probe that fails keeps a pod unready")
def _(p):
    p.pod("a", container("sleep 300", readinessProbe=probe("false", initialDelaySeconds=1, periodSeconds=1)))
    p.phase("a", "Running")
    p.event("a", "Unhealthy", "Readiness probe failed")
    stays(lambda: condition(p.look("a"), "Ready") == "False" and restarts(p.look("a")) == 0, 8)


@case("probes: liveness by command, request and socket")
def _(p):
    sick = "echo ok >/tmp/health; sleep 4; rm /tmp/health; sleep 600"
    well = "echo ok >/tmp/health; sleep 600"
    live = {"initialDelaySeconds": 2, "periodSeconds": 1, "failureThreshold": 1}
    p.pod("sick", container(sick, livenessProbe=probe("cat /tmp/health", **live)), restartPolicy="Always")
    p.pod("well", container(well, livenessProbe=probe("cat /tmp/health", **live)), restartPolicy="Always")
    serve = "httpd -p 8080 -h /www; sleep 4; {} sleep 600"
    http = {"httpGet": {"path": "/healthz", "port": 8080}}
    p.pod("hsick", container(serve.format("killall httpd;"), livenessProbe=probe(**http, **live)), restartPolicy="Always")
    p.pod("hwell", container(serve.format(""), livenessProbe=probe(**http, **{**live, "failureThreshold": 5})), restartPolicy="Always")
    p.pod("twell", container(serve.format(""), livenessProbe=probe(tcpSocket={"port": 8080}, **{**live, "failureThreshold": 5})), restartPolicy="Always")
    for name in ("sick", "hsick"):
        p.until(name, lambda q: restarts(q) >= 1)
        p.event(name, "Killing", "Container c failed liveness probe, will be restarted")
    last = 0
    for _i in range(2):
        last_pod = p.until("sick", lambda q, last=last: restarts(q) > last)
        last = restarts(last_pod)
    stays(lambda: all(restarts(p.look(n)) == 0 for n in ("well", "hwell", "twell")), 5)


@case("probes: a gRPC probe to where nobody listens restarts")
def _(p):
    live = {"grpc": {"port": 2333}, "initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 1}
    p.pod("a", container("sleep 300", livenessProbe=live), restartPolicy="Always")
    p.until("a", lambda q: restarts(q) >= 1)
    p.event("a", "Unhealthy", "Liveness probe failed: ")


@case("probes: an exec probe that takes too long fails")
def _(p):
    p.pod("a", container("sleep 300", livenessProbe=probe("sleep 600", timeoutSeconds=1, periodSeconds=1, failureThreshold=1)), restartPolicy="Always")
    p.pod("b", container("sleep 300", readinessProbe=probe("sleep 600", timeoutSeconds=1, periodSeconds=1)))
    p.until("a", lambda q: restarts(q) >= 1)
    p.event("a", "Unhealthy", 'Liveness probe failed: command timed out: "sh -c sleep 600" timed out after 1s')
    same(condition(p.look("b"), "Ready"), "False")


@case("probes: a redirect to elsewhere is a success with a warning, one at home is followed")
def _(p):
    def redirect(where):
        body = f"HTTP/1.1 302 Found\\r\\nLocation: {where}\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n"
        return f"while :; do printf '{body}' | nc -l -p 8080 >/dev/null; done"

    live = {"httpGet": {"path": "/", "port": 8080}, "initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 1}
    p.pod("a", container(redirect("http://0.0.0.0:9/none"), livenessProbe=live), restartPolicy="Always")
    p.event("a", "ProbeWarning", "Liveness probe warning: Probe terminated redirects, Response body: ")


@case("probes: startup holds the others back, and its failure restarts")
def _(p):
    bad = probe("false", periodSeconds=1, failureThreshold=1)
    p.pod("held", container("sleep 300", startupProbe=probe("false", periodSeconds=5, failureThreshold=60), livenessProbe=bad), restartPolicy="Always")
    p.pod("freed", container("sleep 300", startupProbe=probe("true", periodSeconds=1), livenessProbe=bad), restartPolicy="Always")
    p.pod("fails", container("sleep 300", startupProbe=probe("false", periodSeconds=1, failureThreshold=2)), restartPolicy="Always")
    p.pod("late", container("sleep 5; touch /tmp/s; sleep 300", startupProbe=probe("test -f /tmp/s", periodSeconds=1, failureThreshold=60), readinessProbe=probe("true", periodSeconds=60)))
    p.until("freed", lambda q: restarts(q) >= 1)
    p.until("fails", lambda q: restarts(q) >= 1)
    p.event("fails", "Killing", "Container c failed startup probe, will be restarted")
    p.ready("late", 30)
    same(restarts(p.look("held")), 0)


@case("probes: a probe's own grace period counts")
def _(p):
    stubborn = "trap '' TERM; while :; do sleep 1; done"
    live = probe("false", initialDelaySeconds=1, periodSeconds=1, failureThreshold=1, terminationGracePeriodSeconds=2)
    p.pod("a", container(stubborn, livenessProbe=live), restartPolicy="Always", terminationGracePeriodSeconds=500)
    p.until("a", lambda q: restarts(q) >= 1, 30)


@case("probes: readiness goes on while a pod ends, liveness does not")
def _(p):
    stubborn = "trap 'rm /tmp/ready' TERM; touch /tmp/ready; while :; do sleep 1; done"
    c = container(stubborn, readinessProbe=probe("test -f /tmp/ready", periodSeconds=1, failureThreshold=1), livenessProbe=probe("test -f /tmp/ready", periodSeconds=1, failureThreshold=1))
    p.pod("a", c, terminationGracePeriodSeconds=12)
    p.ready("a")
    p.drop("a", 12)
    p.until("a", lambda q: condition(q, "Ready") == "False" and not statuses(q)["c"]["ready"], 8)
    pod = p.look("a")
    same((restarts(pod), "running" in statuses(pod)["c"]["state"]), (0, True))
    becomes(lambda: p.gone("a"), 40)
    assert not [e for e in p.api.get(f"{p.base}/events")["items"] if "Liveness" in e["message"]]


# --- lifecycle_hook.go, pre_stop.go
def listener(p, name):
    """Keeps what it is asked; its address."""
    script = "while :; do { printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'; } | nc -l -p 8080 -w 2 >>/tmp/got; done"
    p.pod(name, container(script))
    return p.ready(name)["status"]["podIP"]


@case("hooks: postStart and preStop, by command and by request")
def _(p):
    ip = listener(p, "hears")
    call = f"wget -qO- http://{ip}:8080/echo-{{}}; true"
    for kind in ("postStart", "preStop"):
        http = {"httpGet": {"path": f"/http-{kind}", "host": ip, "port": 8080, "httpHeaders": [{"name": "X-Walk", "value": kind}]}}
        p.pod(f"e{kind.lower()}", container("sleep 300", lifecycle={kind: {"exec": {"command": ["sh", "-c", call.format(kind)]}}}))
        p.ready(f"e{kind.lower()}")
        p.drop(f"e{kind.lower()}", 15)
        becomes(lambda kind=kind: f"GET /echo-{kind} " in p.run("hears", "cat /tmp/got"), 20, f"exec {kind}")
        p.pod(f"h{kind.lower()}", container("sleep 300", lifecycle={kind: http}))
        p.ready(f"h{kind.lower()}")
        p.drop(f"h{kind.lower()}", 15)
        becomes(lambda kind=kind: f"GET /http-{kind} " in p.run("hears", "cat /tmp/got"), 20, f"http {kind}")
    has(p.run("hears", "cat /tmp/got").lower(), "x-walk: poststart")


@case("hooks: preStop sleeps, is cut by the grace period, and a failing one is told")
def _(p):
    p.pod("a", container("trap 'exit 0' TERM; sleep 300 & wait", lifecycle={"preStop": {"sleep": {"seconds": 5}}}), terminationGracePeriodSeconds=30)
    p.pod("b", container("trap 'exit 0' TERM; sleep 300 & wait", lifecycle={"preStop": {"sleep": {"seconds": 100}}}), terminationGracePeriodSeconds=101)
    p.pod("d", container("sleep 300", lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "echo bad; exit 3"]}}}))
    p.pod("e", container("sleep 300", lifecycle={"postStart": {"exec": {"command": ["sh", "-c", "echo bad; exit 3"]}}}), restartPolicy="Always")
    for name in "abd":
        p.ready(name)
    begin = time.monotonic()
    p.drop("a", 30)
    p.drop("b", 2)
    p.drop("d", 5)
    becomes(lambda: p.gone("b"), 20)
    becomes(lambda: p.gone("a"), 30)
    assert 4.5 < time.monotonic() - begin < 16, time.monotonic() - begin
    p.event("d", "FailedPreStopHook", "PreStopHook failed")
    p.event("e", "FailedPostStartHook", "PostStartHook failed")
    p.event("e", "Killing", "FailedPostStartHook")


# --- runtimeclass.go
@case("runtimeclass: none, unknown, deleted, with and without overhead")
def _(p):
    base = "/apis/node.k8s.io/v1/runtimeclasses"
    name = f"rc-{p.ns}"
    refused(lambda: p.pod("x", container("true"), runtimeClassName=f"{name}-nowhere"), 403, "not found")
    p.api.post(base, {"metadata": {"name": name}, "handler": "runc"})
    p.api.post(base, {"metadata": {"name": f"{name}-o"}, "handler": "runc", "overhead": {"podFixed": {"cpu": "10m", "memory": "1Mi"}}})
    made = p.pod("a", container("true"), runtimeClassName=name)
    assert "overhead" not in made["spec"], made["spec"]
    p.phase("a", "Succeeded")
    made = p.pod("b", container("true"), runtimeClassName=f"{name}-o")
    same(made["spec"]["overhead"], {"cpu": "10m", "memory": "1Mi"})
    p.phase("b", "Succeeded")
    p.api.patch(f"{base}/{name}", {"metadata": {"labels": {"a": "b"}}})
    p.api.delete(f"{base}/{name}")
    p.api.delete(f"{base}/{name}-o")
    refused(lambda: p.pod("y", container("true"), runtimeClassName=name), 403, "not found")


# --- sidecars, container restart rules, resources of a pod, resize
@case("sidecars: start in order before the app, serve it, and end after it, the last first")
def _(p):
    shared = [{"name": "v", "mountPath": "/v"}]

    def side(name):
        say = f"echo up-{name} >>/v/order; trap 'echo down-{name} >>/v/order; exit 0' TERM; sleep 300 & wait"
        return container(say, name=name, volumeMounts=shared, restartPolicy="Always", startupProbe=probe(f"grep up-{name} /v/order", periodSeconds=1))

    app = container("echo up-app >>/v/order; trap 'echo down-app >>/v/order; exit 0' TERM; sleep 300 & wait", name="app", volumeMounts=shared)
    host = [{"name": "v", "hostPath": {"path": f"/tmp/walk-{p.ns}", "type": "DirectoryOrCreate"}}]
    p.pod("a", app, initContainers=[side("s1"), container("echo up-i >>/v/order", name="i", volumeMounts=shared), side("s2")], volumes=host, restartPolicy="Always")
    pod = p.ready("a")
    assert statuses(pod, "initContainerStatuses")["s1"]["started"]
    p.drop("a", 20)
    becomes(lambda: p.gone("a"), 40)
    out = p.output("b", container("cat /v/order; rm /v/order", volumeMounts=shared), volumes=host)
    same(out.split(), ["up-s1", "up-i", "up-s2", "up-app", "down-app", "down-s2", "down-s1"])


@case("sidecars: one does not keep a pod from its end, and restarts meanwhile")
def _(p):
    side = container("sleep 2; exit 1", name="s", restartPolicy="Always")
    p.pod("a", container("sleep 12"), initContainers=[side])
    pod = p.until("a", lambda q: statuses(q, "initContainerStatuses").get("s", {}).get("restartCount", 0) >= 1)
    same(pod["status"]["phase"], "Running")
    p.phase("a", "Succeeded", 60)


@case("restart rules: exit codes decide")
def _(p):
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    refused(lambda: p.pod("x", container("true", restartPolicyRules=rules)), 422, "must specify restartPolicy when restart rules are used")
    refused(lambda: p.pod("x", container("true", restartPolicy="Sometimes")), 422, "Unsupported value")
    v = {"volumeMounts": [{"name": "v", "mountPath": "/v"}], "restartPolicy": "Never", "restartPolicyRules": rules}
    p.pod("a", container("test -f /v/x && exit 0; touch /v/x; exit 42", **v), volumes=[{"name": "v", "emptyDir": {}}])
    p.pod("b", container("exit 7", **v), volumes=[{"name": "v", "emptyDir": {}}])
    same(restarts(p.phase("a", "Succeeded")), 1)
    same(restarts(p.phase("b", "Failed")), 0)


@case("resources: of a pod as a whole")
def _(p):
    r = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    made = p.pod("a", container("cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; sleep 300"), resources=r)
    same(made["status"]["qosClass"], "Burstable")
    pod = p.ready("a")
    same(pod["spec"]["resources"]["limits"], r["limits"])
    same(made["spec"]["containers"][0].get("resources", {}), {})


@case("resize: in place, by restart, and refused by what a node has")
def _(p):
    r = {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    policy = [{"resourceName": "cpu", "restartPolicy": "NotRequired"}, {"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    p.pod("a", container("trap 'exit 0' TERM; sleep 300 & wait", resources=r, resizePolicy=policy), restartPolicy="Always")
    p.ready("a")

    def resize(cpu, memory):
        new = {"requests": {"cpu": cpu, "memory": "32Mi"}, "limits": {"cpu": "300m", "memory": memory}}
        p.api.patch(f"{p.base}/pods/a/resize", {"spec": {"containers": [{"name": "c", "resources": new}]}}, STRATEGIC)

    resize("150m", "64Mi")
    pod = p.until("a", lambda q: statuses(q)["c"].get("resources", {}).get("requests", {}).get("cpu") == "150m", 30)
    same(restarts(pod), 0)
    resize("150m", "96Mi")
    p.until("a", lambda q: restarts(q) == 1 and statuses(q)["c"].get("resources", {}).get("limits", {}).get("memory") == "96Mi", 40)


# --- deletion, names and hosts
@case("hostname: of the pod, its own, with a subdomain, as FQDN, truncated")
def _(p):
    name = "x" * 70
    same(p.output(name, container("hostname")), "x" * 63 + "\n")
    same(p.output("a", container("hostname; hostname -f"), hostname="hh", subdomain="sub").split(), ["hh", f"hh.sub.{p.ns}.svc.cluster.local"])
    same(p.output("b", container("hostname"), hostname="hh", subdomain="sub", setHostnameAsFQDN=True), f"hh.sub.{p.ns}.svc.cluster.local\n")
    p.pod("c" * 60, container("hostname"), subdomain="sub", setHostnameAsFQDN=True)
    p.event("c" * 60, "FailedCreatePodSandBox", "FQDN")


@case("logs: limits, times, lines, previous, and words for what is wrong")
def _(p):
    p.pod("a", [container("for i in 1 2 3 4 5; do echo line $i; done; sleep 300", name="one"), container("sleep 300", name="two")])
    p.ready("a")
    becomes(lambda: p.log("a", "one").count("\n") == 5, 10)
    same(p.log("a", "one", tailLines=2), "line 4\nline 5\n")
    same(p.log("a", "one", limitBytes=8), "line 1\nl")
    same(p.log("a", "one", tailLines=0), "")
    stamped = p.log("a", "one", timestamps="true").splitlines()
    when, rest = stamped[2].split(" ", 1)
    same(rest, "line 3")
    same(p.log("a", "one", sinceTime=when[:19] + "Z").count("\n") >= 3, True)
    same(p.log("a", "one", sinceTime="2099-01-01T00:00:00Z"), "")
    same(p.log("a", "one", sinceSeconds=3600).count("\n"), 5)
    status = refused(lambda: p.api.get(f"{p.base}/pods/a/log"), 400, "a container name must be specified for pod a, choose one of: [one two]")
    status = refused(lambda: p.api.get(f"{p.base}/pods/a/log?container=none"), 400, "container none is not valid for pod a")
    status = refused(lambda: p.api.get(f"{p.base}/pods/a/log?container=one&previous=true"), 400, 'previous terminated container \\"one\\" in pod \\"a\\" not found')
    status = refused(lambda: p.api.get(f"{p.base}/pods/a/log?container=one&tailLines=-1"), 422, "tailLines")
    status = refused(lambda: p.api.get(f"{p.base}/pods/a/log?container=one&limitBytes=0"), 422, "limitBytes")
    status = refused(lambda: p.api.get(f"{p.base}/pods/a/log?container=one&sinceSeconds=1&sinceTime=2099-01-01T00:00:00Z"), 422, "sinceTime")
    assert status


@case("exec: exit codes, standard input, errors")
def _(p):
    p.pod("a", container("sleep 300"))
    p.ready("a")
    got = p.run("a", "echo out; echo err >&2; exit 42", check=False)
    same((got.returncode, got.stdout), (42, "out\n"))
    has(got.stderr, "err\n")
    got = p.run("a", ["/no/such"], check=False)
    assert got.returncode in (126, 127, 1) and "no such file" in got.stderr, got
    got = p.run("a", "true", container="none", check=False)
    has(got.stderr, "container none is not valid for pod a")
