#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Watch the TEE device interfaces of a running QEMU, over QMP.

  tdi-monitor SOCKET                   live, redrawn as things change
  tdi-monitor --record FILE SOCKET     and keep what QEMU says in FILE
  tdi-monitor --replay FILE            the same picture from a recorded log
  tdi-monitor --once SOCKET            print the table once, as plain text

SOCKET is the path of a UNIX socket, or HOST:PORT. A log is what QEMU has
written, one JSON value a line: a file of --record, or the logfile= of the QMP
character device. On a terminal a replay takes as long as the recording did,
divided by --speed. Keys: q quits, p pauses a replay.

Exit status: 0; 1 if there is no connection, or no QMP in the log; 2 wrong usage.
"""

import argparse
import collections
import json
import os
import select
import shutil
import socket
import sys
import termios
import time
import tty

EVENTS_KEPT = 200
POLL_SECONDS = 1.0
# A device_add may keep QEMU from answering for some seconds.
ANSWER_SECONDS = 20
LONGEST_PAUSE = 3.0    # of a replay, whatever the recording says

COLORS = {
    'run': '32', 'config-locked': '33', 'config-unlocked': '36',
    'error': '31;1', 'unknown': '31', 'hidden': '33', 'private': '32', 'mixed': '33',
    'failed': '31;1', 'head': '1', 'dim': '2',
}

# Events of QEMU that explain what happens to devices.
OTHER_EVENTS = {'DEVICE_DELETED', 'RESET', 'SHUTDOWN', 'STOP', 'RESUME',
                'DEVICE_UNPLUG_GUEST_ERROR'}


def human_size(size):
    """Bytes in a unit that leaves few digits; exact if it has no point."""
    for unit in ('B', 'KiB', 'MiB', 'GiB'):
        if size < 1024:
            break
        size /= 1024
    else:
        unit = 'TiB'
    return f'{size:.0f} {unit}' if size == int(size) else f'{size:.1f} {unit}'


def printable(value):
    """Text of a log or of a VM, without what would steer the terminal."""
    return ''.join(c if c.isprintable() else '?' for c in str(value))


def is_a(value, *kinds):
    """Of one of these types, and no bool for an int."""
    return isinstance(value, kinds) and (bool in kinds or
                                         not isinstance(value, bool))


def valid_error(error):
    return error is None or (is_a(error, dict) and
                             is_a(error.get('operation'), str) and
                             is_a(error.get('desc'), str))


def valid_slice(one):
    return (is_a(one, dict) and is_a(one.get('attribute'), str) and
            all(is_a(one.get(name), int) for name in ('bar', 'offset', 'size'))
            and is_a(one.get('address', 0), int))


def valid_device(one):
    """Is this an element of query-tdi's answer, as far as it is shown?"""
    return (is_a(one, dict) and is_a(one.get('qom-path'), str) and
            is_a(one.get('state'), str) and is_a(one.get('slices'), list) and
            all(valid_slice(part) for part in one['slices']) and
            all(is_a(one.get(name, 0), int) for name in
                ('guest-rid', 'binds', 'conversions', 'errors',
                 'private-dma')) and
            all(is_a(one.get(name, ''), str) for name in
                ('id', 'host', 'tsm', 'tsm-kind')) and
            valid_error(one.get('last-error')))


class Model:
    """What is known of the devices: fed with QMP messages, asked by View."""

    def __init__(self):
        self.devices = {}
        self.events = collections.deque(maxlen=EVENTS_KEPT)
        self.version = None
        self.vm = None
        self.messages = 0
        self.clock = None

    def feed(self, message):
        """Takes one message of QEMU; returns whether it changed anything."""
        if not isinstance(message, dict):
            return False
        if isinstance(message.get('QMP'), dict):
            self.messages += 1
            return self._greeting(message['QMP'])
        if is_a(message.get('event'), str):
            self.messages += 1
            return self._event(message)
        if 'return' in message or 'error' in message:
            self.messages += 1
            return self._answer(message.get('return'))
        return False

    def _greeting(self, qmp):
        try:
            numbers = qmp['version']['qemu']
            self.version = '.'.join(str(int(numbers[part])) for part in
                                    ('major', 'minor', 'micro'))
        except (KeyError, TypeError, ValueError):
            self.version = None
        return True

    def _answer(self, value):
        """Answers are known by their shape: a log does not hold the question."""
        if isinstance(value, dict) and isinstance(value.get('status'), str) \
                and 'running' in value:
            self.vm = value['status']
            return True
        if not isinstance(value, list) or not all(map(valid_device, value)):
            return False
        # An empty list may be the answer to anything.
        if value or self.devices:
            self.devices = {one['qom-path']: one for one in value}
        return True

    def name(self, data):
        """What to call the device of an event."""
        path = str(data.get('qom-path') or data.get('path') or '')
        known = self.devices.get(path, {})
        return printable(data.get('id') or data.get('device') or
                         known.get('id') or path.rsplit('/', 1)[-1] or 'VM')

    def _event(self, message):
        kind = message['event']
        data = message.get('data')
        data = {key: value for key, value in data.items()
                if is_a(value, str, dict, int)} if is_a(data, dict) else {}
        stamp = message.get('timestamp')
        when = None
        if is_a(stamp, dict) and all(is_a(stamp.get(name), int) for name in
                                     ('seconds', 'microseconds')):
            when = min(max(stamp['seconds'], 0), 1 << 40) + \
                stamp['microseconds'] % 1000000 / 1e6
        self.clock = when or self.clock
        name = self.name(data)
        if kind == 'TDI_STATE_CHANGED':
            device = self.devices.get(str(data.get('qom-path')))
            if device:
                device['state'] = str(data.get('new'))
            old, new, reason = (printable(data.get(name)) for name in
                                ('old', 'new', 'reason'))
            text = [(old, old), (' -> ', None), (new, new),
                    (f' ({reason})', 'dim')]
        elif kind == 'TDI_REQUEST_COMPLETED':
            error = data.get('error')
            what = printable(data.get('operation'))
            text = [(f'{what} done', 'dim')]
            if is_a(error, dict):
                text = [(f'{what} failed: ', 'failed'),
                        (printable(error.get('desc')), None)]
        elif kind == 'TDI_VCPU_WAITS':
            address = data.get('address')
            where = f'{address:#x}' if is_a(address, int) else '?'
            text = [(f"vCPU {printable(data.get('cpu-index'))} waits", 'failed'),
                    (f' at {where}', None)]
        elif kind in OTHER_EVENTS:
            if kind == 'DEVICE_DELETED':
                self.devices.pop(str(data.get('path')), None)
            self.vm = {'STOP': 'paused', 'RESUME': 'running',
                       'SHUTDOWN': 'shutdown'}.get(kind, self.vm)
            text = [(kind, 'dim')]
        else:
            return False
        self.events.append((when, name, text))
        return True


class View:
    """Draws a Model as lines of text."""

    COLUMNS = (('ID', 12), ('HOST', 13), ('GUEST', 8), ('STATE', 16),
               ('TSM', 18), ('PRIVATE', 18), ('BINDS', 6), ('CONV', 6),
               ('ERR', 4))

    def __init__(self, color):
        self.color = color

    def paint(self, text, kind):
        code = COLORS.get(kind)
        return f'\033[{code}m{text}\033[0m' if self.color and code else text

    def row(self, cells):
        """Cells are (text, color) in the order of COLUMNS."""
        parts = []
        for (text, kind), (_, width) in zip(cells, self.COLUMNS):
            text = printable(text)
            text = text if len(text) <= width else text[:width - 1] + '~'
            parts.append(self.paint(text, kind) + ' ' * (width - len(text)))
        return ' '.join(parts).rstrip()

    @staticmethod
    def private_part(device):
        """How much of the memory is private, as text and color."""
        slices = device.get('slices') or []
        total = sum(one.get('size', 0) for one in slices)
        private = sum(one.get('size', 0) for one in slices
                      if one.get('attribute') == 'private')
        if not private:
            mixed = any(one.get('attribute') == 'mixed' for one in slices)
            return ('parts', 'mixed') if mixed else ('none', None)
        if private == total:
            return f'all {human_size(total)}', 'private'
        return f'{human_size(private)} of {human_size(total)}', 'mixed'

    def device(self, model, device):
        """The lines of one device: its row, its slices, its last error."""
        rid = device.get('guest-rid')
        guest = '' if rid is None else \
            f'{rid >> 8 & 0xff:02x}:{rid >> 3 & 0x1f:02x}.{rid & 7}'
        tsm = device.get('tsm')
        tsm = f"{tsm} ({device.get('tsm-kind')})" if tsm else 'not connected'
        state = device.get('state')
        errors = device.get('errors', 0)
        lines = [self.row((
            (model.name(device), None), (device.get('host', ''), None),
            (guest, None),
            (f'{state} ...' if device.get('busy') else state, state),
            (tsm, None if device.get('tsm') else 'dim'),
            self.private_part(device), (device.get('binds', 0), None),
            (device.get('conversions', 0), None),
            (errors, 'failed' if errors else None)))]
        for one in device.get('slices') or []:
            gpa = one.get('address')
            where = 'not mapped' if gpa is None else f'at {gpa:#x}'
            users = [name for name in ('kvm', 'dma') if one.get(name)]
            attribute = one.get('attribute')
            lines.append(
                f"  BAR {one.get('bar')} +{one.get('offset', 0):#x} "
                f"{human_size(one.get('size', 0))}  "
                f"{self.paint(printable(attribute), attribute)}  {where}"
                f"{'  ' + '+'.join(users) if users else ''}")
        if device.get('private-dma-enabled'):
            reach = device.get('private-dma')
            lines.append('  DMA to ' + (
                f'{human_size(reach)} of private memory' if reach is not None
                else 'private memory, how much is not known'))
        error = device.get('last-error')
        if error:
            lines.append(self.paint(
                f"  last error: {printable(error.get('operation'))}: "
                f"{printable(error.get('desc'))}", 'failed'))
        return lines

    def table(self, model):
        lines = [self.paint(self.row([(name, None) for name, _ in
                                      self.COLUMNS]), 'head')]
        for path in sorted(model.devices):
            lines += self.device(model, model.devices[path])
        if not model.devices:
            lines.append('no device with private=on')
        return lines

    def events(self, model, count):
        lines = []
        for when, name, text in list(model.events)[-count:] if count else []:
            stamp = '--:--:--.---' if when is None else time.strftime(
                '%H:%M:%S', time.localtime(when)) + f'.{int(when % 1 * 1000):03}'
            lines.append(f'{stamp}  {name:12} ' + ''.join(
                self.paint(part, kind) for part, kind in text))
        return lines

    def draw(self, model, source, height):
        """All of it, in at most this many lines; None: as many as it takes."""
        version = f'  QEMU {model.version}' if model.version else ''
        vm = f'  VM {printable(model.vm)}' if model.vm else ''
        lines = [self.paint(f'tdi-monitor  {printable(source)}{version}{vm}',
                            'head'), ''] + self.table(model) + ['']
        room = EVENTS_KEPT if height is None else height - len(lines) - 2
        lines.append(self.paint('EVENTS', 'head'))
        lines += self.events(model, max(room, 0)) or ['none yet']
        return lines if height is None else lines[:max(height - 1, 1)]


class Screen:
    """The terminal: its alternate screen, and single keys."""

    def __init__(self):
        self.saved = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None

    def __enter__(self):
        if self.saved:
            tty.setcbreak(sys.stdin)
        sys.stdout.write('\033[?1049h\033[?25l')
        return self

    def __exit__(self, *_):
        sys.stdout.write('\033[?25h\033[?1049l')
        sys.stdout.flush()
        if self.saved:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.saved)

    def show(self, view, model, source):
        size = shutil.get_terminal_size()
        lines = view.draw(model, source, size.lines)
        # No wrapping: a long line must not push the others out.
        sys.stdout.write('\033[?7l\033[H' + ''.join(
            f'{line}\033[K\r\n' for line in lines) + '\033[J\033[?7h')
        sys.stdout.flush()

    def key(self, seconds, sockets=()):
        """Waits; returns (key or '', the sockets that can be read)."""
        watched = list(sockets) + ([sys.stdin] if self.saved else [])
        ready = select.select(watched, [], [], max(seconds, 0))[0]
        key = ''
        if sys.stdin in ready:
            ready.remove(sys.stdin)
            key = os.read(sys.stdin.fileno(), 1).decode(errors='replace')
        return key, ready


class Connection:
    """A QMP socket: sends questions, gives the messages that have come."""

    def __init__(self, address, record):
        host, _, port = address.rpartition(':')
        if host and port.isdigit() and not os.path.exists(address):
            self.socket = socket.create_connection((host, int(port)))
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        self.record = record
        self.rest = b''
        self.ask('qmp_capabilities')

    def fileno(self):
        return self.socket.fileno()

    def ask(self, command):
        self.socket.sendall(json.dumps(
            {'execute': command, 'id': command}).encode() + b'\n')

    def ask_all(self):
        self.ask('query-status')
        self.ask('query-tdi')

    def read(self):
        """The messages of what can be read now; None once it is closed."""
        data = self.socket.recv(1 << 16)
        if not data:
            return None
        *whole, self.rest = (self.rest + data).split(b'\n')
        if self.record:
            self.record.write(b''.join(line + b'\n' for line in whole))
            self.record.flush()
        return list(parse(whole))


def parse(lines):
    """The JSON values among these lines."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def message_id(message):
    return message.get('id') if isinstance(message, dict) else None


def print_once(view, model, source):
    print('\n'.join(view.draw(model, source, None)))


def once(options, view, model):
    """Asks, waits for the table, prints it."""
    line = Connection(options.socket, options.record)
    line.socket.settimeout(ANSWER_SECONDS)
    line.ask_all()
    # Events may come first. On a line that somebody has used before, there
    # is no greeting, and capabilities are an error.
    while True:
        try:
            messages = line.read()
        except TimeoutError as late:
            raise ConnectionError(f'no answer in {ANSWER_SECONDS} s: is this '
                                  'a QMP socket that nobody else uses?') from late
        if messages is None:
            raise ConnectionError('QEMU has closed the connection')
        for message in messages:
            model.feed(message)
            if message_id(message) == 'query-tdi':
                if 'error' in message:
                    raise ConnectionError(printable(
                        (message['error'] or {}).get('desc')))
                return print_once(view, model, options.socket)


def live(options, view, model):
    """Redraws until a key or QEMU ends it; then leaves the last picture."""
    line = Connection(options.socket, options.record)
    line.ask_all()
    asked = time.monotonic()
    with Screen() as screen:
        while True:
            screen.show(view, model, options.socket)
            key, ready = screen.key(asked + POLL_SECONDS - time.monotonic(),
                                    [line])
            if key == 'q':
                break
            messages = line.read() if ready else []
            if messages is None:
                model.vm = 'gone'
                break
            news = [model.feed(message) and 'event' in message
                    for message in messages]
            # An event tells of a change; how it looks now is to be asked.
            if any(news) or time.monotonic() - asked >= POLL_SECONDS:
                line.ask_all()
                asked = time.monotonic()
    print_once(view, model, options.socket)


def pause(screen, seconds):
    """Waits, unless a key ends that; returns False to quit."""
    key, _ = screen.key(seconds)
    while key == 'p':
        key, _ = screen.key(3600)
        if key in ('p', ' '):
            return True
    return key != 'q'


def replay(options, view, model):
    """Plays a log; without a terminal, or with --once, all of it at once."""
    with open(options.replay, 'rb') as log:
        messages = list(parse(log))
    if options.once or not sys.stdout.isatty():
        for message in messages:
            model.feed(message)
    else:
        with Screen() as screen:
            for message in messages:
                before = model.clock
                if not model.feed(message):
                    continue
                screen.show(view, model, options.replay)
                step = (model.clock or 0) - (before or model.clock or 0)
                if not pause(screen, min(max(step / options.speed, 0),
                                         LONGEST_PAUSE)):
                    break
    if not model.messages:
        raise ConnectionError(f'{options.replay} is no log of QMP')
    print_once(view, model, options.replay)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('socket', nargs='?', metavar='SOCKET')
    parser.add_argument('--record', metavar='FILE', help='keep what QEMU says')
    parser.add_argument('--replay', metavar='FILE', help='show a recorded log')
    parser.add_argument('--once', action='store_true',
                        help='print once, as text, and end')
    parser.add_argument('--speed', type=float, default=1, metavar='X',
                        help='replay X times as fast')
    options = parser.parse_args(arguments)
    if bool(options.socket) == bool(options.replay):
        parser.error('give either a SOCKET or --replay FILE')
    if options.record and options.replay:
        parser.error('--record goes with a SOCKET')
    if options.speed <= 0:
        parser.error('--speed must be greater than 0')
    return options


def main(arguments=None):
    options = parse_arguments(arguments)
    view = View(sys.stdout.isatty() and 'NO_COLOR' not in os.environ)
    model = Model()
    try:
        if options.record:
            # pylint: disable=consider-using-with
            options.record = open(options.record, 'wb')
        if options.replay:
            replay(options, view, model)
        elif options.once or not sys.stdout.isatty():
            once(options, view, model)
        else:
            live(options, view, model)
    except (OSError, ConnectionError) as error:
        print(f'tdi-monitor: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == '__main__':
    sys.exit(main())
