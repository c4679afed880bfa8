"""How much memory a process has held at most."""

import re
import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak():
    """Return the most that this process has held, in MB.

    Linux hands `ru_maxrss` down from the process that started this one; its own status doesn't.
    """
    if STATUS.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
