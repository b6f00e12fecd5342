"""The zoo's vision models, one module each."""
