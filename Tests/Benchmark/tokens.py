"""An issuer: one RSA key of 2,048 bits, its JWK Set on loopback, and tokens by the thousand."""

import base64
import concurrent.futures
import http.server
import json
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://idp.example.com/"
AUDIENCE = "my-app"
KEY_ID = "benchmark-1"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value):
    return base64url(json.dumps(value, separators=(",", ":")).encode())


class Issuer:
    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, number=0):
        """A token of an ordinary size (about 650 bytes), its ID made from the number."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "exp": now + 7200, "iat": now,
            "email": "jane.doe@example.com", "email_verified": True, "scope": "openid profile email", "jti": f"{number:032x}",
        }
        signed = encoded({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}) + "." + encoded(claims)
        return signed + "." + base64url(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))

    def tokens(self, count):
        with concurrent.futures.ThreadPoolExecutor() as threads:
            return list(threads.map(self.token, range(1, count + 1)))

    def public_pem(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def jwk_set(self):
        numbers = self.key.public_key().public_numbers()
        octets = lambda n: base64url(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
                          "n": octets(numbers.n), "e": octets(numbers.e)}]}

    def publish(self):
        """Serves the JWK Set from a thread of this process. Returns its URL."""
        body = json.dumps(self.jwk_set()).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/jwk-set+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/jwks"
