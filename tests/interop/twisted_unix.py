"""
Talks to a twisty server over a UNIX socket.

    python3 twisted_unix.py PATH LINES [1|2|6]    sends so many lines, behind a PROXY header of that version (6: version
                                                  2 with IPv6), and compares what comes back; prints the greeting
    python3 twisted_unix.py PATH listen           tries to listen there itself; prints why it cannot
    python3 twisted_unix.py PATH serve            listens there itself, and sends lines back in capitals to one client
"""

import faulthandler
import socket
import struct
import sys

from twisted.internet import defer, endpoints, error, protocol, task
from twisted.protocols import basic

#: Seconds after which we give up.
PATIENCE = 100


def header(version):
    """What a proxy says about the client that it speaks for."""
    if version == "1":
        return b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n"
    family, code = (socket.AF_INET6, 0x21) if version == "6" else (socket.AF_INET, 0x11)
    ends = ("2001:db8::1", "2001:db8::2") if version == "6" else ("192.0.2.1", "192.0.2.2")
    addresses = b"".join(socket.inet_pton(family, end) for end in ends) + struct.pack("!HH", 4711, 80)
    extension = struct.pack("!BH", 0x04, 5) + b"no-op"
    rest = addresses + extension
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, code, len(rest)) + rest


class Client(basic.LineReceiver):
    def __init__(self, lines, header):
        self.lines = [b"line %d" % number for number in range(lines)]
        self.header = header
        self.received = []
        self.done = defer.Deferred()

    def connectionMade(self):
        self.transport.write(self.header)
        for line in self.lines:
            self.sendLine(line)

    def lineReceived(self, line):
        self.received.append(line)
        if len(self.received) > len(self.lines):
            self.transport.loseConnection()

    def connectionLost(self, reason):
        if not reason.check(error.ConnectionDone):
            self.done.errback(reason)
        elif self.received[1:] != self.lines:
            self.done.errback(Exception("what came back is not what was sent"))
        else:
            print(self.received[0].decode())
            self.done.callback(None)


class Shout(basic.LineReceiver):
    """Twisted's own server, for one client of twisty's."""

    def __init__(self, done):
        self.done = done

    def lineReceived(self, line):
        self.sendLine(line.upper())

    def connectionLost(self, reason):
        self.done.callback(None) if reason.check(error.ConnectionDone) else self.done.errback(reason)


async def serve(reactor, path):
    done = defer.Deferred()
    factory = protocol.Factory.forProtocol(lambda: Shout(done))
    port = await endpoints.UNIXServerEndpoint(reactor, path).listen(factory)
    print("ready", flush=True)
    await done
    await port.stopListening()


async def main(reactor, path, what, version=None):
    if what == "serve":
        return await serve(reactor, path)
    if what == "listen":
        try:
            await endpoints.UNIXServerEndpoint(reactor, path, wantPID=True).listen(protocol.Factory())
        except error.CannotListenError as refused:
            print(type(refused).__name__)
        return
    client = Client(int(what), header(version) if version else b"")
    await endpoints.connectProtocol(endpoints.UNIXClientEndpoint(reactor, path), client)
    await client.done


if __name__ == "__main__":
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    task.react(lambda reactor: defer.Deferred.fromCoroutine(main(reactor, *sys.argv[1:])))
