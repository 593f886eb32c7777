"""What trained runs say of a user's own pictures: classes, numbers on dials, latents."""
