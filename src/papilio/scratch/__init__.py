"""The second engine: the same nets by hand, in plain NumPy.

To learn how backpropagation works read `layers` from top to bottom, then `convolutions`, `pooling`, `losses`, `network`,
`objectives`, `optimizers` and `initializers`: that is all of the arithmetic. `families`, `session` and `numpy_engine` join it
to Papilio.
"""
