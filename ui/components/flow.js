// The live run graph: SVG cards and arrows, patched in place. Text only ever enters through textContent
// and setAttribute, so nothing that a model or tool wrote is parsed. Colours come from Streamlit's theme
// variables (flow.css); positions, words and icon outlines come from Python.

const NS = "http://www.w3.org/2000/svg"
const FORWARD = new Set(["running", "inside", "validating", "judging"])
const BUSY = new Set([...FORWARD, "compensating"])
const ZOOM = { min: 0.04, max: 2.5, fitMax: 1.1, firstMin: 0.58 }
const PAD = 28
const states = new WeakMap()
const ruler = document.createElement("canvas").getContext("2d")

const svg = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS(NS, tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, String(value))
  }
  element.append(...children)
  return element
}

const words = (attributes, text) => {
  const element = svg("text", attributes)
  element.textContent = text
  return element
}

const icon = (st, name, x, y, size, cls) =>
  svg("path", { class: cls, d: st.data.icons[name] ?? "", transform: `translate(${x} ${y}) scale(${size / 24})` })

/** Cut `text` with an ellipsis so that it is at most `width` wide in the font of the graph. */
function clip(st, text, width, size, weight) {
  ruler.font = `${weight} ${size}px ${st.font}`
  if (ruler.measureText(text).width <= width) return text
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (ruler.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle
    else high = middle - 1
  }
  return `${text.slice(0, low).trimEnd()}…`
}

// ---------------------------------------------------------------- cards

function describe(node) {
  const parts = [node.title, node.kind.word]
  if (node.status) parts.push(node.word)
  if (node.attempts > 1) parts.push(`${node.attempts} attempts`)
  if (node.count > 1) parts.push(`${node.count} items`)
  if (node.subtitle) parts.push(node.subtitle)
  if (node.pivot) parts.push(node.pivot)
  parts.push(...node.marks.map((mark) => mark.word))
  return parts.join(", ")
}

function frame(node, w, h) {
  const box = { width: w, height: h, rx: 11 }
  const parts = [svg("rect", { class: "ring", x: -4, y: -4, width: w + 8, height: h + 8, rx: 15 })]
  if (node.count > 1) {
    parts.push(svg("rect", { class: "under", x: 8, y: 8, ...box }), svg("rect", { class: "under", x: 4, y: 4, ...box }))
  }
  parts.push(svg("rect", { class: "card", ...box }), svg("rect", { class: "edge-line", ...box }))
  if (BUSY.has(node.status)) parts.push(svg("rect", { class: "pulse", ...box }))
  return parts
}

function body(st, node, w, h) {
  const tries = node.attempts > 1 ? `${node.attempts}×` : node.count > 1 ? `${node.count}` : ""
  const room = w - 58
  const titleRoom = tries ? room - 26 : room
  const top = node.subtitle ? 24 : 32
  const parts = [
    svg("line", { class: "bar", x1: 6, x2: 6, y1: 11, y2: h - 11 }),
    svg("rect", { class: "tile", x: 13, y: h / 2 - 15, width: 30, height: 30, rx: 8.5 }),
    icon(st, node.kind.icon, 18, h / 2 - 10, 20, "kind"),
    words({ class: "title", x: 50, y: top }, clip(st, node.title, titleRoom, 14, 600)),
  ]
  const indent = node.icon ? 16 : 0
  if (node.icon) parts.push(icon(st, node.icon, 49, top + 6.5, 13, "state"))
  parts.push(words({ class: "word", x: 50 + indent, y: top + 17 }, clip(st, node.word, room - indent, 12, 600)))
  if (node.subtitle) parts.push(words({ class: "subtitle", x: 50, y: top + 33.5 }, clip(st, node.subtitle, room, 12, 400)))
  if (tries) {
    parts.push(svg("rect", { class: "tries-box", x: w - 36, y: top - 13, width: 28, height: 17, rx: 8.5 }))
    parts.push(words({ class: "tries", x: w - 22, y: top, "text-anchor": "middle" }, tries))
  }
  return parts
}

function signs(st, node, w, h) {
  const parts = []
  if (node.pivot) {
    const width = node.pivot.length * 5.6 + 30
    parts.push(
      svg("rect", { class: "pivot-wall", x: w - 3, y: 8, width: 5, height: h - 16, rx: 2.5 }),
      svg("rect", { class: "pivot-flag", x: 12, y: -10, width, height: 18, rx: 9 }),
      icon(st, "lock", 18, -7.5, 12, "pivot-icon"),
      words({ class: "pivot-word", x: 33, y: 3 }, node.pivot),
    )
  }
  node.marks.forEach((mark, i) => parts.push(sign(st, mark, w - 18 - 25 * i, 0)))
  return parts
}

/** A round mark with its word as a tip, on a card's edge or on an arrow. */
function sign(st, mark, x, y) {
  const group = svg("g", { class: "mark", "data-family": mark.family, "data-mark": mark.id, transform: `translate(${x} ${y})` })
  const tip = svg("title")
  tip.textContent = mark.word
  group.append(tip, svg("circle", { r: 11 }), icon(st, mark.icon, -7.5, -7.5, 15, "mark-icon"))
  return group
}

function drawNode(st, group, node) {
  const { w, h } = st.data.card
  group.setAttribute("transform", `translate(${node.x - w / 2} ${node.y - h / 2})`)
  for (const [name, value] of [
    ["data-status", node.status], ["data-family", node.family], ["data-lane", node.lane],
    ["data-pattern", node.pattern], ["data-effect", node.pivot ? "pivot" : ""], ["aria-label", describe(node)],
  ]) group.setAttribute(name, value)
  const tip = svg("title")
  tip.textContent = describe(node)
  group.replaceChildren(tip, ...frame(node, w, h), ...body(st, node, w, h), ...signs(st, node, w, h))
}

// ---------------------------------------------------------------- arrows

/** The path of an arrow: horizontal tangents, straight across the layers that it passes. */
function route(st, edge, source, target) {
  const { w, h } = st.data.card
  if (edge.kind === "undo") {
    const [y1, y2] = [source.y + h / 2, target.y - h / 2 - 7]
    return { d: `M${source.x} ${y1}L${source.x} ${y2}`, tip: [target.x, y2 + 7, 90], label: [source.x, (y1 + y2) / 2], room: w }
  }
  const start = [source.x + w / 2, source.y]
  const end = [target.x - w / 2 - 7, target.y]
  if (end[0] <= start[0]) {
    const low = Math.max(source.y, target.y) + h * 1.6
    const d = `M${source.x} ${source.y + h / 2}C${source.x} ${low} ${target.x} ${low} ${target.x} ${target.y + h / 2 + 7}`
    return { d, tip: [target.x, target.y + h / 2, -90], label: [(source.x + target.x) / 2, low - h * 0.4], room: w }
  }
  const points = [start]
  for (const [x, y] of edge.bends) points.push([x - w / 2, y], [x + w / 2, y])
  points.push(end)
  let d = `M${start[0]} ${start[1]}`
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [[x1, y1], [x2, y2]] = [points[i], points[i + 1]]
    const middle = (x1 + x2) / 2
    d += `C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`
    if (points[i + 2]) d += `L${points[i + 2][0]} ${points[i + 2][1]}`
  }
  const [x2, y2] = points[1]
  return { d, tip: [end[0] + 7, end[1], 0], label: [(start[0] + x2) / 2, (start[1] + y2) / 2], room: x2 - start[0] - 8 }
}

function drawEdge(st, group, edge) {
  const source = st.byId.get(edge.source)
  const target = st.byId.get(edge.target)
  const { d, tip, label, room } = route(st, edge, source, target)
  const flowing = edge.state === "taken" && FORWARD.has(target.status)
  for (const [name, value] of [
    ["data-kind", edge.kind], ["data-state", edge.state], ["data-flowing", flowing], ["data-check", edge.check?.id ?? ""],
  ]) {
    group.setAttribute(name, value)
  }
  const parts = [
    svg("path", { class: "hit", d }),
    svg("path", { class: "line", d }),
    svg("path", { class: "tip", d: "M0 0L-8 -4.5L-8 4.5Z", transform: `translate(${tip[0]} ${tip[1]}) rotate(${tip[2]})` }),
  ]
  let beside = 0
  if (edge.label) {
    const text = clip(st, edge.label, Math.max(room - 12, 24), 11, 500)
    ruler.font = `500 11px ${st.font}`
    const width = ruler.measureText(text).width + 12
    const full = svg("title")
    full.textContent = edge.label
    parts.push(svg("rect", { class: "label-box", x: label[0] - width / 2, y: label[1] - 9, width, height: 18, rx: 9 }))
    parts.push(words({ class: "label", x: label[0], y: label[1] + 3.8, "text-anchor": "middle" }, text), full)
    beside = width / 2 + 13
  }
  if (edge.check) parts.push(sign(st, edge.check, label[0] - beside, label[1]))
  group.replaceChildren(...parts)
}

// ---------------------------------------------------------------- patching

/** Make `layer` hold one group per item, redrawing only those that changed. */
function patch(st, layer, kept, items, stamp, draw, make) {
  const gone = new Set(kept.keys())
  for (const item of items) {
    gone.delete(item.id)
    let entry = kept.get(item.id)
    if (!entry) {
      entry = { group: make(item), stamp: "" }
      layer.append(entry.group)
      kept.set(item.id, entry)
    }
    const now = stamp(item)
    if (entry.stamp !== now) draw(st, entry.group, item)
    entry.stamp = now
  }
  for (const id of gone) {
    kept.get(id).group.remove()
    kept.delete(id)
  }
}

function update(st) {
  const { nodes, edges } = st.data
  st.byId = new Map(nodes.map((node) => [node.id, node]))
  const ends = (edge) => [edge.source, edge.target].map((id) => st.byId.get(id))
  patch(st, st.edgeLayer, st.edgeGroups, edges,
    (edge) => JSON.stringify([edge, ends(edge).map((n) => [n.x, n.y, FORWARD.has(n.status)])]), drawEdge,
    (edge) => svg("g", { class: "edge", "data-id": edge.id, "data-testid": `flow-edge-${edge.id}` }))
  patch(st, st.nodeLayer, st.nodeGroups, nodes, (node) => JSON.stringify(node), drawNode, (node) =>
    svg("g", { class: "node", "data-id": node.id, "data-testid": `flow-node-${node.id}`, role: "button", tabindex: 0 }))
  const shape = JSON.stringify(nodes.map((node) => [node.id, node.x, node.y]))
  if (shape !== st.shape && !st.touched) fit(st, ZOOM.firstMin)
  st.shape = shape
}

function highlight(st) {
  for (const [id, { group }] of st.nodeGroups) {
    group.classList.toggle("selected", id === st.selected)
    group.setAttribute("aria-pressed", String(id === st.selected))
  }
  for (const [id, { group }] of st.edgeGroups) group.classList.toggle("selected", id === st.edge)
}

function select(st, node, edge = null) {
  if (st.selected === node && st.edge === edge) return
  const edgeChanged = st.edge !== edge
  const nodeChanged = st.selected !== node
  st.selected = node
  st.edge = edge
  highlight(st)
  if (edgeChanged) st.component.setStateValue("edge", edge)
  if (nodeChanged) st.component.setStateValue("selected", node)
}

// ---------------------------------------------------------------- view

const show = (st) => {
  const { k, x, y } = st.view
  st.scene.setAttribute("transform", `translate(${x} ${y}) scale(${k})`)
  const dot = 22 * k * 2 ** Math.max(0, Math.ceil(Math.log2(0.6 / k))) // never a grey haze
  st.root.style.setProperty("--dot", `${dot}px`)
  st.root.style.setProperty("--dot-at", `${x}px ${y}px`)
}

function zoom(st, factor, px, py) {
  const k = Math.min(Math.max(st.view.k * factor, ZOOM.min), ZOOM.max)
  const ratio = k / st.view.k
  st.view = { k, x: px - (px - st.view.x) * ratio, y: py - (py - st.view.y) * ratio }
  st.touched = true
  show(st)
}

/** Show everything; where that would be smaller than `least`, show what is going on (or the start). */
function fit(st, least = ZOOM.min) {
  const { nodes, card } = st.data
  const { clientWidth: width, clientHeight: height } = st.canvas
  if (!nodes.length || !width || !height) return
  const xs = nodes.map((node) => node.x)
  const ys = [...nodes.map((node) => node.y), ...st.data.edges.flatMap((edge) => edge.bends.map((bend) => bend[1]))]
  const [left, right] = [Math.min(...xs) - card.w / 2, Math.max(...xs) + card.w / 2]
  const [top, bottom] = [Math.min(...ys) - card.h / 2 - 8, Math.max(...ys) + card.h / 2]
  const scale = Math.min((width - 2 * PAD) / (right - left), (height - 2 * PAD) / (bottom - top), ZOOM.fitMax)
  const k = Math.max(scale, least)
  const hot = st.byId.get(st.selected) ?? nodes.find((n) => BUSY.has(n.status) || n.status.startsWith("awaiting_"))
  const within = (low, high, room, at) =>
    (high - low) * k <= room - PAD ? room / 2 - ((low + high) / 2) * k
      : Math.min(PAD - low * k, Math.max(room - PAD - high * k, room / 2 - at * k))
  const x = within(left, right, width, hot ? hot.x : left)
  const y = within(top, bottom, height, hot ? hot.y : top)
  st.view = { k, x, y }
  show(st)
}

// ---------------------------------------------------------------- hands

function onPointer(st) {
  let from = null
  st.canvas.onpointerdown = (event) => {
    if (event.button === 0) from = { x: event.clientX, y: event.clientY, view: { ...st.view }, moved: false }
  }
  st.canvas.onpointermove = (event) => {
    if (!from) return
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y]
    if (!from.moved && Math.hypot(dx, dy) < 5) return
    if (!from.moved) st.canvas.setPointerCapture(event.pointerId)
    from.moved = true
    st.touched = true
    st.root.classList.add("panning")
    st.view = { ...from.view, x: from.view.x + dx, y: from.view.y + dy }
    show(st)
  }
  st.canvas.onpointerup = st.canvas.onpointercancel = () => {
    st.dragged = Boolean(from?.moved)
    from = null
    st.root.classList.remove("panning")
  }
  st.canvas.onclick = (event) => {
    if (st.dragged) return
    const node = event.target.closest(".node")
    const edge = event.target.closest(".edge")
    select(st, node ? node.dataset.id : null, edge ? edge.dataset.id : null)
  }
  st.canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    const box = st.canvas.getBoundingClientRect()
    zoom(st, Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top)
  }, { passive: false })
}

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }

/** The nearest card in a direction, sideways distance counting double. */
function neighbour(st, node, [dx, dy]) {
  let best = null
  for (const other of st.data.nodes) {
    const [x, y] = [other.x - node.x, other.y - node.y]
    const ahead = x * dx + y * dy
    if (ahead < 10) continue
    const far = ahead + 2 * Math.abs(x * dy + y * dx)
    if (!best || far < best.far) best = { far, id: other.id }
  }
  return best && st.nodeGroups.get(best.id).group
}

function onKey(st) {
  st.canvas.onkeydown = (event) => {
    const group = event.target.closest(".node")
    if (event.key === "Escape") select(st, null)
    if (!group) return
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault()
      select(st, group.dataset.id)
    }
    if (event.key in ARROWS) {
      event.preventDefault()
      neighbour(st, st.byId.get(group.dataset.id), ARROWS[event.key])?.focus()
    }
  }
}

function tool(st, name, label, glyph, act) {
  const button = document.createElement("button")
  button.type = "button"
  button.title = label
  button.setAttribute("aria-label", label)
  button.dataset.testid = `flow-${name}`
  button.append(svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: glyph })))
  button.onclick = act
  return button
}

function mount(host) {
  const st = { nodeGroups: new Map(), edgeGroups: new Map(), view: { k: 1, x: 0, y: 0 }, selected: null, edge: null }
  st.root = host.querySelector(".flow")
  st.edgeLayer = svg("g", {})
  st.nodeLayer = svg("g", {})
  st.scene = svg("g", { class: "scene" }, st.edgeLayer, st.nodeLayer)
  st.canvas = svg("svg", { class: "canvas", role: "group", "data-testid": "flow-canvas" }, st.scene)
  const middle = (factor) => () => zoom(st, factor, st.canvas.clientWidth / 2, st.canvas.clientHeight / 2)
  const tools = document.createElement("div")
  tools.className = "tools"
  tools.append(
    tool(st, "zoom-in", "Zoom in (Ctrl and wheel)", "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z", middle(1.25)),
    tool(st, "zoom-out", "Zoom out (Ctrl and wheel)", "M5 11h14v2H5z", middle(0.8)),
    tool(st, "fit", "Show everything", "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z", () => {
      st.touched = false
      fit(st)
    }),
  )
  st.root.replaceChildren(st.canvas, tools)
  onPointer(st)
  onKey(st)
  st.watcher = new ResizeObserver(() => !st.touched && st.data && fit(st, ZOOM.firstMin))
  st.watcher.observe(st.root)
  return st
}

/** Dark or light, by how bright the page is: cards are raised differently. */
function isDark(root) {
  const [r, g, b] = getComputedStyle(root).getPropertyValue("background-color").match(/[\d.]+/g) ?? [255, 255, 255]
  return 0.3 * r + 0.6 * g + 0.1 * b < 128
}

export default function (component) {
  const host = component.parentElement
  const st = states.get(host) ?? mount(host)
  states.set(host, st)
  st.component = component
  st.data = component.data
  st.root.style.height = `${st.data.height}px`
  st.canvas.setAttribute("aria-label", st.data.label)
  st.font = getComputedStyle(st.root).fontFamily
  st.root.dataset.theme = isDark(st.root) ? "dark" : "light"
  if (st.told !== st.data.selected) {
    // Python changed its mind; what it merely repeats must not undo a click that is on its way.
    st.told = st.data.selected
    st.selected = st.data.selected
    if (st.selected) st.edge = null
  }
  update(st)
  highlight(st)
  return () => {
    st.watcher.disconnect()
    states.delete(host)
  }
}
