"""Files on disk that can be thrown away: content-addressed, shared between runs."""
