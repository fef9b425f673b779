"""certs.py: a certificate authority and certificates, made by openssl."""
import ssl
import subprocess
from pathlib import Path


def openssl(*args, cwd):
    subprocess.run(["openssl", *args], check=True, cwd=cwd,
                   capture_output=True)


class Authority:
    def __init__(self, directory, name="Test CA"):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.ca = self.dir / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-days", "2", "-subj", f"/CN={name}",
                cwd=self.dir)

    def certificate(self, name, *alternatives):
        """(certificate, key) for names and "IP:..."s."""
        names = ",".join(x if ":" in x else "DNS:" + x
                         for x in (alternatives or (name,)))
        crt, key = self.dir / f"{name}.pem", self.dir / f"{name}.key"
        (self.dir / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key.name,
                "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=self.dir)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem",
                "-CAkey", "ca.key", "-CAcreateserial", "-out", crt.name,
                "-days", "2", "-extfile", f"{name}.ext", cwd=self.dir)
        key.chmod(0o600)
        return crt, key

    def server(self, name, *alternatives):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate(name, *alternatives))
        return context

    def client(self):
        return ssl.create_default_context(cafile=str(self.ca))
