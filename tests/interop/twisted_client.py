"""
Talks to a twisty server with Twisted's own framing, in both directions at once.

    python3 twisted_client.py FRAMING PORT MESSAGES SEED

Two connections are made. On the first, we send random messages, and the server must send each of them back. On the
second, the server does so, and we send them back. Ends with status 0 if nothing was lost, reordered or changed on the
first connection, and the server closed the second one cleanly; what came back on that, the server verifies itself.
"""

import faulthandler
import random
import sys

from twisted.internet import defer, endpoints, error, task
from twisted.protocols import basic

#: How many messages are on their way at once: enough that both directions are busy.
WINDOW = 100
#: Seconds after which we give up.
PATIENCE = 100

#: The receiver, and the longest message that it allows or can say.
FRAMINGS = {
    "line": (basic.LineReceiver, 16384),
    "netstring": (basic.NetstringReceiver, 99999),
    "int16": (basic.Int16StringReceiver, 65535),
    "int32": (basic.Int32StringReceiver, 99999),
}


def random_messages(framing, longest, count, seed):
    """Mostly short ones, some longer, and again and again an empty and a longest one."""
    rng = random.Random(seed)
    for number in range(count):
        if number % 500 == 0:
            length = longest
        elif number % 97 == 0:
            length = 0
        else:
            length = rng.randrange(rng.choice([4, 60, 60, 60, 1000]))
        message = rng.randbytes(length)
        yield message.replace(b"\r\n", b"\r.") if framing == "line" else message


class Peer:
    """Lines and strings under one name. Mixed into a receiver."""

    def __init__(self):
        self.done = defer.Deferred()

    def lineReceived(self, line):
        self.received(line)

    def stringReceived(self, string):
        self.received(string)

    def send(self, message):
        (self.sendLine if hasattr(self, "sendLine") else self.sendString)(message)

    def fail(self, problem):
        if not self.done.called:
            self.done.errback(RuntimeError(problem))


class Verifier(Peer):
    """Sends messages, and compares what comes back."""

    def __init__(self, messages):
        super().__init__()
        self.messages, self.sent, self.verified = messages, 0, 0

    def connectionMade(self):
        self.send(b"echo")
        self.send_up_to(WINDOW)

    def send_up_to(self, count):
        for message in self.messages[self.sent : count]:
            self.send(message)
            self.sent += 1

    def received(self, message):
        if self.verified == len(self.messages):
            self.fail("more came back than was sent")
        elif message != self.messages[self.verified]:
            self.fail(f"message {self.verified} did not come back as it was sent")
        else:
            self.verified += 1
            self.send_up_to(self.verified + WINDOW)
            if self.verified == len(self.messages):
                self.transport.loseConnection()

    def connectionLost(self, reason):
        if self.verified < len(self.messages) or not reason.check(error.ConnectionDone):
            self.fail(f"the connection ended after {self.verified} messages: {reason.value}")
        if not self.done.called:
            self.done.callback(None)


class Echo(Peer):
    """Sends everything back, until the server has seen enough."""

    def connectionMade(self):
        self.send(b"source")

    def received(self, message):
        self.send(message)

    def connectionLost(self, reason):
        if not reason.check(error.ConnectionDone):
            self.fail(f"the server's own connection broke: {reason.value}")
        else:
            self.done.callback(None)


async def main(reactor, framing, port, count, seed):
    receiver, longest = FRAMINGS[framing]
    messages = list(random_messages(framing, longest, int(count), int(seed)))
    server = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(port))
    peers = [type(role.__name__, (role, receiver), {}) for role in (Verifier, Echo)]
    verifier = await endpoints.connectProtocol(server, peers[0](messages))
    echo = await endpoints.connectProtocol(server, peers[1]())
    both = defer.gatherResults([verifier.done, echo.done], consumeErrors=True)
    await both.addTimeout(PATIENCE, reactor)
    print(f"{framing}: {verifier.verified} messages there and back")


if __name__ == "__main__":
    # Whatever hangs, this ends, and says where it was.
    faulthandler.dump_traceback_later(PATIENCE + 20, exit=True)
    task.react(lambda reactor, *arguments: defer.ensureDeferred(main(reactor, *arguments)), sys.argv[1:])
