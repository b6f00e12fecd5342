"""The gate of an app's build: does a finished bundle keep its limits, and is it what it claims to be?

    from edgeprune.gate import Limits, check

    result = check("build/edgeprune", Limits.parse(max_size="200kB", max_drop=0.5))
    result.require()                      # raises what `edgeprune check` exits with
    for judgement in result.judgements:   # one for each limit (and device)
        print(judgement.sentence())

    check(bundle, limits, devices=["ssh://pi@raspberrypi.local"], against="releases/", verify=True)

A limit that cannot be measured is an error, never a pass. Nothing here imports TensorFlow.
"""

from edgeprune.gate.checking import check
from edgeprune.gate.limits import Limits
from edgeprune.gate.recipe_limits import read_limits
from edgeprune.gate.result import CheckResult, Judgement, Status, VerifiedPart
from edgeprune.gate.verification import verify

__all__ = ["CheckResult", "Judgement", "Limits", "Status", "VerifiedPart", "check", "read_limits", "verify"]
