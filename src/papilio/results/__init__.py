"""What a study's folder holds, read back: runs, trials, stages, published numbers."""
