"""`zhengce doctor`: check the installation and say what is wrong and the mend."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from toolkit.models.checkup import check_up


@click.command()
@click.option("--store", help="The store to check; by default the one that the commands use.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(store: str | None, as_json: bool) -> int:
    """Check the build, the models, the store and the disk; status 1 if something is wrong."""
    checks = check_up(store=store)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=1))
    else:
        width = max(len(check.subject) for check in checks)
        for check in checks:
            click.echo(f"{check.state:<5}  {check.subject:<{width}}  {check.found}")
            if check.mend:
                click.echo(f"{'':<5}  {'':<{width}}  → {check.mend}")
    return int(any(check.state == "wrong" for check in checks))
