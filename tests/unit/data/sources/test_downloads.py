"""Downloads by torchvision's reader, from a server on this machine."""

import functools
import gzip
import hashlib
import http.server
import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from convboard.data.load import load_dataset
from convboard.data.sources.mnist import MNIST
from convboard.errors import DataError

NAMES = tuple(MNIST.md5)


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; what was asked for is in `requests`, and files in `cut` break off half way.

    torchvision asks for each file twice: to follow redirections, then for its content.
    """

    requests: list[str]
    cut: set[str]

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.requests.append(name)
        if name not in self.cut:
            super().do_GET()
            return
        content = (Path(self.directory) / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def server(small_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    """A mirror that has the small MNIST, which is taken away from `data_dir`."""
    from torchvision import datasets

    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for path in (small_mnist / "MNIST/raw").iterdir():
        (mirror / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    handler = type("Handler", (Server,), {"requests": [], "cut": set()})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(mirror))
    ) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        resources = [(f"{name}.gz", hashlib.md5((mirror / f"{name}.gz").read_bytes()).hexdigest()) for name in NAMES]
        monkeypatch.setattr(datasets.MNIST, "resources", resources)
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{running.server_port}/"])
        yield handler
        running.shutdown()


def load(data_dir: Path, **arguments: Any) -> int:
    return len(load_dataset("mnist", data_dir, val_size=10, **arguments).train)


def absent(data_dir: Path, why: str, names: tuple[str, ...] = NAMES) -> str:
    """The whole message."""
    files = "\n".join(f"  {data_dir}/MNIST/raw/{name}" for name in names)
    return (
        f"MNIST is not in {data_dir}, and {why}.\nPut these files there by hand:\n{files}\nThe archives will do as "
        f"well, in {data_dir}/MNIST/raw: {', '.join(f'{name}.gz' for name in NAMES)}"
    )


def test_download(small_mnist: Path, server: type[Server], capfd: pytest.CaptureFixture[str]) -> None:
    assert load(small_mnist) == 50
    assert Counter(server.requests) == {f"{name}.gz": 2 for name in NAMES}
    assert capfd.readouterr() == ("", "")  # no progress bar where nobody watches
    assert [path.name for path in small_mnist.iterdir()] == ["MNIST"]
    assert load(small_mnist) == 50
    assert len(server.requests) == 8


def test_a_deleted_file_is_downloaded_again(small_mnist: Path, server: type[Server]) -> None:
    load(small_mnist)
    (small_mnist / "MNIST/raw" / NAMES[2]).unlink()
    assert load(small_mnist) == 50
    assert sorted(path.name for path in (small_mnist / "MNIST/raw").iterdir()) == sorted(
        [*NAMES, "convboard-mnist-28.safetensors", "convboard-mnist.json"]
    )


def test_an_interrupted_download_is_repaired(small_mnist: Path, server: type[Server]) -> None:
    server.cut.add(f"{NAMES[2]}.gz")
    with pytest.raises(DataError) as raised:
        load(small_mnist)
    assert str(raised.value) == absent(small_mnist, "could not be downloaded: File not found or corrupted")
    assert not list((small_mnist / "MNIST/raw").iterdir())  # nothing half done is in its place
    server.cut.clear()
    server.requests.clear()
    assert load(small_mnist) == 50
    assert set(server.requests) == {f"{name}.gz" for name in NAMES[2:]}  # what was whole is kept


def test_what_was_unpacked_half_is_not_believed(small_mnist: Path, server: type[Server]) -> None:
    staging = small_mnist / ".download-mnist/MNIST/raw"
    staging.mkdir(parents=True)
    for name in NAMES:
        (staging / name).write_bytes(b"half")
    assert load(small_mnist) == 50
    assert not (small_mnist / ".download-mnist").exists()


def test_archives_put_there_by_hand(small_mnist: Path, server: type[Server], tmp_path: Path) -> None:
    for archive in (tmp_path / "mirror").iterdir():
        archive.rename(small_mnist / "MNIST/raw" / archive.name)
    assert load(small_mnist) == 50
    assert server.requests == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_two_processes_download_once(small_mnist: Path, server: type[Server]) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=load, args=(small_mnist,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert Counter(server.requests) == {f"{name}.gz": 2 for name in NAMES}
    assert [path.name for path in small_mnist.iterdir()] == ["MNIST"]


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        load(tmp_path / "data")
    assert str(raised.value) == absent(tmp_path / "data", "could not be downloaded: [Errno 111] Connection refused")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("name", "title"), [("fashion_mnist", "Fashion-MNIST"), ("cifar10", "CIFAR-10")])
def test_no_network_for_the_others(tmp_path: Path, name: str, title: str) -> None:
    with pytest.raises(DataError) as raised:
        load_dataset(name, tmp_path)
    assert str(raised.value).startswith(f"{title} is not in {tmp_path}, and could not be downloaded: [Errno 111]")


def test_download_turned_off_names_what_is_missing(small_mnist: Path) -> None:
    for name in NAMES[1:3]:
        (small_mnist / "MNIST/raw" / name).unlink()
    with pytest.raises(DataError) as raised:
        load(small_mnist, download=False)
    assert str(raised.value) == absent(small_mnist, "is not to be downloaded (download=False)", names=NAMES[1:3])


def test_data_dir_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataError, match=r"could not be downloaded: .*(Not a directory|File exists)"):
        load(tmp_path / "data")
