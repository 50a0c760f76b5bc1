"""Checks of a hub by the official Python SDK: python sdk HUB SUBJECT...

HUB is JSON: connection_string, and for another transport than plain AMQP also transport (tls, websocket, wss), port and
ca. A subject is a module of this folder; `SUBJECT.CHECK` is one check of it. All checks run at once, each on a partition
of its own.
"""

import importlib
import json
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from clients import Hub

# Most checks wait for the hub or for a timeout of the SDK.
WORKERS = 12


def checks_of(subject):
    module, _, name = subject.partition(".")
    found = importlib.import_module(module).CHECKS
    return [check for check in found if name in ("", check.__name__)]


def main(hub, subjects):
    checks = [check for subject in subjects for check in checks_of(subject)]
    assert checks, subjects
    failed = []

    def run(check, partition):
        began = time.monotonic()
        try:
            check(Hub(hub), str(partition))
            print(f"passed {check.__name__} in {time.monotonic() - began:.1f} s")
        except BaseException:
            failed.append(check.__name__)
            print("failed", check.__name__, traceback.format_exc(), sep="\n")

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for number, check in enumerate(checks):
            pool.submit(run, check, number)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
