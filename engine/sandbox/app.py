"""The practice world over HTTP: requests in, the world's answers out. It decides nothing."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from engine.sandbox.answers import Answer, Body, RefusedError, invalid, not_found
from engine.sandbox.catalogue import COLLECTIONS, OFFERS
from engine.sandbox.faults import fault_from

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from engine.sandbox.world import World

    Endpoint = Callable[[Request], Awaitable[Answer]]

GARBAGE = "<html><body>502 Bad Gateway</body>"
SHUTTING_DOWN = Answer(
    503, {"error": "shutting_down", "message": "the world is closing; what landed, landed"}
)


def create_app(world: World) -> Starlette:
    """Return the ASGI app over the world. Setting `app.state.closing` ends every answer that hangs."""
    routes = [Route("/", _sent(_index), methods=["GET"])]
    routes += [Route(f"/{path}", _sent(partial(_offers, world, path)), methods=["GET"]) for path in OFFERS]
    for path in COLLECTIONS:
        whole, single = _sent(partial(_collection, world, path)), _sent(partial(_record, world, path))
        routes.append(Route(f"/{path}", whole, methods=["GET", "POST", "DELETE"]))
        routes.append(Route(f"/{path}/{{id}}", single, methods=["GET", "DELETE"]))
    for path, look in _views(world).items():
        routes.append(Route(path, _sent(partial(_view, look)), methods=["GET"]))
    routes += [
        Route("/faults", _sent(partial(_faults, world)), methods=["GET", "POST", "DELETE"]),
        Route("/faults/{id:int}", _sent(partial(_fault, world)), methods=["DELETE"]),
        Route("/reset", _sent(partial(_reset, world)), methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
    app.state.closing = asyncio.Event()
    return app


def _sent(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def send(request: Request) -> Response:
        try:
            answer = await endpoint(request)
        except RefusedError as refusal:
            answer = refusal.answer
        if await _is_closing(request, answer.delay_s):
            answer = SHUTTING_DOWN
        return _response(answer)

    return send


async def _is_closing(request: Request, delay_s: float) -> bool:
    """Wait, and return early with True when the server stops."""
    if delay_s <= 0:
        return False
    try:
        async with asyncio.timeout(delay_s):
            await request.app.state.closing.wait()
    except TimeoutError:
        return False
    return True


def _response(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    if answer.retry_after_s is not None:
        headers["Retry-After"] = str(answer.retry_after_s)
    content = GARBAGE if answer.garbled else json.dumps(answer.body)
    return Response(content, answer.status, headers, media_type="application/json")


async def _http_error(_request: Request, error: Exception) -> Response:
    status, words = (
        (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, str(error))
    )
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "error")
    return _response(Answer(status, {"error": code, "message": words}))


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise invalid("body", f"the body is not JSON: {error}") from error


def _idempotency_key(request: Request) -> str | None:
    return request.headers.get("idempotency-key") or None


def _asked_key(request: Request) -> str:
    key = request.query_params.get("key")
    if not key:
        raise invalid("key", "say which: add ?key=<the idempotency key it was made under>, or /<id>")
    return key


async def _index(_request: Request) -> Answer:
    collections = {path: {"required": c.required, "optional": c.optional} for path, c in COLLECTIONS.items()}
    offers = {path: {"required": o.required, "optional": o.optional} for path, o in OFFERS.items()}
    return Answer(200, {"collections": collections, "offers": offers})


async def _offers(world: World, path: str, request: Request) -> Answer:
    return await run_in_threadpool(world.offers, path, request.query_params)


async def _collection(world: World, path: str, request: Request) -> Answer:
    key = _idempotency_key(request)
    if request.method == "POST":
        return await run_in_threadpool(world.create, path, await _json(request), key)
    made_under = _asked_key(request)
    if request.method == "DELETE":
        return await run_in_threadpool(world.cancel, path, made_under=made_under, key=key)
    return await run_in_threadpool(world.find, path, key=made_under)


async def _record(world: World, path: str, request: Request) -> Answer:
    record_id = request.path_params["id"]
    if request.method == "DELETE":
        return await run_in_threadpool(world.cancel, path, record_id=record_id, key=_idempotency_key(request))
    return await run_in_threadpool(world.find, path, record_id=record_id)


def _views(world: World) -> dict[str, Callable[[], Body]]:
    return {
        "/inventory/stock": lambda: {"stock": world.stock()},
        "/ledger": lambda: {"entries": [entry.model_dump(mode="json") for entry in world.ledger()]},
        "/state": lambda: world.state().model_dump(mode="json"),
    }


async def _view(look: Callable[[], Body], _request: Request) -> Answer:
    return Answer(200, await run_in_threadpool(look))


async def _faults(world: World, request: Request) -> Answer:
    if request.method == "POST":
        fault = fault_from(await _json(request))
        return Answer(201, (await run_in_threadpool(world.add_fault, fault)).model_dump(mode="json"))
    if request.method == "DELETE":
        return Answer(200, {"removed": await run_in_threadpool(world.clear_faults)})
    faults = await run_in_threadpool(world.faults)
    return Answer(200, {"faults": [fault.model_dump(mode="json") for fault in faults]})


async def _fault(world: World, request: Request) -> Answer:
    fault_id = request.path_params["id"]
    if not await run_in_threadpool(world.remove_fault, fault_id):
        raise not_found(f"there is no fault {fault_id}")
    return Answer(200, {"removed": 1})


async def _reset(world: World, _request: Request) -> Answer:
    await run_in_threadpool(world.reset)
    return Answer(200, {"clean": True})
