"""Real backends on this machine: builds, starts and stops Jaeger, the Collector and Prometheus."""
