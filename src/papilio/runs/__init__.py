"""The run folder: what is in it, how it comes to be, how a trained run is used again."""
