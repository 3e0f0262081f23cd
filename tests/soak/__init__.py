"""A soak: a server and its clients for half an hour, at random from a seed. `python -m tests.soak --help` says how."""
