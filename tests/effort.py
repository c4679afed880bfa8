"""How many examples hypothesis draws where one takes long."""

import os

from hypothesis import settings


def tries(quick, nightly=None):
    """Take so many in the quick profile; in any other as many as it says, or `nightly`."""
    profile = os.environ.get("HYPOTHESIS_PROFILE", "quick")
    if profile == "quick":
        return settings(max_examples=quick)
    return settings() if nightly is None else settings(max_examples=nightly)
