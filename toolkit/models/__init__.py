"""Which models there are and where they lie: a name, path, Hub repository or URL to what can be loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from toolkit.errors import InputError, ModelError
from toolkit.models.catalogue import DEFAULT_MODEL, CatalogueModel, find
from toolkit.models.fetch import Progress
from toolkit.models.gguf import check_gguf
from toolkit.models.hub import hub_model, is_hub_name
from toolkit.models.install import Installed, install, installed_member
from toolkit.models.places import cache_folder, model_folder
from toolkit.models.prepare import prepared_path
from toolkit.models.probe import ProbeResult, probe_build, require_working_build
from toolkit.models.set_up import SetUp, set_up

__all__ = [
    "Installed",
    "ProbeResult",
    "Progress",
    "Resolved",
    "SetUp",
    "cache_folder",
    "install",
    "installed_member",
    "model_folder",
    "probe_build",
    "require_working_build",
    "resolve",
    "set_up",
]


@dataclass(frozen=True)
class Resolved:
    """A model that can be loaded: a GGUF file's path, or a server's URL.

    With a URL, `name` is the model's name at the server (empty: the server's own choice) and `path`
    means nothing.
    """

    name: str
    path: Path
    url: str | None = None


def resolve(model: str | None = None) -> Resolved:
    """Find a model by catalogue name or alias, GGUF path, Hub repository or server URL.

    None means $ZHENGCE_MODEL or the catalogue's default. Only a Hub repository may be downloaded
    here, the first time it is named; a catalogue model that is not installed is a ModelError.
    """
    name = model or os.environ.get("ZHENGCE_MODEL") or DEFAULT_MODEL
    if name.startswith(("http://", "https://")):
        return _server(name)
    known = find(name)
    if known is not None:
        return Resolved(name=known.name, path=prepared_path(_language_model(known)))
    path = Path(name).expanduser()
    if path.is_file():
        check_gguf(path)
        return Resolved(name=path.stem, path=path.absolute())
    if name.endswith(".gguf") and ":" not in name:
        raise ModelError(f"there is no model file {name}")
    if is_hub_name(name):
        found = hub_model(name)
        check_gguf(found)
        return Resolved(name=name, path=found)
    raise InputError(
        f"no model is called {name}",
        hint="give small, default, a .gguf file, owner/name of a Hub repository, or http://host:port/v1",
    )


def _server(url: str) -> Resolved:
    parts = urlsplit(url)
    if not parts.hostname:
        raise InputError(f"{url} is not a server's URL", hint="write it as http://host:port/v1#model")
    return Resolved(name=parts.fragment, path=Path(), url=urlunsplit(parts._replace(fragment="")))


def _language_model(known: CatalogueModel) -> Path:
    if not known.is_language_model:
        raise InputError(
            f"{known.name} is an embedding model and cannot generate", hint="use small or default"
        )
    return installed_member(known.name)
