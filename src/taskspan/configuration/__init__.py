"""Providers, processor and console: the edge where an application decides."""
