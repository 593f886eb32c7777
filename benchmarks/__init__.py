"""How fast Papilio is, beside others, on one machine: `make bench`, or `python -m benchmarks.run --help`."""
