"""How many examples hypothesis draws where one takes long."""

import os

from hypothesis import settings


def tries(quick):
    """Take so many in the quick profile, and as many as the profile says in any other."""
    profile = os.environ.get("HYPOTHESIS_PROFILE", "quick")
    return settings(max_examples=quick) if profile == "quick" else settings()
