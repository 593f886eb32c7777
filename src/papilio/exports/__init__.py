"""A trained run as files for other programs: ONNX, safetensors, and a card that says what it is."""
