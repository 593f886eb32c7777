"""Batches, objectives, optimisers, sessions and their state: everything between a net and its weights."""
