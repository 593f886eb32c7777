"""Image sets: named ones, folders and archives of pictures, arrays. NumPy and Pillow only; `papilio.data.load` is the way in."""
