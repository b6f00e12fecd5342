"""Can this machine build and reach devices? `examine` looks; every check says the fix.

Nothing heavy is imported here: TensorFlow is tried out in a process of its own.
"""

from edgeprune.doctor.examine import Health, MachineCheck, can_build, examine

__all__ = ["Health", "MachineCheck", "can_build", "examine"]
