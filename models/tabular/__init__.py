"""The zoo's models for rows of numbers."""
