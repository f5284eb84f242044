"""connect-proxy.py PORTFILE: an HTTP proxy for tests that knows CONNECT alone.

Writes the port it listens on to PORTFILE once it is ready, and adds each
CONNECT's line to PORTFILE.log.
"""
import os
import socket
import sys
import threading


def carry(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def serve(client, log):
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1)
    line = head.split(b"\r\n")[0]
    log.write(line + b"\n")
    host, port = line.split()[1].decode().rsplit(":", 1)
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 go on\r\n\r\n")
    threading.Thread(target=carry, args=(server, client), daemon=True).start()
    carry(client, server)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    with open(sys.argv[1] + ".tmp", "w", encoding="ascii") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])
    with open(sys.argv[1] + ".log", "wb", 0) as log:
        while True:
            client, _ = listener.accept()
            threading.Thread(
                target=serve, args=(client, log), daemon=True).start()


main()
