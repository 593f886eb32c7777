"""The second engine: the same nets by hand, in plain NumPy.

To learn how backpropagation works read `layers` from top to bottom, then `losses`, `network`, `objectives`, `optimizers` and
`initializers`: that is all of the arithmetic. `families` builds nets; `session`, `nets` and `numpy_engine` join it to Papilio.
"""
