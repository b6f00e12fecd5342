"""Sources of data, one module a kind; every one hands over a `Dataset`."""
