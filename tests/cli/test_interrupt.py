"""Ctrl-C where a package in C is being imported: what it makes of the interrupt is still one."""

import signal
import subprocess
import sys

CODE = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from edgeprune import cli

def app(*_arguments, **_settings):
    print("ready", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        raise ImportError("initialization failed") from None

cli.app = app
cli.main()
"""


def test_an_import_that_ctrl_c_broke_is_an_interrupt():
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "initialization failed" not in said
