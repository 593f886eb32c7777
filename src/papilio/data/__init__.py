"""Image sets: named ones, folders and archives of pictures, arrays. `papilio.data.load` is the way in."""
