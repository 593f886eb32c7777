"""What a run is: what it asks of its images, how it is measured and ranked, what it offers and what is looked at. No torch."""
