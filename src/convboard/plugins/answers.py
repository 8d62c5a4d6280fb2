"""What all tabs answer to a request: JSON, for hosts that are known, and errors as one sentence."""

from collections.abc import Callable, Mapping
from typing import Any

from tensorboard.backend.http_util import Respond
from tensorboard.errors import NotFoundError
from werkzeug.wrappers import Request, Response

from convboard.plugins.host_check import is_known_host

Answer = Callable[[Request], Response]


class UnreadableError(Exception):
    """A record is damaged, or in a form that is not known."""


def argument(request: Request, name: str) -> str:
    """Return an argument of the address; an empty text if it is missing."""
    return str(request.args.get(name, ""))


def json_answer(request: Request, content: Any, **arguments: Any) -> Response:
    """Return an answer in JSON."""
    response: Response = Respond(request, content, "application/json", **arguments)
    return response


def binary_answer(request: Request, content: bytes) -> Response:
    """Return bytes with an ETag: a browser keeps them and asks whether they are the same."""
    response: Response = Respond(request, content, "application/octet-stream")
    response.add_etag()
    return response.make_conditional(request)


def applications(answers: Mapping[str, Answer], static: Mapping[str, Answer], flags: Any) -> dict[str, Any]:
    """Return the WSGI application of each address.

    Args:
        answers: What gives data, by address; for known hosts alone.
        static: What gives files that hold no data.
        flags: TensorBoard's flags.
    """
    checked = {address: _for_known_hosts(answer, flags) for address, answer in answers.items()}
    return {address: _application(answer) for address, answer in {**checked, **static}.items()}


def _for_known_hosts(answer: Answer, flags: Any) -> Answer:
    def checked(request: Request) -> Response:
        if is_known_host(request, flags):
            return answer(request)
        error = (
            f"This TensorBoard does not know itself as {request.host}. If that is its name, start it with "
            "--host=NAME or --bind_all; otherwise open it under the address that it prints."
        )
        return json_answer(request, {"error": error}, code=403)

    return checked


def _application(answer: Answer) -> Any:
    """Return an application that answers only GET and HEAD, and reports what is missing or unreadable as JSON."""

    @Request.application
    def application(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return json_answer(request, {"error": "Only GET is answered here."}, code=405, headers=[("Allow", "GET")])
        try:
            return answer(request)
        except NotFoundError as error:
            return json_answer(request, {"error": str(error).removeprefix("Not found: ")}, code=404)
        except UnreadableError as error:
            return json_answer(request, {"error": str(error)}, code=422)

    return application
