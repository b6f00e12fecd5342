"""`build`: the stages, the artifacts between them, the search strategies over them, and resuming."""
