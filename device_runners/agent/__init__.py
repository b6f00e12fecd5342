"""What runs on the device: Python 3.9+, numpy and a TFLite runtime, nothing else.

    job JSON on stdin ──> check the bundle ──> load the runtime, then the model ──> time it
                      ──> evaluate the samples ──> RunRecord JSON on stdout

It travels as one zip with edgeprune's light modules; see `device_runners.python_runner`.
"""
