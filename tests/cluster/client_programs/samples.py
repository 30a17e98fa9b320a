"""A small object of every kind that can be listed and created, by group version and kind."""

import base64
import copy
import subprocess

import yaml

POD_SPEC = {"containers": [{"name": "c", "image": "thespis.local/sample:v1"}]}
# No node has it: pods of these samples stay pending, and nothing reacts to them.
PENDING = dict(POD_SPEC, nodeSelector={"none": "such"})
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": PENDING}
SELECTOR = {"matchLabels": {"a": "b"}}
HOOK = {
    "name": "hook.example.com",
    "clientConfig": {"url": "https://127.0.0.1:1/hook"},
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "failurePolicy": "Ignore",
    "rules": [
        {
            "apiGroups": ["example.com"],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["nothings"],
        }
    ],
}
MATCH = {"resourceRules": HOOK["rules"]}
CRD = """
metadata: {name: gadgets.clients.example.com}
spec:
  group: clients.example.com
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object}}}}
"""



def signing_request():
    """A request for a client certificate, in PEM."""
    made = subprocess.run(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null "
        "-subj /O=tests/CN=walker".split(),
        check=True,
        capture_output=True,
    )
    return base64.b64encode(made.stdout).decode()


def authority():
    """A self-signed certificate of an authority, in PEM."""
    made = subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null "
        "-subj /CN=walkers -days 2 -addext basicConstraints=critical,CA:TRUE".split(),
        check=True,
        capture_output=True,
    )
    return made.stdout.decode()


MUTATION = {
    "patchType": "JSONPatch",
    "jsonPatch": {"expression": '[JSONPatch{op: "add", path: "/metadata/labels/a", value: "b"}]'},
}
EXACTLY = {"name": "one", "exactly": {"deviceClassName": "none"}}
CLAIM = {"devices": {"requests": [EXACTLY]}}
OLD_CLAIM = {"devices": {"requests": [{"name": "one", "deviceClassName": "none"}]}}
SLICE = {
    "nodeName": "none",
    "driver": "devices.example.com",
    "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
    "devices": [{"name": "device-1"}],
}

SAMPLES = {
    "v1/ConfigMap": {"data": {"k": "v"}},
    "v1/Endpoints": {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]},
    "v1/Event": {
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Test",
        "message": "m",
        "type": "Normal",
    },
    "v1/LimitRange": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "100"}}]}},
    "v1/Namespace": {},
    "v1/Node": {"spec": {"unschedulable": True}},
    "v1/PersistentVolumeClaim": {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
        }
    },
    "v1/PersistentVolume": {
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/tmp/none"},
            "storageClassName": "manual",
        }
    },
    "v1/Pod": {"spec": dict(PENDING, terminationGracePeriodSeconds=0)},
    "v1/PodTemplate": {"template": TEMPLATE},
    "v1/ReplicationController": {"spec": {"replicas": 0, "selector": {"a": "b"}, "template": TEMPLATE}},
    "v1/ResourceQuota": {"spec": {"hard": {"pods": "1000"}}},
    "v1/Secret": {"stringData": {"k": "v"}},
    "v1/ServiceAccount": {},
    "v1/Service": {"spec": {"ports": [{"port": 80}], "selector": {"a": "none"}}},
    "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": {"webhooks": [HOOK]},
    "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": {"webhooks": [HOOK]},
    "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": {
        "spec": {"matchConstraints": MATCH, "validations": [{"expression": "true"}]}
    },
    "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": {
        "spec": {"policyName": "none", "validationActions": ["Warn"]}
    },
    "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy": {
        "spec": {
            "matchConstraints": MATCH,
            "mutations": [MUTATION],
            "reinvocationPolicy": "Never",
            "failurePolicy": "Ignore",
        }
    },
    "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicyBinding": {
        "spec": {"policyName": "none"}
    },
    "apiextensions.k8s.io/v1/CustomResourceDefinition": yaml.safe_load(CRD),
    "apiregistration.k8s.io/v1/APIService": {
        "spec": {
            "group": "walked.example.com",
            "version": "v1",
            "groupPriorityMinimum": 10,
            "versionPriority": 10,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "none"},
        }
    },
    "apps/v1/ControllerRevision": {"revision": 1, "data": {"a": "b"}},
    "apps/v1/DaemonSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1/Deployment": {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1/ReplicaSet": {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1/StatefulSet": {
        "spec": {"replicas": 0, "serviceName": "s", "selector": SELECTOR, "template": TEMPLATE}
    },
    "autoscaling/v2/HorizontalPodAutoscaler": {
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}
    },
    "autoscaling/v1/HorizontalPodAutoscaler": {
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}
    },
    "batch/v1/CronJob": {
        "spec": {
            "schedule": "0 0 1 1 *",
            "jobTemplate": {"spec": {"template": {"spec": dict(PENDING, restartPolicy="Never")}}},
        }
    },
    "batch/v1/Job": {"spec": {"suspend": True, "template": {"spec": dict(PENDING, restartPolicy="Never")}}},
    "certificates.k8s.io/v1/CertificateSigningRequest": {
        "spec": {
            "request": signing_request(),
            "signerName": "example.com/none",
            "usages": ["client auth"],
        }
    },
    "certificates.k8s.io/v1beta1/ClusterTrustBundle": {"spec": {"trustBundle": authority()}},
    "coordination.k8s.io/v1beta1/LeaseCandidate": {
        "spec": {
            "leaseName": "none",
            "binaryVersion": "1.34.0",
            "emulationVersion": "1.34.0",
            "strategy": "OldestEmulationVersion",
        }
    },
    "coordination.k8s.io/v1/Lease": {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 10}},
    "discovery.k8s.io/v1/EndpointSlice": {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"]}],
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    },
    "events.k8s.io/v1/Event": {
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.com/test",
        "reportingInstance": "i",
        "action": "Testing",
        "reason": "Test",
        "type": "Normal",
        "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
    },
    "flowcontrol.apiserver.k8s.io/v1/FlowSchema": {
        "spec": {"priorityLevelConfiguration": {"name": "none"}, "matchingPrecedence": 500}
    },
    "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration": {
        "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}}
    },
    "networking.k8s.io/v1/IngressClass": {"spec": {"controller": "example.com/none"}},
    "networking.k8s.io/v1/Ingress": {
        "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    },
    "networking.k8s.io/v1/NetworkPolicy": {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}},
    "node.k8s.io/v1/RuntimeClass": {"handler": "runc"},
    "policy/v1/PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "none"}}}},
    "rbac.authorization.k8s.io/v1/ClusterRole": {
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    },
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "nobody"}],
    },
    "rbac.authorization.k8s.io/v1/Role": {
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]
    },
    "rbac.authorization.k8s.io/v1/RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "none"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    },
    "scheduling.k8s.io/v1/PriorityClass": {"value": 7},
    "storage.k8s.io/v1/CSIDriver": {"spec": {"attachRequired": False}},
    "storage.k8s.io/v1/CSINode": {"spec": {"drivers": []}},
    "storage.k8s.io/v1/CSIStorageCapacity": {"storageClassName": "none", "capacity": "1Gi"},
    "storage.k8s.io/v1/StorageClass": {"provisioner": "example.com/none"},
    "storage.k8s.io/v1/VolumeAttachment": {
        "spec": {"attacher": "example.com", "nodeName": "none", "source": {"persistentVolumeName": "none"}}
    },
}

for version, claim in (("v1", CLAIM), ("v1beta2", CLAIM), ("v1beta1", OLD_CLAIM)):
    group = f"resource.k8s.io/{version}"
    SAMPLES[f"{group}/DeviceClass"] = {
        "spec": {"selectors": [{"cel": {"expression": 'device.driver == "devices.example.com"'}}]}
    }
    SAMPLES[f"{group}/ResourceClaim"] = {"spec": claim}
    SAMPLES[f"{group}/ResourceClaimTemplate"] = {"spec": {"spec": claim}}
    SAMPLES[f"{group}/ResourceSlice"] = {"spec": copy.deepcopy(SLICE)}
    if version == "v1beta1":
        SAMPLES[f"{group}/ResourceSlice"]["spec"]["devices"][0]["basic"] = {}
for version in ("v1", "v1beta1"):
    SAMPLES[f"storage.k8s.io/{version}/VolumeAttributesClass"] = {
        "driverName": "example.com",
        "parameters": {"a": "b"},
    }
    SAMPLES[f"networking.k8s.io/{version}/IPAddress"] = {
        "spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "none"}}
    }
    SAMPLES[f"networking.k8s.io/{version}/ServiceCIDR"] = {"spec": {"cidrs": ["10.201.0.0/24"]}}

# Names that are no free choice.
NAMES = {
    "apiextensions.k8s.io/v1/CustomResourceDefinition": "gadgets.clients.example.com",
    "apiregistration.k8s.io/v1/APIService": "v1.walked.example.com",
    "networking.k8s.io/v1/IPAddress": "10.201.0.7",
    "networking.k8s.io/v1beta1/IPAddress": "10.201.0.8",
    "storage.k8s.io/v1/CSIDriver": "client.example.com",
}


def sample(api_version, kind, name, namespaced):
    key = f"{api_version}/{kind}"
    if key not in SAMPLES:
        return None
    metadata = {"name": NAMES.get(key, name), "labels": {"made-by": "clients"}}
    if namespaced:
        metadata["namespace"] = "default"
    return {"apiVersion": api_version, "kind": kind, **copy.deepcopy(SAMPLES[key]), "metadata": metadata}
