"""A tab of convboard's in a window of the browser: what the tests of all tabs do with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import quote

from playwright.sync_api import Frame, Locator, Page

HEADER = 64  # pixels of the window that TensorBoard takes for itself


@dataclass(frozen=True)
class OpenedTab:
    """A tab in a window. A subclass gives its `name`.

    Attributes:
        page: The page of the window.
        frame: The document of the tab.
        errors: What went wrong in the window so far.
    """

    page: Page
    frame: Frame
    errors: list[str]
    name: ClassVar[str]

    @classmethod
    def open(
        cls,
        open_window: Any,
        server: Any,
        chosen: Mapping[str, object],
        *,
        size: tuple[int, int] = (1280, 800),
        routes: Mapping[str, Any] | None = None,
    ) -> Self:
        """Open the tab by a link to what is chosen; `routes` answer in the server's place.

        It is the document that TensorBoard shows in an iframe, in a window of its own: that opens three times as fast.
        """
        window = open_window(server, size[0], size[1] - HEADER)
        for pattern, answer in (routes or {}).items():
            window.page.route(pattern, answer)
        window.page.goto(f"{server.address}/data/plugin_entry.html?name={cls.name}{cls.link_to(**chosen)}")
        return cls(window.page, window.page.main_frame, window.errors)

    @classmethod
    def open_in_tensorboard(cls, open_window: Any, server: Any, chosen: Mapping[str, object]) -> Self:
        """The same in TensorBoard's own page, among its other tabs."""
        window = open_window(server)
        window.page.goto(f"{server.address}/{cls.link_to(**chosen)}")
        window.page.wait_for_selector("iframe", state="attached")
        frame = window.page.wait_for_selector('iframe[src*="plugin_entry"]').content_frame()
        assert frame is not None
        return cls(window.page, frame, window.errors)

    @classmethod
    def link_to(cls, **chosen: object) -> str:
        """The part of an address behind which the tab shows what is chosen, such as `#layers&p.layers.run=…`."""
        parts = (f"&p.{cls.name}.{key}={quote(str(value), safe='')}" for key, value in chosen.items())
        return f"#{cls.name}" + "".join(parts)

    def find(self, selector: str, **having: Any) -> Locator:
        return self.frame.locator(selector, **having)

    def wait_for_link(self, *parts: str, without: str | None = None) -> None:
        """Wait until the address's hash has these parts and is without another; it follows what is chosen."""
        wanted = [f"p.{self.name}.{part}" for part in parts]
        is_there = "([parts, without]) => parts.every((part) => location.hash.split('&').includes(part))"
        self.page.wait_for_function(
            f"{is_there} && (without === null || !location.hash.includes(without))", arg=[wanted, without]
        )

    def follow(self, **chosen: object) -> None:
        """Follow a link, as if it were typed over the address of the open page."""
        self.page.evaluate("(hash) => { location.hash = hash; }", self.link_to(**chosen))

    def look_again(self) -> None:
        """As if one came back to the window: the tab asks what is new, and need not be waited for."""
        self.frame.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
