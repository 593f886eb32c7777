"""Target designs: what is asked of an image, how outputs are scored, and what they decode to."""
