"""An OpenAI-compatible server, the edge that a test cannot have: it says what it is told to say."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SAID = [("Yes", -0.7), (" yes", -1.7), ("No", -2.0), ("Perhaps", -3.0)]


class Endpoint:
    """An OpenAI-compatible server that answers as it is told, after as many failures as it is told."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.says: Callable[[str], list[tuple[str, float]] | None] = lambda _: SAID
        self.failures: list[int] = []
        self.app = Starlette(routes=[Route("/v1/chat/completions", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.keys.append(request.headers.get("authorization"))
        if self.failures:
            return Response("the canary sings", self.failures.pop(0))
        said = self.says(body["messages"][0]["content"])
        tokens = [{"token": token, "logprob": value} for token, value in said or []]
        logprobs = None if said is None else {"content": [{"top_logprobs": tokens}]}
        return JSONResponse({"choices": [{"message": {"content": "Yes"}, "logprobs": logprobs}]})
