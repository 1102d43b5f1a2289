"""One forward through a part and all parts in it."""
