"""Makes spans of tasks and operations, and counts their progress."""
