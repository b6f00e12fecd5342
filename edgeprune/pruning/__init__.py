"""What to remove, how to remove it, and how to repair what is left."""
