"""HTTP: the one client, its credentials, retries and ranges."""
