"""The timeline of a run: Streamlit's own chart once it has ended, `Plotly.react` while it is live.

On live data `st.plotly_chart` would lose zoom at each change, for its identity is the figure.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st
from streamlit.components.v1 import declare_component

from ui.components.text import theme_type
from ui.models.timeline import figure

if TYPE_CHECKING:
    from ui.models.timeline import Timeline

CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": "autosize",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "resetScale2d"],
    "showTips": False,
}
FIRST_CHART_WAITS_S = 0.8
_CAME: Final = "_chart-came"
_SCRIPT: Final = "plotly.min.js"
_LIVE_JS: Final = """
const charts = new WeakMap()
let library = null

// Where the app is mounted: deep links and base paths make document.baseURI unreliable.
function base() {
  const script = document.querySelector('script[src*="static/js/"]')
  return script ? script.src.split("static/js/")[0] : document.baseURI
}

function load(path) {
  library ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = new URL(path, base()).href
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => { library = null; reject(new Error("plotly.min.js can't be loaded")) }
    document.head.append(script)
  })
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
  const place = parentElement.querySelector(".saga-timeline")
  const height = `${data.figure.layout.height}px`
  if (place.style.height !== height) place.style.height = height
  const chart = charts.get(place) ?? { last: null, queue: Promise.resolve() }
  charts.set(place, chart)
  chart.last = data
  chart.queue = chart.queue.then(() => load(data.script)).then((Plotly) => {
    if (chart.last !== data || !place.isConnected) return null // a newer tick is on its way
    const { data: traces, layout } = data.figure
    if (chart.zoomed) layout.xaxis.range = [...place.layout.xaxis.range]
    return Plotly.react(place, traces, layout, data.config).then(() => watch(place, chart))
  }).catch((problem) => { place.textContent = problem.message })
  return () => {
    charts.delete(place)
    if (window.Plotly) window.Plotly.purge(place)
  }
}
"""


def _plotly_folder() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly is not installed; the timeline is drawn with it")
    return Path(spec.origin).parent / "package_data"


# Never mounted: declaring it makes Streamlit serve the wheel's own plotly.min.js, so nothing is
# fetched from the network and the browser keeps it.
_SERVED: Final = declare_component("saga_plotly", path=_plotly_folder())
# Not in a shadow root: Plotly puts its style sheet into the document's head.
_LIVE: Final = st.components.v2.component(
    "saga_timeline",
    html='<div class="saga-timeline" data-testid="timeline-live"></div>',
    js=_LIVE_JS,
    isolate_styles=False,
)


def timeline(timeline: Timeline, *, key: str, live: bool) -> None:
    """Draw the timeline. With `live`, call it again at each tick under the same key: zoom stays."""
    chart(figure(timeline, theme_type()), key=key, live=live)


def chart(drawing: dict[str, Any], *, key: str, live: bool) -> None:
    """Draw a figure: as Streamlit's own chart, or, `live`, in place at each tick."""
    _let_the_rest_be_drawn()
    if not live:
        st.plotly_chart(drawing, key=f"{key}-done", theme=None, config=CONFIG, width="stretch")
        return
    script = f"component/{_SERVED.name}/{_SCRIPT}"
    _LIVE(key=f"{key}-live", data={"figure": drawing, "config": CONFIG, "script": script})


def _let_the_rest_be_drawn() -> None:
    """Wait before the first chart of a tab: a browser that begins to read Plotly draws nothing else for a second or two."""
    if not st.session_state.get(_CAME):
        st.session_state[_CAME] = True
        time.sleep(FIRST_CHART_WAITS_S)
