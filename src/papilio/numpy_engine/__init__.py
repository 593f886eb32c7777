"""The NumPy engine: what joins the nets by hand, `papilio.scratch`, to Papilio. Checks, epochs, checkpoints, answers."""
