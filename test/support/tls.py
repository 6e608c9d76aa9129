"""Encrypted sockets that behave as plain ones do, and certificates."""
import os
import ssl
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def context():
    """A client that trusts anybody."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


class Encrypted:
    """A socket that was connected, after the handshake. What would block says so as a plain one does."""

    def __init__(self, sock, name=None, ctx=None):
        self.tls = (ctx or context()).wrap_socket(sock, server_hostname=name)

    def __getattr__(self, name):
        return getattr(self.tls, name)

    def fileno(self):
        return self.tls.fileno()

    def _try(self, call, *args):
        try:
            return call(*args)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError as e:
            raise OSError(str(e)) from None

    def send(self, data):
        return self._try(self.tls.send, data)

    def recv(self, size):
        return self._try(self.tls.recv, size)

    @property
    def serial(self):
        """Of the certificate that the server has shown, as openssl writes it."""
        pem = ssl.DER_cert_to_PEM_cert(self.tls.getpeercert(True))
        out = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True,
                             check=True).stdout
        return out.strip().partition("=")[2]


def make_pair(path, *names, rsa=False, days=30):
    """PATH.crt and PATH.key by scripts/self-signed; gives the serial."""
    subprocess.run([os.path.join(TOP, "scripts", "self-signed"), *(["-r"] if rsa else []), "-d", str(days), "-o", path,
                    *names], check=True, capture_output=True)
    out = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", path + ".crt"], capture_output=True,
                         text=True, check=True).stdout
    return out.strip().partition("=")[2]
