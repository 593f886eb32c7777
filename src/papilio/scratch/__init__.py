"""Nets by hand, in plain NumPy: each layer, loss and optimizer with its formula, forward and backward.

To learn how backpropagation works read `layers` from top to bottom, then `convolutions`, `pooling`, `losses`, `initializers`,
`network`, `objectives` and `optimizers`: each uses only what stands in those before it. docs/by-hand.md guides through them.
`papilio.numpy_engine` joins them to Papilio; nothing here knows of it.
"""
