"""The zoo's text models, one module each."""
