"""The things themselves: corridors, places, markets."""
