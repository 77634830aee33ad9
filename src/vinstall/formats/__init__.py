"""Text to frozen values and back: no I/O, no clock, no platform, no policy."""
