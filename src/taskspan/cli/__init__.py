"""The command line: what is done with a run after it was recorded."""
