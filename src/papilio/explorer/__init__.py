"""`papilio explore`: a run's latent space, or what its layers see, as a map to move on."""
