# SPDX-License-Identifier: Apache-2.0
"""A peer that takes itself for a D-Bus: it answers what it is told to, and keeps what it was asked."""

import os
import re
import socket
import struct
import threading

RETURN, ERROR = 2, 3


def field(code, kind, value):
    """A header field, from a multiple of 8 on."""
    start = bytes([code, 1, ord(kind), 0])
    if kind == 'u':
        return start + struct.pack('=I', value)
    if kind == 'g':
        return start + bytes([len(value)]) + value.encode() + b'\0'
    return start + struct.pack('=I', len(value)) + value.encode() + b'\0'


def padded(data, to=8):
    return data + bytes(-len(data) % to)


def message(kind, serial, error=None, text=None):
    fields = [field(5, 'u', serial)]
    fields += [field(4, 's', error)] if error else []
    fields += [field(8, 'g', 's')] if text is not None else []
    body = struct.pack('=I', len(text)) + text.encode() + b'\0' if text is not None else b''
    joined = b''.join(map(padded, fields[:-1])) + fields[-1]
    order = b'l' if struct.pack('=H', 1) == b'\1\0' else b'B'
    return padded(order + bytes([kind, 0, 1]) + struct.pack('=III', len(body), 9, len(joined))
                  + joined) + body


class FakeBus:
    """`answers` are functions of a call's serial, one for each call after Hello; None: silence."""

    def __init__(self, folder, answers, greeting=b'OK 0\r\n'):
        self.path = os.path.join(folder, 'bus')
        self.answers, self.greeting, self.calls = list(answers), greeting, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o777)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            while True:
                self.talk(self.listener.accept()[0])
        except OSError:
            pass

    def talk(self, peer):
        with peer:
            try:
                self.greet(peer)
                answers = [lambda serial: message(RETURN, serial), *self.answers]
                while (call := self.read_call(peer)) is not None:
                    self.calls.append(call)
                    answer = answers[min(len(self.calls), len(answers)) - 1]
                    if answer:
                        peer.sendall(answer(struct.unpack_from('=I', call, 8)[0]))
            except OSError:
                pass

    def greet(self, peer):
        line = b''
        while not line.endswith(b'\r\n') and (byte := peer.recv(1)):
            line += byte
        if self.greeting is not None:
            peer.sendall(self.greeting)
        while not line.endswith(b'BEGIN\r\n') and (byte := peer.recv(1)):
            line += byte

    @staticmethod
    def read_call(peer):
        head = peer.recv(16, socket.MSG_WAITALL)
        if len(head) < 16:
            return None
        body, _, fields = struct.unpack_from('=III', head, 4)
        return head + peer.recv((fields + 7) // 8 * 8 + body, socket.MSG_WAITALL)

    def names(self):
        """The units that were asked for."""
        return [name.decode() for call in self.calls
                for name in re.findall(rb'memcage-[0-9a-f-]+\.scope', call)]

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
