"""Checks that go on after a failure; each prints a line."""

import sys
import time
import traceback

held = 0
failed = 0


def check(what, f):
    """Runs f, which raises (or returns False) when it does not hold."""
    global held, failed
    try:
        if f() is False:
            raise AssertionError("does not hold")
        held += 1
        print(f"  ok    {what}", flush=True)
    except Exception as e:  # whatever a client throws is a failure of that check alone
        failed += 1
        lines = traceback.format_exc().splitlines() if not isinstance(e, AssertionError) else [str(e)]
        print(f"  FAIL  {what}\n        " + "\n        ".join(lines[-6:])[:1500], flush=True)


def same(actual, expected):
    assert actual == expected, f"expected {expected!r}, got {actual!r}"


def becomes(f, seconds=30):
    """Waits until f returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = f()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def refused(f, code, reason):
    """Requires the call to raise ApiException (or a DynamicApiError) of that code and reason."""
    import json

    from kubernetes.client.exceptions import ApiException

    try:
        f()
    except ApiException as e:
        same(e.status, code)
        same(json.loads(e.body)["reason"], reason)
        return json.loads(e.body)
    raise AssertionError(f"was not refused with {code} {reason}")


def finish():
    print(f"{held} held, {failed} did not", flush=True)
    sys.exit(1 if failed else 0)
