"""The backend of a tab over event files, without a server."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext, TBPlugin
from werkzeug.test import Client, TestResponse


class ServedPlugin:
    """A plugin over a log directory, or over some by name, as TensorBoard's slow reader has read them."""

    def __init__(self, plugin: type[TBPlugin], logdir: Path | None = None, **named: Path) -> None:
        multiplexer = EventMultiplexer()
        for name, folder in {None: logdir}.items() if logdir else named.items():
            multiplexer.AddRunsFromDirectory(str(folder), name)
        multiplexer.Reload()
        self.provider = MultiplexerDataProvider(multiplexer, "")
        spec = ",".join(f"{name}:{folder}" for name, folder in named.items())
        flags = SimpleNamespace(logdir=str(logdir or ""), logdir_spec=spec)
        self.plugin = plugin(TBContext(data_provider=self.provider, flags=flags))
        self.apps = self.plugin.get_plugin_apps()

    def ask(self, address: str, method: str = "GET", headers: Any = None, **query: Any) -> TestResponse:
        return Client(self.apps[address]).open(address, method=method, query_string=query, headers=headers)

    def json(self, address: str, **query: Any) -> Any:
        answer = self.ask(address, **query)
        assert answer.status_code == 200, answer.text
        return answer.json
