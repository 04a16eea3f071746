from __future__ import annotations

from pathlib import Path

from tests.backends.servers import Collector, Jaeger, Prometheus


def test_the_servers_start(jaeger: Jaeger, collector: Collector, tmp_path: Path) -> None:
    """Jaeger, the Collector and Prometheus start with the files of this repository."""
    with Prometheus(tmp_path, collector) as prometheus:
        assert jaeger.client.services() == []
        assert prometheus.client.query("vector(1)")[0].value == 1
