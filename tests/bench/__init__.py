"""The benchmark: vinstall beside uv and pip on a loopback mirror.  `python -m tests.bench --help`."""
