"""The arguments of the command line, and its exit codes."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from taskspan.cli import _endpoint, _posting
from taskspan.cli._endpoint import Endpoint
from taskspan.cli._outcome import Outcome
from taskspan.cli._posting import Poster, Wait
from taskspan.cli._replay import RunFiles, replay, run_files
from taskspan.cli._telling import Telling

_MOST_WAITS = 5


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Work with runs that taskspan has recorded."""


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_REPLAY_EPILOG = """\b
Examples:
  taskspan replay runs/2026-11-23 --endpoint http://localhost:4318
  OTEL_EXPORTER_OTLP_ENDPOINT=https://otel.example.org taskspan replay runs/2026-11-23

\b
Exit codes:
  0    everything is delivered, now or before. A signal that the endpoint does not take
       (HTTP 404, 405, 415, 501) and an incomplete last line are told and count as delivered.
  1    something was refused or could not be read, or the endpoint cannot be reached, takes
       nothing of what it was sent, or does not let us in
  2    the command cannot be understood: no run directory, no endpoint, no such certificate
  130  interrupted
After 1 and 130 the same command goes on where it stopped.
"""


@main.command("replay", epilog=_REPLAY_EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--endpoint",
    metavar="URL",
    envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
    show_envvar=True,
    help="Base of an OTLP/HTTP endpoint, without /v1/traces.",
)
@click.option("--again", is_flag=True, help="Send everything, also what was delivered before.")
@click.option(
    "--headers",
    metavar="NAME=VALUE,…",
    envvar="OTEL_EXPORTER_OTLP_HEADERS",
    show_envvar=True,
    default="",
    help="Sent with each request. Other users of the machine see what is written here: "
    "better set the variable.",
)
@click.option(
    "--certificate",
    type=_FILE,
    envvar="OTEL_EXPORTER_OTLP_CERTIFICATE",
    show_envvar=True,
    help="Certificates that the endpoint's is checked by (PEM); else those of the system.",
)
@click.option(
    "--client-certificate",
    type=_FILE,
    envvar="OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    show_envvar=True,
    help="Certificate to show to the endpoint (PEM).",
)
@click.option(
    "--client-key",
    type=_FILE,
    envvar="OTEL_EXPORTER_OTLP_CLIENT_KEY",
    show_envvar=True,
    help="Its key (PEM), where it is not in the same file.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=float,
    envvar="OTEL_EXPORTER_OTLP_TIMEOUT",
    show_envvar=True,
    default=_endpoint.DEFAULT_TIMEOUT_S,
    show_default=True,
    help="For connecting, and for each answer.",
)
@click.option(
    "--compression",
    type=click.Choice(["none", "gzip"], case_sensitive=False),
    envvar="OTEL_EXPORTER_OTLP_COMPRESSION",
    show_envvar=True,
    default="none",
    show_default=True,
    help="Of the requests.",
)
def replay_command(
    run: Path,
    endpoint: str | None,
    *,
    again: bool,
    headers: str,
    certificate: Path | None,
    client_certificate: Path | None,
    client_key: Path | None,
    timeout: float,
    compression: str,
) -> None:
    """Send the recorded run in the directory RUN to an OTLP/HTTP endpoint.

    Each line of traces.jsonl, metrics.jsonl and logs.jsonl is posted as it is. What was
    delivered is remembered in RUN, for each endpoint: the next call sends only what is new.
    Nothing but the endpoint is contacted; redirects are not followed.
    """
    if not endpoint:
        raise click.UsageError("where to? Name --endpoint, or set OTEL_EXPORTER_OTLP_ENDPOINT")
    try:
        files = run_files(run)
        to = Endpoint(
            _endpoint.checked_url(endpoint),
            _endpoint.parsed_headers(headers),
            certificate,
            client_certificate,
            client_key,
            timeout,
            compression == "gzip",
        )
        poster = Poster(to, _wait_for(to.url))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    outcome = _replayed(files, to.url, poster, again=again)
    click.echo(outcome.summary())
    sys.exit(outcome.exit_code)


def _wait_for(url: str) -> Wait:
    told = Telling(_MOST_WAITS, "waits")

    def wait(seconds: float, reason: str) -> None:
        told.remark(f"{url}: {reason}; trying again in {seconds:.0f} s")
        _posting.sleep(seconds, reason)

    return wait


def _replayed(files: RunFiles, url: str, poster: Poster, *, again: bool) -> Outcome:
    telling = Telling()
    outcome = replay(files, url, poster, telling, again=again)
    telling.close()
    poster.close()
    for remark in outcome.remarks():
        telling.say(remark)
    return outcome
