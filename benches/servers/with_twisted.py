"""The Twisted servers, as its own documentation writes them. Usage: with_twisted.py NAME"""

import sys

from twisted.internet import protocol, reactor
from twisted.protocols import basic


class NoDelay:
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)


class Echo(NoDelay, protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)


class Lines(NoDelay, basic.LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line)


class Netstrings(NoDelay, basic.NetstringReceiver):
    def stringReceived(self, string):
        self.sendString(string)


class Strings(NoDelay, basic.Int32StringReceiver):
    def stringReceived(self, string):
        self.sendString(string)


class Chat(NoDelay, basic.LineReceiver):
    name = None

    def lineReceived(self, line):
        if self.name is None:
            self.name = line
            self.factory.members[line] = self
            self.sendLine(b"Welcome, " + line + b"!")
            return
        line += self.delimiter
        for name, member in self.factory.members.items():
            if member is not self:
                member.transport.write(line)

    def connectionLost(self, reason):
        self.factory.members.pop(self.name, None)


class Quote(protocol.Protocol):
    # What is said in one write and then closed is never delayed.
    def connectionMade(self):
        self.transport.write(b"An apple a day keeps the doctor away\r\n")
        self.transport.loseConnection()


class DatagramEcho(protocol.DatagramProtocol):
    noisy = False

    def datagramReceived(self, data, address):
        self.transport.write(data, address)


servers = {
    "echo": Echo,
    "lines": Lines,
    "netstrings": Netstrings,
    "strings": Strings,
    "chat": Chat,
    "quote": Quote,
}

if sys.argv[1] == "datagrams":
    port = reactor.listenUDP(0, DatagramEcho(), interface="127.0.0.1")
    print(f"udp:127.0.0.1:{port.getHost().port}", flush=True)
    reactor.run()
    sys.exit()

factory = protocol.Factory.forProtocol(servers[sys.argv[1]])
factory.noisy = False
factory.members = {}
port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
print(f"tcp:127.0.0.1:{port.getHost().port}", flush=True)
reactor.run()
