"""Figures: arrays in, matplotlib figures and their files out. Nothing here computes a result or knows a study."""
