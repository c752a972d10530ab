"""showing: how it goes: the page, the metrics, the log."""
