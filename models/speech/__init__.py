"""The zoo's speech models, one module each."""
