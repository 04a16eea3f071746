"""Shows what runs: bars, lines, and the report at the end."""
