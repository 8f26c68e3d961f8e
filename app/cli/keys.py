"""`touchline keys`: the secrets an integrator needs to see."""

import typer

keys = typer.Typer(help="Show the service's secrets.", no_args_is_help=True)


@keys.callback()
def _keys() -> None:
    """Show the service's secrets."""


@keys.command()
def webhook() -> None:
    """Print the secret that signs webhooks; it is made if there is none yet."""
    from app.core.settings import Settings
    from app.webhooks.signing import webhook_secret

    typer.echo(webhook_secret(Settings()))
