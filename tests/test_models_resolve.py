"""What `--model` takes: a catalogue name, a file, a Hub repository, a server."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from toolkit.embed.gguf import F32, Tensor, write_gguf
from toolkit.errors import InputError, ModelError
from toolkit.models import resolve


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZHENGCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ZHENGCE_MODEL", raising=False)
    return tmp_path / "cache"


def tiny_gguf() -> bytes:
    out = io.BytesIO()
    fields = {"general.architecture": "llama", "tokenizer.ggml.tokens": ["一", "二", "三"], "x": [1, 2, 3]}
    write_gguf(out, fields, [Tensor("a", (32,), F32, bytes(128)), Tensor("b", (32, 2), F32, bytes(256))])
    return out.getvalue()


def test_a_gguf_file_is_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my model.gguf"
    path.write_bytes(tiny_gguf())
    assert (resolve(str(path)).path, resolve(str(path)).url) == (path, None)


def test_the_environment_names_the_model_where_no_argument_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(tiny_gguf())
    monkeypatch.setenv("ZHENGCE_MODEL", str(path))
    assert resolve().path == path


def test_a_gguf_file_cut_anywhere_is_one_line(tmp_path: Path) -> None:
    whole = tiny_gguf()
    path = tmp_path / "cut.gguf"
    for length in (*range(5, len(whole), 7), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"cut\.gguf is a truncated or damaged GGUF") as caught:
            resolve(str(path))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", "文本".encode()])
def test_a_file_that_is_no_model_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.gguf is not a GGUF model"):
        resolve(str(path))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no such name", "no model is called no such name; give small, default"),
        ("gone/model.gguf", "there is no model file gone/model.gguf"),
        ("e5-small", "cannot generate"),
        ("http://", "not a server's URL"),
    ],
)
def test_a_name_that_means_nothing_says_what_does(name: str, said: str) -> None:
    with pytest.raises((InputError, ModelError), match=said):
        resolve(name)


def test_a_catalogue_model_that_is_absent_says_how_to_get_it() -> None:
    with pytest.raises(ModelError, match=r"run: zhengce setup --model qwen2\.5-coder-0\.5b"):
        resolve("small")


def test_a_url_names_a_server_and_its_model() -> None:
    named = resolve("http://127.0.0.1:8080/v1#qwen")
    assert (named.url, named.name) == ("http://127.0.0.1:8080/v1", "qwen")
    assert resolve("https://host/v1").name == ""


# -------------------------------------------------------------- the Hub
@dataclass
class Hub:
    """A server that speaks the part of the Hub's API that a download needs."""

    url: str
    files: dict[str, bytes]
    server: ThreadingHTTPServer
    claimed: dict[str, str] = field(default_factory=dict)


COMMIT = "c0ffee" * 6 + "abcd"


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {"README.md": b"# tiny", "tiny-Q8_0.gguf": tiny_gguf(), "tiny-q4_k_m.gguf": tiny_gguf()}

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            if self.path.split("?")[0] in ("/api/models/acme/tiny", "/api/models/acme/tiny/revision/main"):
                listing = [{"rfilename": name} for name in files]
                body = json.dumps({"id": "acme/tiny", "sha": COMMIT, "siblings": listing}).encode()
                return self.reply(200, body, with_body, {"Content-Type": "application/json"})
            name = self.path.partition("/resolve/")[2].partition("/")[2]
            if self.path.startswith("/acme/tiny/resolve/") and name in files:
                sha256 = served.claimed.get(name) or hashlib.sha256(files[name]).hexdigest()
                size = str(len(files[name]))
                marks = {"ETag": f'"{sha256}"', "X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": size}
                return self.reply(200, files[name], with_body, {**marks, "X-Repo-Commit": COMMIT})
            known = self.path.startswith(("/acme/tiny/", "/api/models/acme/tiny"))
            code = "EntryNotFound" if known else "RepoNotFound"
            return self.reply(404, b"", with_body, {"X-Error-Code": code, "X-Repo-Commit": COMMIT})

        def reply(self, status: int, body: bytes, with_body: bool, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Hub(f"http://127.0.0.1:{server.server_port}", files, server)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def resolved_in_a_process(name: str, *, hub: Hub, home: Path) -> subprocess.CompletedProcess[str]:
    """huggingface_hub reads its environment once, when it is imported: a process for each."""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    script = "import sys; from toolkit.models import resolve; print(resolve(sys.argv[1]).path)"
    return subprocess.run(
        [sys.executable, "-c", script, name], capture_output=True, text=True, env=environment, timeout=60
    )


def test_a_hub_repository_is_downloaded_once_and_then_found_without_the_hub(hub: Hub, tmp_path: Path) -> None:
    first = resolved_in_a_process("acme/tiny", hub=hub, home=tmp_path)
    assert first.returncode == 0, first.stderr
    path = Path(first.stdout.strip())
    assert path.name == "tiny-q4_k_m.gguf"
    assert path.read_bytes() == hub.files["tiny-q4_k_m.gguf"]
    hub.files.clear()
    assert resolved_in_a_process("acme/tiny", hub=hub, home=tmp_path).stdout == first.stdout


def test_a_hub_file_may_be_named(hub: Hub, tmp_path: Path) -> None:
    found = resolved_in_a_process("acme/tiny:tiny-Q8_0.gguf", hub=hub, home=tmp_path)
    assert Path(found.stdout.strip()).name == "tiny-Q8_0.gguf", found.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acme/none", "InputError: the Hub has no repository acme/none"),
        ("acme/tiny:none.gguf", "InputError: the repository acme/tiny has no file none.gguf"),
    ],
)
def test_what_the_hub_does_not_have_is_the_users_mistake(
    hub: Hub, tmp_path: Path, name: str, said: str
) -> None:
    assert said in resolved_in_a_process(name, hub=hub, home=tmp_path).stderr.splitlines()[-1]


def test_a_hub_file_of_another_content_than_the_hub_says_is_removed(hub: Hub, tmp_path: Path) -> None:
    hub.claimed["tiny-q4_k_m.gguf"] = "0" * 64
    failed = resolved_in_a_process("acme/tiny", hub=hub, home=tmp_path)
    assert "has another SHA-256 than the Hub says; it was removed" in failed.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.gguf"))


def test_a_hub_that_does_not_answer_is_one_line(hub: Hub, tmp_path: Path) -> None:
    hub.url = "http://127.0.0.1:9"
    failed = resolved_in_a_process("acme/tiny", hub=hub, home=tmp_path)
    assert "RemoteError: cannot get acme/tiny from the Hub" in failed.stderr.splitlines()[-1]
