"""What is looked at after training: a trained run and an image set go in, arrays come out. Nothing here draws."""
