#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of tdi-monitor: a recorded log, a fake QEMU, a terminal, and nonsense."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import pty
import random
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / 'tdi-monitor.py'
LOG = HERE / 'example.qmp'
SCREEN = HERE / 'example.txt'

sys.dont_write_bytecode = True
SPEC = importlib.util.spec_from_file_location('tdi_monitor', PROGRAM)
tdi_monitor = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tdi_monitor)

DEVICE = {
    'id': 'nvme0', 'qom-path': '/machine/peripheral/nvme0',
    'host': '0000:01:00.0', 'guest-rid': 24, 'state': 'run', 'busy': False,
    'tsm': 'tsm0', 'tsm-kind': 'software', 'binds': 1, 'conversions': 2,
    'errors': 0, 'private-dma-enabled': False, 'slices': [
        {'bar': 0, 'offset': 0, 'size': 8192, 'attribute': 'private',
         'address': 4096, 'kvm': True, 'dma': False},
        {'bar': 4, 'offset': 4096, 'size': 1 << 30, 'attribute': 'shared',
         'kvm': False, 'dma': True}]}


def changed(old, new, reason='guest', seconds=1000):
    return {'event': 'TDI_STATE_CHANGED',
            'timestamp': {'seconds': seconds, 'microseconds': 250000},
            'data': {'id': 'nvme0', 'qom-path': DEVICE['qom-path'], 'old': old,
                     'new': new, 'reason': reason}}


def run(*arguments):
    """main() with what it prints: (status, output, errors)."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = tdi_monitor.main([str(word) for word in arguments])
        except SystemExit as end:
            status = end.code
    return status, output.getvalue(), errors.getvalue()


class FakeQEMU:
    """A QMP server with one device; what it says can be changed meanwhile."""

    def __init__(self, folder, devices, greeting=True):
        self.path = os.path.join(folder, 'qmp.sock')
        self.devices = devices
        self.greeting = greeting
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.client = None
        threading.Thread(target=self.serve, daemon=True).start()

    def say(self, message):
        self.client.sendall(json.dumps(message).encode() + b'\r\n')

    def serve(self):
        with contextlib.suppress(OSError):
            self.serve_client()

    def serve_client(self):
        self.client, _ = self.listener.accept()
        if self.greeting:
            self.say({'QMP': {'version': {'qemu': {
                'major': 10, 'minor': 2, 'micro': 2}}, 'capabilities': []}})
        with self.client.makefile() as lines:
            for line in lines:
                request = json.loads(line)
                answer = {'id': request['id']}
                if request['execute'] == 'query-tdi':
                    answer['return'] = self.devices
                elif request['execute'] == 'query-status':
                    answer['return'] = {'status': 'running', 'running': True}
                elif self.greeting:
                    answer['return'] = {}
                else:
                    answer['error'] = {'class': 'CommandNotFound', 'desc': 'no'}
                self.say(answer)

    def close(self):
        if self.client:
            self.client.close()
        self.listener.close()


class ReplayTest(unittest.TestCase):

    def test_recorded_log(self):
        """The log of a real VM gives the picture that is kept beside it."""
        with contextlib.chdir(HERE):
            done = subprocess.run(
                [PROGRAM, '--replay', LOG.name], capture_output=True, text=True,
                stdin=subprocess.DEVNULL, check=False,
                env={**os.environ, 'TZ': 'UTC'})
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertEqual(done.stdout, SCREEN.read_text(encoding='utf-8'))

    def test_no_log(self):
        for text in ('', 'hello\n', '{"a": 1}\n[1]\n'):
            with tempfile.NamedTemporaryFile('w') as log:
                log.write(text)
                log.flush()
                status, _, errors = run('--replay', log.name)
            self.assertEqual(status, 1)
            self.assertIn('is no log of QMP', errors)

    def test_usage(self):
        self.assertEqual(run()[0], 2)
        self.assertEqual(run('--replay', 'x', 'y')[0], 2)
        self.assertEqual(run('--replay', 'x', '--record', 'y')[0], 2)
        self.assertEqual(run('--replay', 'x', '--speed', '0')[0], 2)
        self.assertEqual(run('/nonexistent/qmp.sock')[0], 1)


class ModelTest(unittest.TestCase):

    def setUp(self):
        self.model = tdi_monitor.Model()
        self.view = tdi_monitor.View(color=False)

    def text(self, height=None):
        return '\n'.join(self.view.draw(self.model, 'here', height))

    def test_states_follow_events(self):
        self.model.feed({'return': [dict(DEVICE, state='config-unlocked')]})
        self.model.feed(changed('config-unlocked', 'config-locked'))
        self.assertRegex(self.text(), r'nvme0 .* 00:03\.0 +config-locked ')
        self.model.feed(changed('config-locked', 'run'))
        self.assertIn('config-locked -> run (guest)', self.text())
        self.model.feed({'event': 'DEVICE_DELETED', 'data': {
            'device': 'nvme0', 'path': DEVICE['qom-path']}})
        self.assertIn('no device with private=on', self.text())

    def test_slices_and_errors(self):
        error = {'operation': 'start', 'kind': 'device', 'desc': 'it broke'}
        self.model.feed({'return': [dict(DEVICE, **{'last-error': error})]})
        self.assertIn('8 KiB of 1.0 GiB', self.text())
        self.assertIn('BAR 0 +0x0 8 KiB  private  at 0x1000  kvm', self.text())
        self.assertIn('BAR 4 +0x1000 1 GiB  shared  not mapped  dma',
                      self.text())
        self.assertIn('last error: start: it broke', self.text())

    def test_private_dma(self):
        self.model.feed({'return': [dict(DEVICE)]})
        self.assertNotIn('DMA to', self.text())
        dma = dict(DEVICE, **{'private-dma-enabled': True})
        self.model.feed({'return': [dma]})
        self.assertIn('DMA to private memory, how much is not known',
                      self.text())
        for size, text in ((0, '0 B'), (3 << 20, '3 MiB')):
            self.model.feed({'return': [dict(dma, **{'private-dma': size})]})
            self.assertIn(f'  DMA to {text} of private memory', self.text())

    def test_vcpu_waits(self):
        waits = {'event': 'TDI_VCPU_WAITS', 'data': {
            'id': 'nvme0', 'qom-path': DEVICE['qom-path'], 'cpu-index': 3,
            'address': 0xfe000000}}
        self.assertTrue(self.model.feed(waits))
        self.assertRegex(self.text(), r'nvme0 +vCPU 3 waits at 0xfe000000')
        self.model.feed({'event': 'TDI_VCPU_WAITS', 'data': {}})
        self.assertRegex(self.text(), r'VM +vCPU None waits at \?')

    def test_failed_request(self):
        self.model.feed({'event': 'TDI_REQUEST_COMPLETED', 'data': {
            'qom-path': '/machine/x', 'operation': 'bind', 'request': 1,
            'error': {'operation': 'bind', 'desc': 'refused'}}})
        self.assertRegex(self.text(), r'--:--:--\.--- +x +bind failed: refused')

    def test_completed_request(self):
        self.model.feed({'event': 'TDI_REQUEST_COMPLETED', 'data': {
            'qom-path': '/machine/x', 'operation': 'unbind', 'request': 2}})
        self.assertRegex(self.text(), r'--:--:--\.--- +x +unbind done')
        self.assertNotIn('failed', self.text())

    def test_other_answers_change_nothing(self):
        self.model.feed({'return': [DEVICE]})
        for value in ({}, [{'name': 'x'}], 'text', 7, None):
            self.assertFalse(self.model.feed({'return': value}))
        self.assertIn('nvme0', self.text())
        self.model.feed({'return': []})
        self.assertIn('no device', self.text())

    def test_height_is_kept(self):
        for number in range(50):
            self.model.feed(changed('run', f'state{number}'))
        lines = self.text(height=24).split('\n')
        self.assertEqual(len(lines), 23)
        self.assertIn('state49', lines[-1])
        for height in range(8):
            self.assertLessEqual(len(self.text(height).split('\n')),
                                 max(height - 1, 1))

    def test_nothing_steers_the_terminal(self):
        bad = '\x1b[2Jx\r\n\x9b'
        self.model.feed({'return': [dict(DEVICE, id=bad, host=bad, tsm=bad,
                                         state=bad)]})
        self.model.feed(changed(bad, bad, bad))
        self.model.feed({'event': 'TDI_REQUEST_COMPLETED', 'data': {
            'id': bad, 'operation': bad, 'error': {'desc': bad}}})
        for char in '\x1b\r\x9b':
            self.assertNotIn(char, self.text())

    def test_nonsense(self):
        """Messages with random parts exchanged neither raise nor loop."""
        rng = random.Random(1)
        junk = [None, True, -1, 1 << 70, 1e300, '', 'x', [], [7], {}, {'a': 1}]

        def spoil(value):
            if rng.random() < 0.08:
                return rng.choice(junk)
            if isinstance(value, dict):
                return {key: spoil(part) for key, part in value.items()}
            if isinstance(value, list):
                return [spoil(part) for part in value]
            return value

        good = [{'event': 'TDI_VCPU_WAITS', 'data': {
                    'id': 'nvme0', 'cpu-index': 0, 'address': 4096}},
                {'return': [DEVICE, dict(DEVICE, **{
                    'qom-path': '/b', 'private-dma-enabled': True,
                    'private-dma': 1 << 21})]},
                changed('config-locked', 'run'),
                {'QMP': {'version': {'qemu': {'major': 10, 'minor': 2,
                                              'micro': 2}}}},
                {'event': 'TDI_REQUEST_COMPLETED', 'data': {
                    'operation': 'bind', 'error': {'desc': 'x'}}},
                {'event': 'DEVICE_DELETED', 'data': {'path': '/b'}},
                {'return': {'status': 'running', 'running': True}}]
        for _ in range(5000):
            self.model.feed(spoil(rng.choice(good)))
            self.text(height=rng.choice((None, 10, 40)))


class ConnectionTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def qemu(self, **kwargs):
        server = FakeQEMU(self.folder, [DEVICE], **kwargs)
        self.addCleanup(server.close)
        return server

    def test_once_and_record(self):
        log = os.path.join(self.folder, 'log')
        status, output, _ = run('--once', '--record', log, self.qemu().path)
        self.assertEqual(status, 0)
        self.assertIn('QEMU 10.2.2  VM running', output)
        self.assertRegex(output, r'nvme0 .* run .* tsm0 \(software\)')
        status, replayed, _ = run('--replay', log)
        self.assertEqual(status, 0)
        self.assertEqual(output.split('\n')[2:], replayed.split('\n')[2:])

    def test_line_that_was_used_before(self):
        status, output, _ = run('--once', self.qemu(greeting=False).path)
        self.assertEqual(status, 0)
        self.assertIn('nvme0', output)

    def test_terminal(self):
        """Live in a terminal: redrawn at an event, ended by a key."""
        server = self.qemu()
        try:
            pid, terminal = pty.fork()
        except OSError as error:
            self.skipTest(f'this machine gives no terminal: {error}')
        if pid == 0:
            os.environ['TERM'] = 'xterm'
            os.execv(PROGRAM, [str(PROGRAM), server.path])
        screen = b''

        def until(words):
            nonlocal screen
            end = time.monotonic() + 30
            while words not in screen:
                self.assertLess(time.monotonic(), end, screen)
                if select.select([terminal], [], [], 0.1)[0]:
                    screen += os.read(terminal, 1 << 16)

        until(b'\033[32mrun\033[0m')
        server.devices = [dict(DEVICE, state='error')]
        server.say(changed('run', 'error', 'device-error'))
        until(b'-> \033[31;1merror')
        until(b'\033[31;1merror\033[0m    ')
        os.write(terminal, b'q')
        until(b'\033[?1049l')
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        os.close(terminal)


if __name__ == '__main__':
    unittest.main()
