"""
Speaks UDP with twisty, by Twisted's own ports.

    python3 twisted_datagrams.py echo
    python3 twisted_datagrams.py ask PORT COUNT SEED

`echo` prints its port and sends each datagram back, until standard input ends; it prints how many there were.

`ask` sends random datagrams to a port that sends them back: empty ones, longest ones and others, each after the answer to
the one before. Ends with status 0 if each came back as it was, from where it was sent to.
"""

import faulthandler
import random
import sys

from twisted.internet import defer, protocol, stdio, task

#: Seconds after which we give up.
PATIENCE = 100
#: The longest datagram of IPv4.
LONGEST = 65507


class Echo(protocol.DatagramProtocol):
    datagrams = 0

    def datagramReceived(self, data, address):
        self.datagrams += 1
        self.transport.write(data, address)


class Ask(protocol.DatagramProtocol):
    def __init__(self, port, count, seed):
        self.port, self.left, self.random = port, count, random.Random(seed)
        self.done = defer.Deferred()

    def startProtocol(self):
        self.transport.connect("127.0.0.1", self.port)
        self.ask()

    def ask(self):
        lengths = {0: 0, 1: LONGEST}
        length = lengths.get(self.left % 100, self.random.randrange(1500))
        self.asked = self.random.randbytes(length)
        self.transport.write(self.asked)

    def datagramReceived(self, data, address):
        if data != self.asked or address != ("127.0.0.1", self.port):
            return self.done.errback(ValueError(f"{len(data)} bytes from {address}, not those that were sent"))
        self.left -= 1
        if self.left == 0:
            return self.done.callback(None)
        self.ask()

    def connectionRefused(self):
        self.done.errback(ConnectionRefusedError("nobody listens there"))


class UntilTheEnd(protocol.Protocol):
    def __init__(self):
        self.done = defer.Deferred()

    def connectionLost(self, reason):
        self.done.callback(None)


async def echo(reactor):
    server = Echo()
    port = reactor.listenUDP(0, server, interface="127.0.0.1", maxPacketSize=LONGEST)
    print(port.getHost().port, flush=True)
    end = UntilTheEnd()
    stdio.StandardIO(end)
    await end.done
    print(server.datagrams, flush=True)


async def ask(reactor, port, count, seed):
    client = Ask(int(port), int(count), int(seed))
    reactor.listenUDP(0, client, interface="127.0.0.1", maxPacketSize=LONGEST)
    await client.done.addTimeout(PATIENCE, reactor)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(PATIENCE + 10, exit=True)
    task.react(lambda reactor: defer.ensureDeferred({"echo": echo, "ask": ask}[sys.argv[1]](reactor, *sys.argv[2:])))
