"""Batches, objectives, optimizers, sessions and their state: everything between a net and its weights."""
