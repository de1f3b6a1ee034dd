"""
Speaks TLS with twisty, as Twisted does it.

    python3 twisted_tls.py client PORT DIRECTORY LINES
    python3 twisted_tls.py server CERTIFICATE KEY

The client trusts the authorities of a directory. It sends lines of all lengths, and each must come back; then it closes
the connection, and ends with status 0 if that was closed in good order. The server says which port it has, sends each
line back, and closes when it is told "bye"; then it says how each connection ended.
"""

import faulthandler
import sys

from twisted.internet import defer, endpoints, error, protocol, task
from twisted.protocols import basic

#: Seconds after which we give up.
PATIENCE = 60


class Caller(basic.LineReceiver):
    def __init__(self, lines):
        self.lines = [b"x" * (number % 3000) for number in range(lines)]
        self.heard = []
        self.done = defer.Deferred()

    def connectionMade(self):
        for line in self.lines:
            self.sendLine(line)

    def lineReceived(self, line):
        self.heard.append(line)
        if len(self.heard) == len(self.lines):
            self.transport.loseConnection()

    def connectionLost(self, reason):
        # In a tuple: a failure alone would be the Deferred's own.
        self.done.callback((reason,))


class Echo(basic.LineReceiver):
    def lineReceived(self, line):
        if line == b"bye":
            self.transport.loseConnection()
        else:
            self.sendLine(line)

    def connectionLost(self, reason):
        print("ended:", reason.type.__name__, flush=True)


@defer.inlineCallbacks
def client(reactor, port, directory, lines):
    description = f"tls:localhost:{port}:trustRoots={directory}"
    caller = Caller(int(lines))
    yield endpoints.connectProtocol(endpoints.clientFromString(reactor, description), caller)
    (reason,) = yield caller.done
    if not reason.check(error.ConnectionDone) or caller.heard != caller.lines:
        sys.exit(f"{len(caller.heard)} lines came back, then {reason}")


@defer.inlineCallbacks
def server(reactor, certificate, key):
    description = f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    endpoint = endpoints.serverFromString(reactor, description)
    port = yield endpoint.listen(protocol.Factory.forProtocol(Echo))
    print(port.getHost().port, flush=True)
    yield defer.Deferred()


if __name__ == "__main__":
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    task.react({"client": client, "server": server}[sys.argv[1]], sys.argv[2:])
