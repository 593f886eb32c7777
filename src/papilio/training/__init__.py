"""Batches, objectives, optimisers, the driver and its checkpoints: everything between a net and its weights."""
