"""daemon: what both daemons, `ingest` and `edge`, stand on: log, pauses, status page, and what `check` asks of both."""
