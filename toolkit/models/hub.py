"""Models of a Hub repository (`owner/name`, `owner/name:file.gguf`), kept in huggingface_hub's own cache.

`HF_ENDPOINT`, `HF_HOME` and `HF_TOKEN` are huggingface_hub's and are honoured. What was downloaded before is
found without the network.
"""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.errors import InputError, ModelError, RemoteError, ToolkitError
from toolkit.models.fetch import file_sha256

__all__ = ["hub_model", "is_hub_name"]

_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[^:]+\.gguf)?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREFERRED = ("q4_k_m", "q8_0", "q4_0", "q5_k_m", "q6_k", "f16")
_PIECE = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


def is_hub_name(name: str) -> bool:
    """Say whether a model's name has the form of a Hub repository's."""
    return _NAME.fullmatch(name) is not None


def hub_model(name: str) -> Path:
    """Give the path of a repository's GGUF file, downloading it the first time.

    Without a file's name the Q4_K_M file is taken, or else the next best known quantization. Raises
    InputError where the repository or the file does not exist, RemoteError where the Hub does not
    answer, ModelError for a download whose SHA-256 is not the one that the Hub names.
    """
    repository, _, filename = name.partition(":")
    filename = filename or _cached_choice(repository) or _choose(repository)
    paths = [_download(repository, piece) for piece in _pieces(filename)]
    return paths[0]


def _cached_choice(repository: str) -> str | None:
    """Choose among the files that an earlier run downloaded."""
    from huggingface_hub.constants import HF_HUB_CACHE

    folder = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "snapshots"
    return _best(
        sorted({path.relative_to(folder).as_posix().partition("/")[2] for path in folder.glob("*/**/*.gguf")})
    )


def _choose(repository: str) -> str:
    from huggingface_hub import HfApi

    try:
        # A mirror may know only this older listing, which comes with the repository's description.
        siblings = HfApi().model_info(repository).siblings
        files = [file.rfilename for file in siblings or ()] or HfApi().list_repo_files(repository)
    except Exception as error:
        raise _explained(error, repository) from error
    ggufs = sorted(file for file in files if file.endswith(".gguf"))
    best = _best(ggufs)
    if best is None:
        raise InputError(
            f"the repository {repository} " + ("has several GGUF files" if ggufs else "has no GGUF file"),
            hint=f"name one: {repository}:{ggufs[0]}" if ggufs else "look for one whose name ends in -GGUF",
        )
    return best


def _best(files: list[str]) -> str | None:
    wanted = [file for file in files if "mmproj" not in file.lower()]
    firsts = [file for file in wanted if not (piece := _PIECE.search(file)) or piece[1] == "00001"]
    for kind in _PREFERRED:
        for file in firsts:
            if kind in file.lower():
                return file
    return firsts[0] if len(firsts) == 1 else None


def _pieces(filename: str) -> list[str]:
    """Name all files of a model that is published in pieces; llama.cpp opens the first."""
    piece = _PIECE.search(filename)
    if piece is None:
        return [filename]
    stem, count = filename[: piece.start()], int(piece[2])
    return [f"{stem}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]


def _download(repository: str, filename: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, filename, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        path = Path(hf_hub_download(repository, filename))
    except Exception as error:
        raise _explained(error, repository, filename) from error
    # The cache names a large file's blob by the SHA-256 that the Hub gave for it.
    blob = path.resolve()
    if _SHA256.fullmatch(blob.name) and file_sha256(blob) != blob.name:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise ModelError(f"{repository}:{filename} has another SHA-256 than the Hub says; it was removed")
    return path


def _explained(error: Exception, repository: str, filename: str = "") -> ToolkitError:
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return InputError(f"the repository {repository} is gated", hint="log in with: hf auth login")
    if isinstance(error, RepositoryNotFoundError):
        return InputError(f"the Hub has no repository {repository}", hint="check its name: owner/name")
    if isinstance(error, EntryNotFoundError):
        return InputError(f"the repository {repository} has no file {filename}".rstrip())
    if isinstance(error, ToolkitError):
        return error
    reason = " ".join(str(error).split())[:200]
    return RemoteError(
        f"cannot get {repository} from the Hub: {reason}", hint="check the network or HF_ENDPOINT"
    )
