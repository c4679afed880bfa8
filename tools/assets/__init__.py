"""What the saved map carries: libraries, waters, relief; and the pictures of the docs."""
