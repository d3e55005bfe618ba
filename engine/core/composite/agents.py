"""`agent`: a model that calls declared tools; each call of the model and of a tool is a step of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core.attempts import give_up
from engine.core.composites import AgentStep
from engine.core.events import Event, FrameOpened, FramesOpened, Gathered
from engine.core.frames import Frame
from engine.core.run import Run, StepState
from engine.core.saga import canonical_json
from engine.core.schema import mismatch
from engine.core.scope import known_output

Json = Any
MAX_SHOWN = 1500
"""Characters of a tool's answer that the model is shown."""


def begin(run: Run, step: StepState, _request: Json) -> list[Event]:
    """Ask the model for the first time."""
    return [_think(run, step, [])]


def turn(run: Run, step: StepState, _now: datetime) -> list[Event]:
    """Carry out what the model said: call the tool that it named, or take its answer."""
    frame = run.frames[run.composites[step.id].ids[-1]]
    if frame.body not in {"think", "conclude"}:
        return [_think(run, step, _calls(run, step))]
    if frame.failing:
        return give_up(run, step, "rejected", frame.failing)
    said = known_output(frame, frame.body)
    if not _speaks(said):  # a person went on without it, or gave something else
        return give_up(run, step, "rejected", "the model said neither which tool to call nor its answer")
    if said["tool"] == "answer":
        return [Gathered(step=step.id, output=_output(run, step, said))]
    wrong = _wrong(_definition(step), said)
    if wrong:
        return [_think(run, step, _calls(run, step))]
    return [_open(run, step, said["tool"], {"args": said.get("arguments") or {}})]


def _output(run: Run, step: StepState, said: Json) -> Json:
    return {"answer": said.get("answer"), "calls": _calls(run, step)}


def _think(run: Run, step: StepState, calls: list[dict[str, Json]]) -> FramesOpened:
    definition = _definition(step)
    left = definition.with_.max_calls - len(calls)
    body = "think" if left > 0 else "conclude"
    return _open(run, step, body, {"transcript": _transcript(definition, calls, left)})


def _open(run: Run, step: StepState, body: str, values: dict[str, Json]) -> FramesOpened:
    ids = run.composites[step.id].ids if step.id in run.composites else []
    after = (run.frames[ids[-1]].name,) if ids else ()
    opened = FrameOpened(name=str(len(ids) + 1), body=body, values=values, after=after)
    return FramesOpened(step=step.id, frames=(opened,))


def _transcript(definition: AgentStep, calls: list[dict[str, Json]], left: int) -> str:
    """Return what the model is told besides its prompt: the tools, what it called so far, what it may say."""
    tools = [
        f"- {name}: {tool.description} Arguments (JSON Schema): {canonical_json(tool.input)}"
        for name, tool in definition.tools.items()
    ]
    told = [f"{call['tool']}({canonical_json(call['arguments'])}) gave {_short(call)}" for call in calls]
    rule = (
        f'Call one with {{"tool": its name, "arguments": {{...}}}}, or say {{"tool": "answer", "answer": ...}}. '
        f"{left} calls are left."
        if left > 0
        else 'No call is left: say {"tool": "answer", "answer": ...}.'
    )
    return "\n".join(["Tools:", *tools, *(["So far:", *told] if told else []), rule])


def _short(call: dict[str, Json]) -> str:
    text = f"the error: {call['error']}" if "error" in call else canonical_json(call["result"])
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text)} characters)"


def _calls(run: Run, step: StepState) -> list[dict[str, Json]]:
    """Return what the model called so far, with what came of it."""
    frames = [run.frames[name] for name in run.composites[step.id].ids]
    found: list[dict[str, Json]] = []
    for frame, following in zip(frames, [*frames[1:], None], strict=True):
        said = known_output(frame, frame.body)
        if frame.body in {"think", "conclude"} and _speaks(said) and said["tool"] != "answer":
            call = {"tool": said["tool"], "arguments": said.get("arguments") or {}}
            found.append(call | _result(_definition(step), said, following))
    return found


def _speaks(said: Json) -> bool:
    """Return whether something is what a model says here."""
    return isinstance(said, dict) and isinstance(said.get("tool"), str)


def _result(definition: AgentStep, said: Json, frame: Frame | None) -> dict[str, Json]:
    if frame is None or frame.body != said["tool"]:
        return {"error": _wrong(definition, said)}
    return {"error": frame.failing} if frame.failing else {"result": known_output(frame, frame.body)}


def _wrong(definition: AgentStep, said: Json) -> str:
    """Return why a call is refused; empty where it may be made."""
    tool = definition.tools.get(said["tool"])
    if tool is None:
        return f"there is no tool '{said['tool']}'; there are {', '.join(definition.tools)}"
    found = mismatch(tool.input, said.get("arguments") or {})
    return "" if found is None else f"its arguments: {found[0]}: {found[1]}"


def _definition(step: StepState) -> AgentStep:
    assert isinstance(step.definition, AgentStep)
    return step.definition
