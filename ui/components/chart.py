"""Charts, drawn in place by `Plotly.react`, so that a change keeps the zoom.

`st.plotly_chart` can't: its identity is the figure, so each change is a new chart. And it reads Plotly (4.7 MB) as soon as
it comes, a second or two in which the browser draws nothing else; this waits until the rest of the page is there.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v1 import declare_component

CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": "autosize",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "resetScale2d"],
    "showTips": False,
}
_SCRIPT: Final = "plotly.min.js"
_JS: Final = """
const charts = new WeakMap()
let library = null

// Where the app is mounted: deep links and base paths make document.baseURI unreliable.
function base() {
  const script = document.querySelector('script[src*="static/js/"]')
  return script ? script.src.split("static/js/")[0] : document.baseURI
}

// While a browser reads Plotly it draws nothing else, so what stands before the chart comes first.
function calm() {
  const idle = window.requestIdleCallback ?? ((then) => setTimeout(then, 200))
  return new Promise((resolve) => idle(() => requestAnimationFrame(() => idle(resolve, { timeout: 2000 })), { timeout: 2000 }))
}

function load(path) {
  library ??= window.Plotly ? Promise.resolve(window.Plotly) : calm().then(() => new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = new URL(path, base()).href
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => { library = null; reject(new Error("plotly.min.js can't be loaded")) }
    document.head.append(script)
  }))
  return library
}

// Plotly's uirevision keeps a zoom only while the range it is given stays the same; ours grows with time.
function watch(place, chart) {
  if (chart.watched) return
  chart.watched = true
  place.on("plotly_relayout", (change) => {
    if ("xaxis.range[0]" in change || "xaxis.range" in change) chart.zoomed = true
    if (change["xaxis.autorange"]) chart.zoomed = false
  })
}

export default function (component) {
  const { parentElement, data } = component
  const drawing = JSON.stringify(data)
  const place = parentElement.querySelector(".saga-chart")
  const height = `${data.figure.layout.height}px`
  if (place.style.height !== height) place.style.height = height
  const chart = charts.get(place) ?? { last: null, queue: Promise.resolve() }
  charts.set(place, chart)
  const clear = () => {
    charts.delete(place)
    if (window.Plotly) window.Plotly.purge(place)
  }
  if (chart.last === drawing) return clear
  chart.last = drawing
  chart.queue = chart.queue.then(() => load(data.script)).then((Plotly) => {
    if (chart.last !== drawing || !place.isConnected) return null // a newer tick is on its way
    const { data: traces, layout } = data.figure
    if (chart.zoomed) layout.xaxis.range = [...place.layout.xaxis.range]
    return Plotly.react(place, traces, layout, data.config).then(() => watch(place, chart))
  }).catch((problem) => {
    chart.last = null
    place.textContent = problem.message
  })
  return clear
}
"""


def _plotly_folder() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly is not installed; charts are drawn with it")
    return Path(spec.origin).parent / "package_data"


# Never mounted: declaring it makes Streamlit serve the wheel's own plotly.min.js, so nothing is
# fetched from the network and the browser keeps it.
_SERVED: Final = declare_component("saga_plotly", path=_plotly_folder())
# Not in a shadow root: Plotly puts its style sheet into the document's head.
_CHART: Final = st.components.v2.component(
    "saga_chart",
    html='<div class="saga-chart" data-testid="chart"></div>',
    js=_JS,
    isolate_styles=False,
)


def chart(drawing: dict[str, Any], *, key: str) -> None:
    """Draw a figure of Plotly's; call it again at each tick under the same key, and the zoom stays.

    Args:
        drawing: a dict of traces (`data`) and a `layout` that has its height, in pixels.
        key: the widget's key.
    """
    script = f"component/{_SERVED.name}/{_SCRIPT}"
    _CHART(key=key, data={"figure": drawing, "config": CONFIG, "script": script})
