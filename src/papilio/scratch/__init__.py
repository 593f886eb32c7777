"""The second engine: the same nets by hand, in plain NumPy. Read layers, losses, network, optimisers, then the rest."""
