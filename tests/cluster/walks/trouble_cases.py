"""What cannot start: a pod's status and events say so in kubelet's words."""

import json

from walk import case, condition, container, has, same, statuses


def waits(p, name, reason, part="", seconds=60):
    def f(pod):
        w = statuses(pod).get("c", {}).get("state", {}).get("waiting", {})
        return w.get("reason") == reason and part in w.get("message", "")

    return p.until(name, f, seconds)


@case("trouble: a command that is not there")
def _(p):
    p.pod("a", container(["/no/such/thing"]), restartPolicy="Always")
    p.until("a", lambda q: statuses(q).get("c", {}).get("lastState", {}).get("terminated", {}).get("reason") == "StartError")
    pod = p.look("a")
    ended = statuses(pod)["c"]["lastState"]["terminated"]
    same(ended["exitCode"], 128)
    has(ended["message"], "failed to create containerd task")
    p.event("a", "Failed", 'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/no/such/thing"'[:60])
    p.pod("b", container(["/no/such/thing"]))
    pod = p.phase("b", "Failed")
    ended = statuses(pod)["c"]["state"]["terminated"]
    same((ended["exitCode"], ended["reason"]), (128, "StartError"))


@case("trouble: a working directory, a user, a device that are not there")
def _(p):
    p.pod("dir", container("pwd", workingDir="/made/on/the/way"))
    same(p.phase("dir", "Succeeded")["status"]["phase"], "Succeeded")
    same(p.log("dir"), "/made/on/the/way\n")
    p.pod("user", container("id -u", securityContext={"runAsUser": 4242}))
    p.phase("user", "Succeeded")
    same(p.log("user"), "4242\n")


@case("trouble: keys that are missing in the environment")
def _(p):
    p.config("m", {"a": "1"})
    p.secret("s", {"a": "1"})
    for name, ref, word in (("cm", {"configMapKeyRef": {"name": "m", "key": "b"}}, f"couldn't find key b in ConfigMap {p.ns}/m"),
                            ("s", {"secretKeyRef": {"name": "s", "key": "b"}}, f"couldn't find key b in Secret {p.ns}/s"),
                            ("nos", {"secretKeyRef": {"name": "none", "key": "b"}}, 'secret "none" not found')):
        p.pod(name, container("true", env=[{"name": "X", "valueFrom": ref}]))
        waits(p, name, "CreateContainerConfigError", word)
        p.event(name, "Failed", f"Error: {word}")


@case("trouble: images that are not there, and names that are none")
def _(p):
    p.pod("never", {"name": "c", "image": "thespis.local/none:v1", "imagePullPolicy": "Never"})
    waits(p, "never", "ErrImageNeverPull", 'Container image "thespis.local/none:v1" is not present with pull policy of Never')
    p.event("never", "ErrImageNeverPull", 'Container image "thespis.local/none:v1" is not present with pull policy of Never')
    p.event("never", "Failed", "Error: ErrImageNeverPull")
    p.pod("bad", {"name": "c", "image": "case/UPPER:v1"})
    waits(p, "bad", "InvalidImageName", 'Failed to apply default image tag "case/UPPER:v1": couldn\'t parse image name "case/UPPER:v1": invalid reference format: repository name (case/UPPER) must be lowercase')
    p.event("bad", "InspectFailed", "Failed to apply default image tag")
    p.event("bad", "Failed", "Error: InvalidImageName")
    p.pod("pull", {"name": "c", "image": "127.0.0.1:1/none:v1"})
    p.until("pull", lambda q: statuses(q).get("c", {}).get("state", {}).get("waiting", {}).get("reason") in ("ErrImagePull", "ImagePullBackOff"))
    p.event("pull", "Pulling", 'Pulling image "127.0.0.1:1/none:v1"')
    p.event("pull", "Failed", 'Failed to pull image "127.0.0.1:1/none:v1"')
    p.event("pull", "Failed", "Error: ErrImagePull")
    p.event("pull", "BackOff", 'Back-off pulling image "127.0.0.1:1/none:v1"')


@case("trouble: an out-of-memory kill is told")
def _(p):
    p.pod("a", container("head -c 200000000 /dev/zero | tail >/dev/null; sleep 1; exit 9", resources={"limits": {"memory": "16Mi"}}))
    p.pod("b", container(["sh", "-c", "exec awk 'BEGIN { s = \"x\"; while (1) s = s s }'"], resources={"limits": {"memory": "16Mi"}}))
    pod = p.phase("b", "Failed")
    ended = statuses(pod)["c"]["state"]["terminated"]
    same((ended["exitCode"], ended["reason"]), (137, "OOMKilled"))


@case("trouble: users' namespaces, which the runtime does not have, are told")
def _(p):
    p.pod("a", container("cat /proc/self/uid_map"), hostUsers=False)
    p.event("a", "FailedCreatePodSandBox", "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces")
    same(p.look("a")["status"]["phase"], "Pending")


@case("trouble: AppArmor where it is not")
def _(p):
    p.pod("a", container("true", securityContext={"appArmorProfile": {"type": "Localhost", "localhostProfile": "none"}}))
    pod = p.until("a", lambda q: q["status"]["phase"] == "Failed", 30)
    same(pod["status"]["reason"], "AppArmor")
    has(pod["status"]["message"], "Cannot enforce AppArmor: AppArmor is not enabled on the host")


@case("trouble: volumes of kinds that nobody serves are told")
def _(p):
    p.pod("a", container("true", volumeMounts=[{"name": "v", "mountPath": "/v"}]), volumes=[{"name": "v", "nfs": {"server": "127.0.0.1", "path": "/none"}}])
    p.event("a", "FailedMount", 'MountVolume.SetUp failed for volume "v"', 40)


@case("trouble: host ports that clash keep the second pod waiting")
def _(p):
    port = 20000 + int(p.ns.split("-")[1])
    c = container("sleep 300", ports=[{"containerPort": 8080, "hostPort": port}])
    p.pod("a", c)
    node = p.ready("a")["spec"]["nodeName"]
    p.pod("b", c)
    pod = p.until("b", lambda q: condition(q, "PodScheduled") == "False", 20)
    has(json.dumps(pod["status"]), "didn't have free ports for the requested pod ports")
    p.pod("d", c, nodeName=node)
    pod = p.phase("d", "Failed", 20)
    same((pod["status"]["reason"], pod["status"]["message"]), ("NodePorts", "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"))
