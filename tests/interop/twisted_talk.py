"""
Talks with twisty over any stream, by Twisted's endpoints.

    python3 twisted_talk.py serve FRAMING ENDPOINT          sends everything back
    python3 twisted_talk.py call FRAMING ENDPOINT           sends messages, and compares what comes back
    python3 twisted_talk.py greet ENDPOINT                  answers a line with the addresses of the connection
    python3 twisted_talk.py return PORT                     connects to that port again and again

The framing is `line`, `netstring` or `raw`. What is sent last ends in a byte that says who closes the connection: 255 the
server, 254 the client. The server says where it listens, and then how each connection ended. The client connects twice, to
have each close once; it says how that ended, and ends with status 0 if everything came back. Who connects again says what
it meets.
"""

import faulthandler
import ipaddress
import random
import sys

from twisted.internet import defer, endpoints, protocol, task
from twisted.protocols import basic

#: Seconds after which we give up.
PATIENCE = 60
#: How many messages are on their way at once.
WINDOW = 100
SERVER_CLOSES, CLIENT_CLOSES = 255, 254


class RawReceiver(protocol.Protocol):
    """Bytes as they come."""

    def dataReceived(self, data):
        self.received(data)

    def send(self, data):
        self.transport.write(data)


class LineReceiver(basic.LineReceiver):
    def lineReceived(self, line):
        self.received(line)

    def send(self, line):
        self.sendLine(line)


class NetstringReceiver(basic.NetstringReceiver):
    def stringReceived(self, string):
        self.received(string)

    def send(self, string):
        self.sendString(string)


FRAMINGS = {"raw": RawReceiver, "line": LineReceiver, "netstring": NetstringReceiver}


def echo(framing):
    class Echo(FRAMINGS[framing]):
        def received(self, data):
            self.send(data)
            if data[-1:] == bytes([SERVER_CLOSES]):
                self.transport.loseConnection()

        def connectionLost(self, reason):
            print(reason.type.__name__, flush=True)

    return Echo


def call(framing, messages, closer):
    class Call(FRAMINGS[framing]):
        def __init__(self):
            self.done = defer.Deferred()
            self.left = iter([*messages, bytes([closer])])
            self.heard = []

        def connectionMade(self):
            for _ in range(WINDOW):
                self.send_next()

        def send_next(self):
            message = next(self.left, None)
            if message is not None:
                self.send(message)

        def received(self, data):
            self.heard.append(data)
            self.send_next()
            if data[-1:] == bytes([CLIENT_CLOSES]):
                self.transport.loseConnection()

        def connectionLost(self, reason):
            print(reason.type.__name__, flush=True)
            sent = [*messages, bytes([closer])]
            same = b"".join(self.heard) == b"".join(sent) if framing == "raw" else self.heard == sent
            self.done.callback(same)

    return Call()


def random_messages(framing):
    """Of bytes that do not say who closes, and which may stand in a line."""
    rng = random.Random(5)
    lengths = [64 << 10] * 64 if framing == "raw" else [rng.randrange(1500) for _ in range(2000)] + [16384] * 20
    table = bytes(byte if byte < 250 and byte != 13 else 46 for byte in range(256))
    return [rng.randbytes(length).translate(table) for length in lengths]


async def run_server(reactor, framing, endpoint):
    server = endpoints.serverFromString(reactor, endpoint)
    port = await server.listen(protocol.Factory.forProtocol(echo(framing)))
    print(getattr(port.getHost(), "port", "ready"), flush=True)
    await defer.Deferred()


async def run_client(reactor, framing, endpoint):
    for closer in [SERVER_CLOSES, CLIENT_CLOSES]:
        client = call(framing, random_messages(framing), closer)
        await endpoints.connectProtocol(endpoints.clientFromString(reactor, endpoint), client)
        if not await client.done:
            sys.exit("what came back is not what was sent")


class Greet(basic.LineReceiver):
    def lineReceived(self, line):
        peer, host = (
            f"tcp:[{ipaddress.ip_address(end.host)}]:{end.port}" if ":" in end.host else f"tcp:{end.host}:{end.port}"
            for end in (self.transport.getPeer(), self.transport.getHost())
        )
        self.sendLine(f"{peer} at {host}".encode())
        self.transport.loseConnection()


async def run_greeter(reactor, endpoint):
    port = await endpoints.serverFromString(reactor, endpoint).listen(protocol.Factory.forProtocol(Greet))
    print(port.getHost().port, flush=True)
    await defer.Deferred()


class Again(protocol.ReconnectingClientFactory):
    """Says what it meets; its delays are short."""

    initialDelay, maxDelay = 0.02, 0.2
    noisy = False

    def buildProtocol(self, address):
        self.resetDelay()
        visitor = RawReceiver()
        visitor.received = lambda data: print("heard", data.decode().strip(), flush=True)
        return visitor

    def clientConnectionLost(self, connector, reason):
        print("lost", flush=True)
        super().clientConnectionLost(connector, reason)

    def clientConnectionFailed(self, connector, reason):
        print("failed", flush=True)
        super().clientConnectionFailed(connector, reason)


async def run_again(reactor, port):
    reactor.connectTCP("127.0.0.1", int(port), Again())
    await defer.Deferred()


if __name__ == "__main__":
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    runs = {"serve": run_server, "call": run_client, "greet": run_greeter, "return": run_again}
    task.react(lambda reactor: defer.Deferred.fromCoroutine(runs[sys.argv[1]](reactor, *sys.argv[2:])))
