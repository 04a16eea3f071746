"""Turns started and ended spans into a live tree, and shows it to the views."""
