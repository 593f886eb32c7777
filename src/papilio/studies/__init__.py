"""The study file, its runs, the workers that execute them, and the folder that they leave."""
