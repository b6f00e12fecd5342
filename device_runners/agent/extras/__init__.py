"""What is measured only where somebody asks for it; only then does it travel along."""
