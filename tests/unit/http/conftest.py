"""Hosts on loopback that answer as a test says."""

import datetime
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket], None]


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = self._certificate(
            self._name, self._key, x509.BasicConstraints(ca=True, path_length=0)
        ).sign(self._key, hashes.SHA256())
        self.bundle = str(folder / "authority.pem")
        Path(self.bundle).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
    ) -> x509.CertificateBuilder:
        today = datetime.datetime.now(datetime.UTC)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - datetime.timedelta(days=1))
            .not_valid_after(today + datetime.timedelta(days=1))
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(issuer_key, False)
        )

    def server_context(self, name: str) -> ssl.SSLContext:
        """Return the TLS context of a server whose certificate is for ``name``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test host")])
        certificate = (
            self._certificate(subject, key, x509.BasicConstraints(ca=False, path_length=None))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = self._folder / f"{name}.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Host:
    """A host on 127.0.0.1: notes what comes and lets ``answer`` write to the connection."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None) -> None:
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self.server_names: list[str | None] = []
        self._context = context
        if context is not None:
            context.sni_callback = self._note_server_name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _note_server_name(self, _socket: Any, name: str | None, _context: Any) -> None:
        self.server_names.append(name)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._context is None:
                    self._exchange(connection)
                else:
                    with self._context.wrap_socket(connection, server_side=True) as wrapped:
                        self._exchange(wrapped)
            except OSError:
                return  # the client went away, as some tests want it to

    def _exchange(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        received, missing = b"", 0
        while b"\r\n\r\n" not in received or missing > 0:
            if not (data := connection.recv(65536)):
                return
            received += data
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\nContent-Length: *(\d+)", head)
            missing = int(length[1]) - len(body) if length else 0
        self.requests.append(received)
        self.answer(connection)

    def close(self) -> None:
        with self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    """Start hosts: ``serve(answer, context)``; ``answer`` is bytes or a function of a socket."""
    hosts: list[Host] = []

    def start(answer: bytes | Answer, context: ssl.SSLContext | None = None) -> Host:
        def send(connection: socket.socket) -> None:
            assert isinstance(answer, bytes)
            connection.sendall(answer)

        hosts.append(Host(send if isinstance(answer, bytes) else answer, context))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture(scope="module")
def fickle_host() -> Iterator[Host]:
    """One host for many examples of a property test, each of which sets its ``answer``."""
    host = Host(lambda _connection: None, None)
    yield host
    host.close()
