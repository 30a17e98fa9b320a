#!/usr/bin/env python3
"""Compares api/schema/*.yaml with a reference description of the Kubernetes API.

usage: schema_coverage.py REFERENCE_TYPES.json [REFERENCE_RESOURCES.json] [--undescribed]

The reference is JSON: an object of full type names, each with `fields` of `type` (a scalar or a
type's name) or `array` or `map` of one, `format`, `required`, `listType`, `listMapKeys`,
`patchMergeKey`, `patchStrategy` and `pb`, and `pbInline` for numbers under other names; resources are a list of objects with `groupVersion`,
`name`, `kind`, `namespaced`, `shortNames`, `categories` and `verbs`. Prints a line for every
difference and a summary; exits with 1 when something differs that our files do describe. Types and
resources the files leave out only count against the coverage.
"""
import glob
import json
import os
import sys

import yaml

EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
SCALARS = {
    EXTENSIONS + "JSON": "any",
    EXTENSIONS + "JSONSchemaPropsOrArray": "any",
    EXTENSIONS + "JSONSchemaPropsOrBool": "any",
    EXTENSIONS + "JSONSchemaPropsOrStringArray": "any",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
}
ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def load_ours(folder):
    """Types by full name, with references made full; resources by (group version, name)."""
    docs = []
    for path in sorted(glob.glob(os.path.join(folder, "*.yaml"))):
        with open(path, encoding="utf-8") as f:
            docs.append(yaml.safe_load(f))
    packages = {d["alias"]: d["package"] for d in docs}
    types, resources = {}, {}
    for d in docs:
        for name, t in d["types"].items():
            for f in t["fields"].values():
                f["type"] = full_type(f["type"], d, packages)
            types[d["package"] + "." + name] = t
        group_version = (d["group"] + "/" if d["group"] else "") + d["version"]
        for r in d.get("resources", []):
            resources[group_version, r["plural"]] = r
    return types, resources


def full_type(notation, doc, packages):
    *holders, base = notation.split()
    if base[0].isupper():
        base = doc["package"] + "." + base
    elif "." in base:
        alias, name = base.split(".")
        base = packages[alias] + "." + name
    return " ".join([*holders, base])


def reference_type(f):
    """The reference's type in our notation."""
    if "array" in f:
        return "list " + reference_type(f["array"])
    if "map" in f:
        return "map " + reference_type(f["map"])
    name, form = f["type"], f.get("format")
    if "." in name:
        return SCALARS.get(name, name)
    if name == "string":
        return "bytes" if form == "byte" else "string"
    return {"integer": form, "number": "double", "boolean": "bool"}[name]


def texts(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def differences(name, ours, theirs):
    """What our field says differently; defaults are compared where the reference has one."""
    listed = ours.get("list")
    pairs = {
        "type": (ours["type"], reference_type(theirs)),
        "required": (bool(ours.get("required")), bool(theirs.get("required"))),
        "list": ("map" if isinstance(listed, list) else listed, theirs.get("listType")),
        "list keys": (listed if isinstance(listed, list) else [], theirs.get("listMapKeys", [])),
        "map": (ours.get("map"), theirs.get("mapType")),
        "merge key": (ours.get("merge_key"), theirs.get("patchMergeKey")),
        "patch strategy": (",".join(texts(ours.get("patch"))), theirs.get("patchStrategy", "")),
    }
    if theirs.get("pb"):
        pairs["pb"] = (ours.get("pb"), theirs["pb"])
    if "default" in theirs:
        pairs["default"] = (ours.get("default"), theirs["default"])
    for what, (a, b) in pairs.items():
        if a != b:
            yield f"{name}: {what} is {a!r}, reference has {b!r}"


def compare_types(ours, reference):
    found = []
    known = [n for n, t in reference.items() if n in ours and "fields" in t]
    fields = 0
    for name in known:
        mine = ours[name]["fields"]
        theirs = dict(reference[name]["fields"])
        if ours[name].get("kind"):
            theirs.pop("apiVersion", None)
            theirs.pop("kind", None)
        for inline, number in reference[name].get("pbInline", {}).items():
            for f in theirs:
                if f.lower() == inline.lower():
                    theirs[f] = dict(theirs[f], pb=number["pb"])
        fields += len(theirs)
        found += [f"{name}.{f}: missing" for f in theirs if f not in mine]
        found += [f"{name}.{f}: not in the reference" for f in mine if f not in theirs]
        for f in mine:
            if f in theirs:
                found += differences(f"{name}.{f}", mine[f], theirs[f])
    found += [f"{n}: not in the reference" for n in ours if n not in reference]
    # Lists follow from their kinds and need no description.
    wanted = [n for n, t in reference.items()
              if "fields" in t and not (n.endswith("List") and n[:-4] in reference)]
    covered = sum(n in ours for n in wanted)
    print(f"types: {covered} of {len(wanted)} in the reference, with {fields} fields")
    return found


def compare_resources(ours, reference):
    found, covered = [], 0
    for r in reference:
        mine = ours.get((r["groupVersion"], r["name"]))
        if not mine:
            continue
        covered += 1
        name = f'{r["groupVersion"]} {r["name"]}'
        pairs = {
            "kind": (mine["kind"], r["kind"]),
            "namespaced": (mine.get("namespaced", True), r["namespaced"]),
            "short names": (texts(mine.get("short")), r.get("shortNames", [])),
            "categories": (texts(mine.get("categories")), r.get("categories", [])),
            "verbs": (sorted(mine.get("verbs", ALL_VERBS)), sorted(r["verbs"])),
        }
        found += [f"{name}: {w} is {a!r}, reference has {b!r}"
                  for w, (a, b) in pairs.items() if a != b]
    plain = sum("/" not in r["name"] for r in reference)
    print(f"resources: {covered} of {plain} in the reference")
    return found


def undescribed(types):
    for name, t in types.items():
        if not t.get("about"):
            yield name
        for f, x in t["fields"].items():
            if not x.get("about"):
                yield f"{name}.{f}"


def main(args):
    show = "--undescribed" in args
    files = [a for a in args if not a.startswith("--")]
    if not files:
        print(__doc__)
        return 2
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "api", "schema")
    types, resources = load_ours(folder)
    with open(files[0], encoding="utf-8") as f:
        found = compare_types(types, json.load(f))
    if len(files) > 1:
        with open(files[1], encoding="utf-8") as f:
            found += compare_resources(resources, json.load(f))
    nameless = list(undescribed(types))
    print(f"without a description: {len(nameless)}")
    for line in nameless if show else []:
        print("  " + line)
    for line in found:
        print(line)
    print(f"differences: {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
