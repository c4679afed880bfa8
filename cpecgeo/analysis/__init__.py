"""Questions asked of things."""
