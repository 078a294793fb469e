# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws what happened to a TDI as a sequence chart, from a run's own traces.

Three clocks meet here. The guest's reports and the trace of L2's QEMU carry
L1's time. The device is part of L0, whose trace carries the time of this
machine. The two are set against each other by what must lie between: the device
answers LOCK_INTERFACE after QEMU has called the TSM and before the ioctl
returns, and START_INTERFACE likewise.

What is drawn is what the traces say, in their order; a line that no rule below
knows is left out.
"""

import datetime
import html
import re

LANES = ("guest", "QEMU", "KVM", "iommufd", "TSM", "device")
LANE_WIDTH, ROW, LEFT, TOP = 190, 24, 150, 70
COLOURS = {"call": "#1f5fa8", "reply": "#6b7785", "error": "#b3261e",
           "state": "#2e7d32", "say": "#5d4037"}

TDISP = {0x81: "GET_VERSION", 0x82: "GET_CAPABILITIES",
         0x83: "LOCK_INTERFACE", 0x84: "GET_DEVICE_INTERFACE_REPORT",
         0x85: "GET_DEVICE_INTERFACE_STATE", 0x86: "START_INTERFACE",
         0x87: "STOP_INTERFACE"}
OPS = {1: "bind", 2: "unbind"}
REQUESTS = {0x1: "read object", 0x3: "object info", 0x5: "set TDI state",
            0x80: "get TDI state"}


class Event:
    """One arrow (two lanes), or one note or state (one lane)."""

    def __init__(self, time, kind, lanes, text):
        self.time, self.kind, self.lanes, self.text = time, kind, lanes, text

    def same(self, other):
        return (self.kind, self.lanes, self.text) == (
            other.kind, other.lanes, other.text)


def outcome(ret):
    """A trace's "ret N", for an arrow back; N is a negative errno or fine."""
    return ("error", f"errno {-ret}") if ret < 0 else ("reply", "done")


def on_request_begin(time, match):
    return [Event(time, "call", ("guest", "QEMU"), f"TDCM {match['name']}")]


def on_call(time, match):
    return [Event(time, "call", ("QEMU", "iommufd"), match["what"])]


def on_request(time, match):
    kind, text = outcome(int(match["ret"]))
    if kind == "reply" and match["len"] != "0":
        text = f"{match['len']} bytes"
    return [Event(time, kind, ("QEMU", "guest"), text)]


def on_state(time, match):
    return [Event(time, "state", ("QEMU",), match["to"])]


def on_convert(time, match):
    kind, _ = outcome(int(match["ret"]))
    pages = int(match["size"], 16) >> 12
    return [Event(time, "call" if kind == "reply" else kind, ("QEMU", "KVM"),
                  f"{pages} pages {match['to']}")]


def on_op(time, match):
    kind, text = outcome(int(match["ret"]))
    name = OPS.get(int(match["type"]), "?")
    return [Event(time, kind, ("iommufd", "QEMU"), f"{name}: {text}")]


def on_req(time, match):
    kind, text = outcome(int(match["ret"]))
    name = REQUESTS.get(int(match["op"], 16), "?")
    return [Event(time, kind, ("iommufd", "QEMU"), f"{name}: {text}")]


def on_respond(time, match):
    request = int(match["req"], 16)
    failed = int(match["rsp"], 16) == 0x7f
    back = f"ERROR {match['error']}" if failed else "response"
    return [Event(time, "call", ("TSM", "device"),
                  TDISP.get(request, f"request {match['req']}")),
            Event(time, "error" if failed else "reply", ("device", "TSM"),
                  back)]


def on_device_state(time, match):
    return [Event(time, "state", ("device",), match["to"])]


RULES = [(re.compile(pattern), rule) for pattern, rule in (
    (r"vfio_private_request_begin \S+ op \d+ (?P<name>\S+)", on_request_begin),
    (r"vfio_private_tdi_call \S+ (?P<what>\S+)", on_call),
    (r"vfio_private_request \S+ op \d+ \S+ state \S+ ret (?P<ret>-?\d+) "
     r"code \S+ reply (?P<len>\d+) bytes", on_request),
    (r"vfio_private_tdi_state \S+ \S+ -> (?P<to>\S+)", on_state),
    (r"kvm_private_mmio_convert .* gpa \S+ offset \S+ size (?P<size>\S+) "
     r"to (?P<to>\S+) ret (?P<ret>-?\d+)", on_convert),
    (r"tsm_iommufd_op \S+ vdevice \d+ type (?P<type>\d+) ret (?P<ret>-?\d+)",
     on_op),
    (r"tsm_iommufd_req \S+ vdevice \d+ op (?P<op>\S+) .* ret (?P<ret>-?\d+)",
     on_req),
    (r"tdisp_respond \S+ function \S+ request (?P<req>\S+) response "
     r"(?P<rsp>\S+) error (?P<error>\S+)", on_respond),
    (r"tdisp_state \S+ rid \S+ \S+ -> (?P<to>\w+)", on_device_state))]

STAMP = re.compile(r"(\d{4}-\S+T\S+Z) (.*)")


def seconds(stamp):
    return datetime.datetime.fromisoformat(
        stamp.replace("Z", "+00:00")).timestamp()


def read_trace(path):
    """The lines of one of QEMU's logs as (time, text)."""
    if not path.exists():
        return []
    found = map(STAMP.match, path.read_text(errors="replace").splitlines())
    return [(seconds(match[1]), match[2]) for match in found if match]


def to_events(lines, offset=0.0):
    events = []
    for time, text in lines:
        for pattern, rule in RULES:
            match = pattern.match(text)
            if match:
                events += rule(time + offset, match)
                break
    return events


def after_request(events):
    """The device traces a request with its response, when it has long acted.

    A change of state that comes right before such a pair belongs between.
    """
    for number in range(len(events) - 2):
        state, request = events[number:number + 2]
        if (state.kind, request.kind) == ("state", "call"):
            state.time = request.time
            events[number:number + 2] = [request, state]
    return events


def only_tdi(host):
    """Without the lines about devices that are never bound."""
    tdis = {match[1] for match in (re.match(r"tsm_iommufd_op (\S+)", text)
                                   for _, text in host) if match}
    return [(time, text) for time, text in host
            if any(f" {tdi}" in text for tdi in tdis)]


def times_of(lines, pattern):
    return [time for time, text in lines if re.match(pattern, text)]


def clock_offset(device, host):
    """What to add to the device's times to get L1's; None if nothing tells."""
    offsets = []
    for name, end, request in (
            ("bind", r"tsm_iommufd_op \S+ vdevice \d+ type 1 ", "0x83"),
            ("start", r"tsm_iommufd_req \S+ vdevice \d+ op 0x5 ", "0x86")):
        for begin, end, answer in zip(
                times_of(host, rf"vfio_private_tdi_call \S+ {name}$"),
                times_of(host, end),
                times_of(device, rf"tdisp_respond .* request {request} ")):
            offsets.append((begin - answer, end - answer))
    if not offsets:
        return None
    return (max(low for low, _ in offsets) +
            min(high for _, high in offsets)) / 2


def collect(folder, reports):
    """All events of a case's folder, in order; raises ValueError if it cannot.

    @reports: (time in L1, text) of what the guest says.
    """
    host = only_tdi(read_trace(folder / "out" / "trace-l2.log"))
    device = read_trace(folder / "l0.log")
    offset = clock_offset(device, host)
    if offset is None:
        raise ValueError("no bind in the traces")
    events = to_events(host) + after_request(to_events(device, offset)) + [
        Event(time, "say", ("guest",), text) for time, text in reports]
    # What the host did to the device before the guest's machine began is not
    # part of this story. sort() keeps the order of what has the same time.
    first = min(time for time, _ in host)
    return sorted((event for event in events if event.time >= first),
                  key=lambda event: event.time)


def fold(events):
    """Neighbours that are the same become one, with their number."""
    rows = []
    for event in events:
        if rows and rows[-1][0].same(event):
            rows[-1][1] += 1
        else:
            rows.append([event, 1])
    return rows


def lane_x(name):
    return LEFT + LANES.index(name) * LANE_WIDTH + LANE_WIDTH // 2


def text_at(x, y, words, anchor="start", extra=""):
    return (f'<text x="{x}" y="{y}" text-anchor="{anchor}" {extra}>'
            f"{html.escape(words)}</text>")


def draw_event(event, count, y):
    colour = COLOURS[event.kind]
    words = event.text + (f" ({count} times)" if count > 1 else "")
    if len(event.lanes) == 2:
        start, end = map(lane_x, event.lanes)
        dash = ' stroke-dasharray="5 3"' if event.kind == "reply" else ""
        return (f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" '
                f'stroke="{colour}"{dash} marker-end="url(#{event.kind})"/>'
                + text_at((start + end) // 2, y - 4, words, "middle",
                          f'fill="{colour}"'))
    x = lane_x(event.lanes[0])
    if event.kind == "say":
        return (f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{colour}"/>'
                + text_at(x + 10, y, words, extra=f'fill="{colour}"'))
    return (f'<rect x="{x - 68}" y="{y - 14}" width="136" height="18" rx="9" '
            f'fill="{colour}"/>'
            + text_at(x, y, words, "middle", 'fill="white"'))


def draw(events, title):
    """The chart as SVG text. Times are those since the first event."""
    rows = fold(events)
    height = TOP + ROW * (len(rows) + 2)
    width = LEFT + LANE_WIDTH * len(LANES) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="sans-serif" font-size="12">', "<defs>"]
    for kind in ("call", "reply", "error"):
        out.append(f'<marker id="{kind}" viewBox="0 0 8 8" refX="8" refY="4" '
                   'markerWidth="8" markerHeight="8" orient="auto">'
                   f'<path d="M0 0L8 4L0 8z" fill="{COLOURS[kind]}"/></marker>')
    out += ["</defs>", '<rect width="100%" height="100%" fill="white"/>',
            text_at(12, 24, title, extra='font-size="15" font-weight="bold"')]
    for name in LANES:
        x = lane_x(name)
        out.append(text_at(x, TOP - 20, name, "middle", 'font-weight="bold"'))
        out.append(f'<line x1="{x}" y1="{TOP - 12}" x2="{x}" '
                   f'y2="{height - ROW}" stroke="#c9ced6"/>')
    start = previous = events[0].time
    for number, (event, count) in enumerate(rows):
        y = TOP + ROW * (number + 1)
        out.append(text_at(12, y, f"{event.time - start:8.4f} s"))
        out.append(text_at(LEFT - 8, y, f"+{(event.time - previous) * 1e3:.1f} ms",
                           "end", 'fill="#6b7785" font-size="10"'))
        previous = event.time
        out.append(draw_event(event, count, y))
    return "\n".join(out + ["</svg>"]) + "\n"


def after(case, folder, reports):
    """Draws timeline.svg; returns None, or why there is nothing to draw."""
    says = []
    for words in reports.all("at"):
        time, _, text = words.partition(" ")
        says.append((float(time), text))
    try:
        events = collect(folder, says)
    except ValueError as error:
        return f"no timeline: {error}"
    empty = set(LANES) - {lane for event in events for lane in event.lanes}
    if empty:
        return f"no timeline: nothing of {', '.join(sorted(empty))} in the traces"
    (folder / "timeline.svg").write_text(draw(events, case.about))
    return None
