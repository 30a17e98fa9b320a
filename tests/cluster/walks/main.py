"""Walks what Kubernetes' conformance suite expects of nodes and of storage.

main.py URL CA CERT KEY KUBECONFIG MODULE,... [PART OF A CASE'S NAME]...
"""

import importlib
import sys

from walk import Api, run_all

url, ca, cert, key, kubeconfig, modules, *only = sys.argv[1:]
for module in modules.split(","):
    importlib.import_module(module)
sys.exit(run_all(Api(url, ca, cert, key), kubeconfig, only, at_once=8))
