"""The study file: its tables, its search space, its stages and trials, and the images that it needs."""
