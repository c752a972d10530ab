"""feeds: what comes in. Each source has a thread, which puts the frames that are looked at into the inbox."""
