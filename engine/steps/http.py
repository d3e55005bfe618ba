"""HTTP calls: one request, no retries, and what each answer means for the effect (R3, R9)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from engine.ports import Call, Outcome

Json = Any
AGAIN = frozenset({408, 425, 429})
"""4xx answers that mean "not now" rather than "no"; a 409 with Retry-After is one, too."""

NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
NO_QUEUE = httpx.Limits(max_connections=None, max_keepalive_connections=100)
"""How many calls go out at once is the run's `parallel` to say: one that waits here would have its time pass unsent."""


class HttpPerformer:
    """Sends the request of a call with its idempotency key.

    Args:
        services: base addresses by logical host, such as `sandbox.internal`; asked at each call.
    """

    def __init__(self, services: Mapping[str, str]) -> None:
        self._services = services
        self._client: httpx.AsyncClient | None = None

    async def perform(self, call: Call) -> Outcome:
        """Send the request once and read what its answer means."""
        request = call.request
        started = time.perf_counter()
        changes = call.phase in {"undo", "late"} or (call.phase == "forward" and not call.readonly)
        try:
            response = await self._http().request(
                request["method"],
                self._url(request),
                headers=_headers(request, call.key if changes else None),
                json=request.get("json"),
                timeout=call.timeout_s,
            )
        except NEVER_SENT as error:
            return Outcome(
                outcome="failed", error=f"no connection: {error or type(error).__name__}", code="connect"
            )
        except httpx.HTTPError as error:
            outcome = "unknown" if changes else "failed"
            return Outcome(
                outcome=outcome, error=f"the connection broke: {type(error).__name__}", code="connection"
            )
        meta = {"status": response.status_code, "latency_s": round(time.perf_counter() - started, 4)}
        if response.headers.get("Idempotent-Replayed") == "true":
            meta["replayed"] = True
        return read_answer(response, request, call.phase, changes=changes).model_copy(update={"meta": meta})

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False, trust_env=False, limits=NO_QUEUE)
        return self._client

    def _url(self, request: Json) -> httpx.URL:
        """Return where a request goes: its address with the `params` added to what stands in it."""
        params = {k: v for k, v in (request.get("params") or {}).items() if v is not None}
        return httpx.URL(self._address(request["url"])).copy_merge_params(params)

    def _address(self, url: str) -> str:
        parts = urlsplit(url)
        base = self._services.get(parts.hostname or "")
        return url if base is None else base.rstrip("/") + url[len(f"{parts.scheme}://{parts.netloc}") :]

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _headers(request: Json, key: str | None) -> httpx.Headers:
    """Return the headers of a request; a key of the step's own gives way to the engine's."""
    headers = httpx.Headers(request.get("headers") or {})
    if key is not None:
        headers["Idempotency-Key"] = key
    return headers


def read_answer(response: httpx.Response, request: Json, phase: str, *, changes: bool) -> Outcome:
    """Return what an HTTP answer says about the effect of the call."""
    status, body = response.status_code, _body(response)
    if response.is_success:
        return Outcome(outcome="ok", output=body)
    if phase in {"undo", "late", "probe"} and status in (request.get("empty_on") or [404]):
        return Outcome(outcome="ok", output=body, empty=True)
    error = f"HTTP {status}: {_words(body)}"
    code = f"http_{status}"
    again = status in AGAIN or (status == httpx.codes.CONFLICT and "retry-after" in response.headers)
    # Redirects are not followed; what landed is often answered by one.
    redirected = changes and httpx.codes.MULTIPLE_CHOICES <= status < httpx.codes.BAD_REQUEST
    if status < httpx.codes.INTERNAL_SERVER_ERROR and not again and not redirected:
        return Outcome(outcome="rejected", output=body, error=error, code=code)
    if again or not changes or status in (request.get("refused_on") or []):
        return Outcome(outcome="failed", error=error, code=code)
    return Outcome(outcome="unknown", error=error, code=code)


def _body(response: httpx.Response) -> Json:
    if not response.content:
        return {}
    try:
        return response.json()
    except ValueError:
        return {"text": response.text[:10_000]}


def _words(body: Json) -> str:
    if isinstance(body, dict):
        code = str(body.get("error") or "").replace("_", " ")
        said = str(body.get("message") or body.get("detail") or body.get("text") or "")
        return ": ".join(part for part in (code, said) if part)[:300] or "no reason given"
    return str(body)[:300]
