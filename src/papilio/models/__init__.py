"""Networks: builders with plain arguments, no study in sight. `papilio.models.families` lists them."""
