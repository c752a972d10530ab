"""service: `streamsel run` and `streamsel check` of a pipeline file, whichever daemon it is for."""
