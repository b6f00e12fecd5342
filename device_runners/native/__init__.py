"""Devices without Python: a small C program that runs the model, and the host's half of it.

The files:

    job.py              bundle -> the plain binary job that the program reads
    src/, CMakeLists    the program; opens libLiteRt.so or libtensorflowlite_c.so at run time
    output.py           what it prints -> RunRecord
    runner.py           find or build the program, send it, run it
    benchmark_model.py  the same with Google's prebuilt tool
"""
